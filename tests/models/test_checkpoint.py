"""Checkpoints open alone and safely."""

import os
import pickle
import zipfile

import numpy as np
import pytest
import torch

from lightning_plates.errors import InputError, ModelError, PlatesError, SpecError
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


def tiny():
    return LitBoxRegressor("mobilenet_v3_small", "none", width=32, height=32)


def saved(tmp_path, change):
    checkpoint = checkpoint_of(tiny())
    change(checkpoint)
    torch.save(checkpoint, tmp_path / "run.ckpt")
    return tmp_path / "run.ckpt"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("class_path", 3, "model record: class_path: expected `str`"),
        ("class_path", "lightning_plates..", "no network"),
        ("arguments", [1], "model record: arguments: expected `object`"),
        ("arguments", {"backbone": 5}, "model record: arguments: backbone: expected `str`"),
        ("arguments", {"width": "wide"}, "arguments: width: expected `int`"),
        ("arguments", {"loss": "l3"}, "arguments: loss: invalid enum value 'l3'"),
        ("arguments", {"depth": 3}, "arguments: object contains unknown field `depth`"),
        ("arguments", {"width": 10**6, "height": 10**6}, "weights do not fit|no network can be"),
        ("arguments", {"backbone": "nobody"}, "torchvision has no such network"),
        ("arguments", {"backbone": "vgg16"}, "weights do not fit the model record"),
        ("spec", 7, "model record: spec: expected `str`"),
        ("spec", "{}", "run.ckpt: model spec"),
        ("spec", None, "spec"),
    ],
)
def test_a_record_of_the_wrong_shape_names_file_and_field(tmp_path, field, value, said):
    def change(checkpoint):
        record = checkpoint[RECORD_KEY]
        record[field] = {**record[field], **value} if isinstance(value, dict) else value

    file = saved(tmp_path, change)
    with pytest.raises((ModelError, SpecError), match=said) as caught:
        load_checkpoint(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update({RECORD_KEY: [1]}), "model record"),
        (lambda c: c[RECORD_KEY].pop("spec"), "missing required field `spec`"),
        (lambda c: c.pop("state_dict"), "state_dict is not a dictionary of tensors"),
        (lambda c: c.update(state_dict={"a": 1}), "state_dict is not a dictionary of tensors"),
        (lambda c: c["state_dict"].popitem(), "weights do not fit the model record"),
        (lambda c: c["state_dict"].update(more=torch.ones(1)), r"more is \(1,\), expected none"),
        (lambda c: c["state_dict"]["network.head.1.bias"].fill_(torch.inf),
         "weights network.head.1.bias hold NaN or infinity"),
        (lambda c: c["state_dict"]["network.head.1.bias"].fill_(torch.nan), "hold NaN"),
    ],
)  # fmt: skip
def test_a_checkpoint_of_the_wrong_content_is_refused(tmp_path, change, said):
    file = saved(tmp_path, change)
    with pytest.raises(ModelError, match=said) as caught:
        load_checkpoint(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_a_checkpoint_opens_and_downloads_no_other_file(tmp_path, monkeypatch):
    def change(checkpoint):
        checkpoint[RECORD_KEY]["arguments"].update(weights="imagenet")

    read = LitBoxRegressor.__init__.__globals__["read_weights"]
    asked = []
    monkeypatch.setitem(
        LitBoxRegressor.__init__.__globals__,
        "read_weights",
        lambda backbone, weights, *rest: asked.append(weights) or read(backbone, weights, *rest),
    )
    load_checkpoint(saved(tmp_path, change))
    assert set(asked) == {"none"}


def test_a_damaged_byte_is_one_line_or_harmless(tmp_path):
    file = saved(tmp_path, lambda checkpoint: checkpoint.update(state_dict={"a": torch.ones(3)}))
    whole, random = file.read_bytes(), np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(whole)
        for place in random.integers(0, len(data), 3):
            data[place] = random.integers(256)
        file.write_bytes(
            data[: random.integers(1, len(data) + 1)] if random.random() < 0.2 else data
        )
        with pytest.raises(PlatesError) as caught:
            load_checkpoint(file)
        assert "\n" not in str(caught.value)


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.ckpt")
    with pytest.raises(InputError, match="not a regular file"):
        load_checkpoint(tmp_path / "pipe.ckpt")
    with pytest.raises(InputError, match="Is a directory"):
        load_checkpoint(tmp_path)
