import os

import numpy as np
import onnx
import pytest
import torch
from pytorch_lightning import Trainer

from conversion import hub
from conversion._base import produce
from conversion.gate.parity import Parity, Tolerance, measure_parity
from conversion.graph.hub_file import sha256_of
from conversion.hub import export_hub, load_parity_photos, main
from lightning_plates.errors import ConversionError, ModelError, ParityError
from lightning_plates.models.checkpoint import load_checkpoint
from lightning_plates.models.lit_box_regressor import LitBoxRegressor
from lightning_plates.photos import encode_jpeg
from lightning_plates.spec import METADATA_KEY, ModelSpec
from lightning_plates.terminal.console import run_reporting
from runtimes import open_model

PLAIN_OPERATORS = {"Conv", "Clip", "Relu", "Add", "Flatten", "Gemm", "Sigmoid", "Constant"}
# Untrained batch norms fold into equal biases, which the exporter stores once and names twice.
UNTRAINED_OPERATORS = PLAIN_OPERATORS | {"Identity"}


def save_checkpoint(path, seed=0, padding="symmetric"):
    """A checkpoint as a training run leaves it: MobileNetV2, random weights, 64 × 64 pixels."""
    torch.manual_seed(seed)
    module = LitBoxRegressor(weights="none", width=64, height=64, padding=padding)
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(module)
    trainer.save_checkpoint(path)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint") / "net.ckpt")


@pytest.fixture
def photos():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40, 60 + i, 3), dtype=np.uint8) for i in range(3)]


def test_the_file_answers_like_pytorch_and_carries_spec_and_hash(tmp_path, checkpoint, photos):
    target = tmp_path / "model.onnx"
    parity = export_hub(checkpoint, target, photos)
    assert parity.photos == 3
    assert parity.max_abs_difference < 1e-4
    with open_model(target) as exported, open_model(checkpoint) as trained:
        assert exported.spec == trained.spec
        for [ours], [theirs] in zip(exported.locate(photos), trained.locate(photos), strict=True):
            assert ours.box == pytest.approx(theirs.box, abs=0.01)
    metadata = {p.key: p.value for p in onnx.load(str(target)).metadata_props}
    assert metadata["lightning_plates.checkpoint_sha256"] == sha256_of(checkpoint)
    assert ModelSpec.from_json(metadata[METADATA_KEY]).width == 64
    assert not list(tmp_path.glob(".draft*"))


def test_the_graph_is_plain_and_its_batch_dynamic(tmp_path, checkpoint, photos):
    target = tmp_path / "model.onnx"
    export_hub(checkpoint, target, photos)
    model = onnx.load(str(target))
    assert {node.op_type for node in model.graph.node} <= UNTRAINED_OPERATORS
    assert model.opset_import[0].version == 13
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


def test_padding_at_the_end_survives_the_export(tmp_path, photos):
    checkpoint = save_checkpoint(tmp_path / "end.ckpt", padding="end")
    target = tmp_path / "model.onnx"
    assert export_hub(checkpoint, target, photos).max_abs_difference < 1e-4
    nodes = onnx.load(str(target)).graph.node
    assert {node.op_type for node in nodes} <= UNTRAINED_OPERATORS
    pads = [list(a.ints) for node in nodes for a in node.attribute if a.name == "pads"]
    assert pads.count([0, 0, 1, 1]) == 5  # MobileNetV2 halves five times


@pytest.mark.slow
def test_the_newer_exporter(tmp_path, checkpoint, photos):
    target = tmp_path / "model.onnx"
    parity = export_hub(checkpoint, target, photos, opset=18)
    assert parity.max_abs_difference < 1e-4
    assert onnx.load(str(target)).opset_import[0].version == 18


def test_a_file_that_answers_differently_is_not_written(tmp_path, checkpoint, photos, monkeypatch):
    target = tmp_path / "model.onnx"
    target.write_bytes(b"an earlier model")
    export = hub._export

    def export_another(module, *rest):
        with torch.no_grad():
            module.network.head[-2].bias += 1.0
        export(module, *rest)

    monkeypatch.setattr(hub, "_export", export_another)
    with pytest.raises(ParityError, match="answers differently"):
        export_hub(checkpoint, target, photos)
    assert target.read_bytes() == b"an earlier model"
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["gone.ckpt", "-o", "m.onnx"], "gone.ckpt: no such file"),
        (["{noise}", "-o", "m.onnx"], "not a checkpoint"),
        (["{ckpt}", "-o", "m.pt"], "must end in .onnx"),
        (["{ckpt}", "-o", "m.onnx", "--opset", "9"], "opset 9 is not offered"),
        (["{ckpt}", "-o", "m.onnx", "--photos", "gone"], "gone: no such file or folder"),
        (["{ckpt}", "-o", "m.onnx", "--size", "320"], "its layers fit"),
        (["{ckpt}", "-o", "m.onnx", "--mirrored"], "only a dense network"),
    ],
)
def test_bad_input_is_one_line(tmp_path, checkpoint, capsys, monkeypatch, words, reason):
    monkeypatch.chdir(tmp_path)
    noise = tmp_path / "noise.ckpt"
    noise.write_bytes(b"no checkpoint")
    filled = [word.format(ckpt=checkpoint, noise=noise) for word in words]
    assert run_reporting(main, filled) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("m.*"))


def test_the_script_reports_parity_on_the_users_photos(tmp_path, checkpoint, photos, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, photo in enumerate(photos):
        (folder / f"{number}.jpg").write_bytes(encode_jpeg(photo))
    target = tmp_path / "model.onnx"
    assert main([str(checkpoint), "-o", str(target), "--photos", str(folder)]) == 0
    assert "agrees with PyTorch on 3 photos" in capsys.readouterr().out


def test_without_photos_synthetic_ones_are_drawn():
    first, again = load_parity_photos(None), load_parity_photos(None)
    assert len(first) == hub.PARITY_PHOTOS
    np.testing.assert_array_equal(first[0], again[0])


def test_parity_of_known_answers():
    source = {"box": np.array([[0.0, 0.0, 0.5, 0.5]])}
    shifted = {"box": np.array([[0.25, 0.0, 0.75, 0.5]])}
    spec = ModelSpec("net", 8, 8)
    assert measure_parity(source, source, spec) == Parity(1, 1, 0.0, 1.0, 0.0)
    assert measure_parity(source, shifted, spec) == Parity(1, 1, 0.25, pytest.approx(1 / 3), 0.0)


@pytest.mark.parametrize("box", [np.array([[np.nan] * 4]), np.zeros((2, 4))])
def test_parity_refuses_nan_and_other_shapes(box):
    with pytest.raises(ConversionError, match="'box'"):
        measure_parity({"box": np.zeros((1, 4))}, {"box": box}, ModelSpec("net", 8, 8))


def test_an_interrupted_conversion_leaves_nothing(tmp_path):
    def interrupt(draft):
        draft.write_bytes(b"half")
        raise KeyboardInterrupt

    exact = Parity(1, 1, 0.0, 1.0, 0.0)
    with pytest.raises(KeyboardInterrupt):
        produce(tmp_path / "model.onnx", interrupt, lambda draft: exact, Tolerance(0.0, 1.0, 0.0))
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    evil = tmp_path / "evil.ckpt"
    torch.save({"lightning_plates": Trap(tmp_path / "sprung")}, evil)
    with pytest.raises(ModelError, match="not a checkpoint that can be read safely"):
        export_hub(evil, tmp_path / "m.onnx", [np.zeros((8, 8, 3), np.uint8)])
    assert not (tmp_path / "sprung").exists()


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_the_shipped_checkpoint_is_the_network_of_the_shipped_file(project_dir):
    finder = project_dir / "artifacts" / "finder"
    module = load_checkpoint(finder / "plate_finder.ckpt")
    images = np.random.default_rng(0).uniform(-1, 1, (1, 3, 352, 352)).astype(np.float32)
    with torch.inference_mode():
        answer = module(torch.from_numpy(images))
    with open_model(finder / "plate_finder.onnx") as model:
        assert model.spec == module.spec
        outputs = model.run({model.spec.input_name: images})
    np.testing.assert_allclose(outputs["scores"], answer.scores.numpy(), atol=1e-5)
    np.testing.assert_allclose(outputs["boxes"], answer.boxes.numpy(), atol=1e-4)
