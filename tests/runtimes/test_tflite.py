"""What TensorFlow Lite's adapter adds to the contract: integers inside, float32 outside."""

import dataclasses
import shutil

import numpy as np
import pytest
from tiny_onnx import RGB_SPEC

from lightning_plates.errors import ModelError, SpecError
from runtimes import open_model
from runtimes.tflite import Steps

pytest.importorskip("ai_edge_litert", reason="needs the extra tflite")
BYTES = Steps(np.dtype("int8"), 0.5, -10)


@pytest.fixture
def int8_file(project_dir, tmp_path):
    file = shutil.copy(project_dir / "tests/files/tflite/mean_colour.int8.tflite", tmp_path)
    spec = dataclasses.replace(RGB_SPEC, layout="NHWC")
    (tmp_path / "mean_colour.int8.tflite.spec.json").write_text(spec.to_json(), encoding="utf-8")
    return tmp_path / file


def test_callers_see_float32(int8_file):
    with open_model(int8_file) as model:
        assert [tensor.dtype for tensor in (*model.inputs, *model.outputs)] == ["float32"] * 2
        orange = np.tile(np.array([1.0, 0.5, 0.0], np.float32), (1, 8, 8, 1))
        box = model.run({"image": orange})["box"]
    assert box.dtype == np.float32
    assert box == pytest.approx(np.array([[0.5, 0.25, 1.0, 0.5]]), abs=1 / 255)


def test_photos_are_run_one_by_one(int8_file):
    photos = [np.full((10, 20, 3), value, np.uint8) for value in (0, 128, 255)]
    with open_model(int8_file, threads=2) as model:
        boxes = model.predict(photos)["box"]
    assert boxes.shape == (3, 4)
    assert boxes[:, 0] == pytest.approx([0, 0.25, 0.5], abs=1 / 255)


def test_steps_round_and_are_cut_off():
    values = np.array([0.0, 0.26, -0.26, 1000, -1000], np.float32)
    assert BYTES.quantise(values).tolist() == [-10, -9, -11, 127, -128]
    assert BYTES.quantise(values).dtype == np.int8
    assert BYTES.dequantise(np.array([-10, -9, 127, -128], np.int8)).tolist() == [0, 0.5, 68.5, -59]


def test_answers_outlive_the_model(int8_file):
    with open_model(int8_file) as model:
        first = model.run({"image": np.zeros((1, 8, 8, 3), np.float32)})["box"]
        kept = first.copy()
        model.run({"image": np.ones((1, 8, 8, 3), np.float32)})
    assert np.array_equal(first, kept)


def test_a_file_that_is_no_model_is_named(tmp_path):
    noise = tmp_path / "noise.tflite"
    noise.write_bytes(b"no model at all" * 10)
    with pytest.raises(ModelError, match=r"noise\.tflite: LiteRT cannot open it"):
        open_model(noise)


def test_a_spec_of_the_other_layout_is_refused(int8_file):
    sidecar = int8_file.with_name(int8_file.name + ".spec.json")
    sidecar.write_text(RGB_SPEC.to_json(), encoding="utf-8")
    with open_model(int8_file) as model, pytest.raises(SpecError, match="layout NHWC would fit"):
        _ = model.spec
