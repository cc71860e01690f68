"""A task is one file: a toy is added and goes through everything that asks tasks."""

import importlib
import json
import sys

import numpy as np
import onnx
import pytest
from tiny_onnx import save_mean_colour_model

import lightning_plates.tasks
from conversion import __main__ as conversion
from conversion.matrix import cell
from conversion.onnxruntime import OnnxRuntimeConverter
from lightning_plates.__main__ import main
from lightning_plates.errors import InputError, ParityError, PlatesError
from lightning_plates.golden import golden_file, load_golden
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import _discovery
from runtimes import open_model

TOY = '''
"""The mean colour of a photo."""
from dataclasses import dataclass
import numpy as np
from lightning_plates.tasks import Likeness, Score, Task

@dataclass(frozen=True)
class Options:
    names: bool = False

class MeanColour(Task):
    name, target, metric, likeness = "toy", "colours", "colour hit", "closeness"
    columns, Options = ("colour",), Options

    def outputs(self, spec):
        return {"box": ("N", 4)}

    def decode(self, outputs, spec, placements):
        return [tuple(row) for row in self.arrays(outputs, spec)[0].tolist()]

    def agree(self, expected, got, spec):
        return Likeness(1 - float(np.abs(np.subtract(expected, got)).max()))

    def score(self, answers, labels):
        rows = tuple({"error": float(np.abs(np.subtract(*p)).max())} for p in zip(answers, labels))
        return Score(float(np.mean([row["error"] < 0.1 for row in rows])), rows)

    def pack(self, answer):
        return {"colour": np.array(answer)}

    def unpack(self, arrays):
        return tuple(arrays["colour"].tolist())

    def draw(self, image, answer):
        return np.full_like(image, round(255 * answer[0]))

    def describe(self, answer):
        return f"colour {answer[0]:.2f}"

    def record(self, answer):
        return {"colour": list(answer)}

    def cells(self, answer):
        return [[f"{answer[0]:.3f}"]]
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """One file more in the package, and nothing else."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "toy.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(
        lightning_plates.tasks, "__path__", [*lightning_plates.tasks.__path__, str(folder)]
    )
    _discovery.list_tasks.cache_clear()
    importlib.invalidate_caches()
    yield
    _discovery.list_tasks.cache_clear()
    sys.modules.pop("lightning_plates.tasks.toy", None)


@pytest.fixture
def some_photos():
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (20, 30 + i, 3), dtype=np.uint8) for i in range(3)]


@pytest.fixture
def hub(toy, tmp_path):
    return save_mean_colour_model(tmp_path / "colour.onnx", ModelSpec("colour", 8, 8, task="toy"))


def test_golden_answers_and_check_follow_the_task(hub, tmp_path, some_photos, capsys):
    artefact = OnnxRuntimeConverter().convert(hub, tmp_path / "out", "fp32", some_photos)
    assert artefact.manifest.parity.likeness == "closeness"
    golden = load_golden(golden_file(artefact.path))
    assert (golden.task, len(golden.answers[0])) == ("toy", 4)
    assert main(["check", str(artefact.path)]) == 0
    assert "mean closeness with the source 1.000" in capsys.readouterr().out


def test_a_conversion_that_answers_differently_is_refused_by_the_task(
    hub, tmp_path, some_photos, monkeypatch
):
    def spoil(self, job, draft):
        model = onnx.load(str(job.hub.path))
        bias = next(weight for weight in model.graph.initializer if weight.name == "bias")
        moved = onnx.numpy_helper.to_array(bias) + np.float32(0.3)
        bias.CopyFrom(onnx.numpy_helper.from_array(moved, "bias"))
        onnx.save(model, str(draft))
        return original(self, job, tmp_path / "unused.onnx")

    original = OnnxRuntimeConverter._write
    monkeypatch.setattr(OnnxRuntimeConverter, "_write", spoil)
    with pytest.raises(ParityError, match=r"mean closeness 0\.700 < 0\.98"):
        OnnxRuntimeConverter().convert(hub, tmp_path / "out", "fp16", some_photos)


def test_the_table_and_two_converters_follow_the_task(hub, tmp_path, monkeypatch, capsys):
    def run_here(name, words):
        try:
            return "" if conversion.run_converter(name, words) == 0 else "failed"
        except PlatesError as error:
            return str(error)

    monkeypatch.setattr(cell, "run_script", run_here)
    words = ["all", str(hub), "-o", str(tmp_path / "out"), "--table", str(tmp_path / "t.md")]
    conversion.main([*words, "--only", "onnxruntime", "openvino"])
    head, _, *rows = (tmp_path / "t.md").read_text(encoding="utf-8").splitlines()
    assert "mean closeness with hub" in head
    assert "colour hit to label" in head
    made = [row for row in rows if "| ONNX Runtime | fp32 " in row]
    assert made[0].rstrip(" |").endswith("agrees")


def test_predict_prints_tables_and_draws_by_the_task(hub, tmp_path, make_photo_set, capsys):
    photos = make_photo_set(tmp_path / "set", {"a.png": (), "b.png": ()}).root
    words = [str(hub), str(photos), "--csv", str(tmp_path / "t.csv"), "--save", str(tmp_path / "p")]
    assert main(["predict", *words, "--json"]) == 0
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert len(line["colour"]) == 4
    assert (tmp_path / "t.csv").read_text().startswith("file,colour,error\n")
    assert len(list((tmp_path / "p").iterdir())) == 2


def test_a_model_of_another_task_finds_no_plates(hub, some_photos):
    with open_model(hub) as model, pytest.raises(InputError, match="answers toy, not boxes"):
        model.locate(some_photos)
