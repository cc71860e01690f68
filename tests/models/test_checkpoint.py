"""Checkpoints open alone and safely."""

import pickle
import zipfile

import pytest
import torch

from lightning_plates.errors import InputError, ModelError
from lightning_plates.models.checkpoint import RECORD_KEY, load_checkpoint
from lightning_plates.models.lit_box_regressor import LitBoxRegressor
from lightning_plates.models.weights import Origin, save_backbone


class Payload:
    """Would write a file if it were unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


def checkpoint_of(module):
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    return checkpoint


def test_a_checkpoint_opens_without_the_weights_it_started_from(tmp_path):
    weights = tmp_path / "start.safetensors"
    first = LitBoxRegressor("mobilenet_v3_small", "none", width=64, height=64)
    save_backbone(first.network.backbone, Origin("mobilenet_v3_small", "symmetric", "end"), weights)
    trained = LitBoxRegressor("mobilenet_v3_small", str(weights), width=64, height=64).eval()
    torch.save(checkpoint_of(trained), tmp_path / "run.ckpt")
    weights.unlink()
    loaded = load_checkpoint(tmp_path / "run.ckpt")
    image = torch.rand(2, 3, 64, 64)
    assert torch.equal(loaded(image).box, trained(image).box)
    assert loaded.spec == trained.spec
    assert loaded.spec.mean == (0.5, 0.5, 0.5)
    assert not loaded.training


def test_a_checkpoint_cannot_run_code(tmp_path):
    file, proof = tmp_path / "evil.ckpt", tmp_path / "proof"
    file.write_bytes(pickle.dumps({RECORD_KEY: Payload(proof)}))
    with pytest.raises(ModelError, match=r"evil\.ckpt"):
        load_checkpoint(file)
    torch.save({RECORD_KEY: Payload(proof)}, file)
    with pytest.raises(ModelError, match="not a checkpoint that can be read safely"):
        load_checkpoint(file)
    assert not proof.exists()


@pytest.mark.parametrize("class_path", ["os.system", "lightning_plates.boxes.box_iou"])
def test_a_checkpoint_cannot_name_just_any_class(tmp_path, class_path):
    module = LitBoxRegressor("mobilenet_v3_small", "none", width=32, height=32)
    checkpoint = checkpoint_of(module)
    checkpoint[RECORD_KEY]["class_path"] = class_path
    torch.save(checkpoint, tmp_path / "run.ckpt")
    with pytest.raises(ModelError, match=class_path):
        load_checkpoint(tmp_path / "run.ckpt")


@pytest.mark.parametrize("content", [b"", b"text"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    file = tmp_path / "bad.ckpt"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.ckpt"):
        load_checkpoint(file)
    with pytest.raises(InputError, match="no such file"):
        load_checkpoint(tmp_path / "absent.ckpt")


def test_a_checkpoint_that_unpacks_to_gigabytes_is_refused_at_once(tmp_path):
    module = LitBoxRegressor("mobilenet_v3_small", "none", width=32, height=32)
    torch.save(checkpoint_of(module), tmp_path / "run.ckpt")
    bomb = tmp_path / "bomb.ckpt"
    with (
        zipfile.ZipFile(tmp_path / "run.ckpt") as sound,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name in sound.namelist():
            more = bytes(100_000_000) if name.endswith("data.pkl") else b""
            archive.writestr(name, sound.read(name) + more)
    with pytest.raises(
        ModelError, match=r"bomb\.ckpt: not a checkpoint .* \(it was packed again\)"
    ):
        load_checkpoint(bomb)
