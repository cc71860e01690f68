"""Core ML's packages, as far as they can be checked where Core ML does not run."""

import dataclasses
import sys

import numpy as np
import pytest

from conversion.gate.comparison import compare_files
from lightning_plates.errors import InputError, ModelError
from runtimes import open_model

pytest.importorskip("torch", reason="needs the extra coreml")
# Importing coremltools, which imports much else, takes a minute and more on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


_INT8_WEIGHTS = "constexpr_affine_dequantize"


@pytest.fixture(scope="module")
def converter():
    from conversion.coreml import CoreMlConverter

    pytest.importorskip("coremltools", reason="needs the extra coreml")
    return CoreMlConverter()


@pytest.fixture
def few_are_enough(monkeypatch):
    """Lets the tiny network's layers count as large."""
    monkeypatch.setattr("conversion.coreml._FEW", 64)


@pytest.fixture
def package(tmp_path, hub_file, some_photos, converter):
    return converter.convert(hub_file, tmp_path, "fp32", some_photos, device="reference").path


@pytest.mark.usefixtures("few_are_enough")
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_program_answers_like_the_hub(tmp_path, hub_file, some_photos, converter, precision):
    all_in_int8 = dataclasses.replace(converter, keep_float=())
    artefact = all_in_int8.convert(hub_file, tmp_path, precision, some_photos, device="reference")
    manifest = artefact.manifest
    assert manifest.operators["conv"] == 2
    assert manifest.operators.get(_INT8_WEIGHTS, 0) == 2 * (precision == "int8")
    assert manifest.device == "reference"
    assert "Core ML itself did not run it" in manifest.details["compared"]
    limit = {"fp32": 1e-5, "fp16": 1e-2, "int8": 5e-2}[precision]
    assert manifest.parity.max_abs_difference < limit
    with open_model(artefact.path, device="reference") as model, open_model(hub_file) as hub:
        assert model.spec == hub.spec
        assert [t.shape for t in (*model.inputs, *model.outputs)] == [(1, 3, 16, 16), (1, 4)]


@pytest.mark.usefixtures("few_are_enough")
def test_int8_leaves_the_named_layers_in_float(tmp_path, hub_file, some_photos, converter):
    def convert(*kept):
        chosen = dataclasses.replace(converter, keep_float=kept)
        return chosen.convert(hub_file, tmp_path, "int8", some_photos, device="reference").manifest

    with pytest.raises(InputError, match=r"no layer 'warp' \(layers: (.+)\)") as refused:
        convert("warp")
    layers = refused.value.args[0].partition("layers: ")[2].rstrip(")").split(", ")
    manifest = convert(layers[1])
    assert manifest.details["kept_float"] == [layers[1]]
    assert manifest.operators[_INT8_WEIGHTS] == 1


@pytest.mark.usefixtures("few_are_enough")
def test_without_a_choice_the_last_layers_are_tried(
    tmp_path, hub_file, some_photos, calibration, converter
):
    artefact = converter.convert(
        hub_file, tmp_path, "int8", some_photos, calibration, device="reference"
    )
    trials = artefact.manifest.details["trials"]
    assert sorted(len(trial["kept_float"]) for trial in trials) == [0, 1, 2]
    by_count = sorted(trials, key=lambda trial: len(trial["kept_float"]))
    assert by_count[0]["bytes"] < by_count[2]["bytes"]


def test_small_layers_stay_in_float(tmp_path, hub_file, some_photos, converter):
    all_in_int8 = dataclasses.replace(converter, keep_float=())
    artefact = all_in_int8.convert(hub_file, tmp_path, "int8", some_photos, device="reference")
    assert _INT8_WEIGHTS not in artefact.manifest.operators


@pytest.mark.skipif(sys.platform == "darwin", reason="there Core ML itself opens it")
def test_elsewhere_it_says_who_runs_it(package):
    with pytest.raises(ModelError, match="Core ML runs on Apple's systems only"):
        open_model(package)


@pytest.mark.parametrize("part", ["model.mlmodel", "weights/weight.bin"])
def test_what_is_no_package_is_named(package, part):
    whole = package / "Data" / "com.apple.CoreML" / part
    whole.write_bytes(whole.read_bytes()[:40])
    with pytest.raises(ModelError, match=r"tiny\.fp32\.mlpackage: coremltools cannot open it"):
        open_model(package, device="reference")


def test_wrong_weights_are_noticed(hub_file, some_photos, package):
    weights = package / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"
    stored = bytearray(weights.read_bytes())
    middle = len(stored) // 2
    stored[middle : middle + 400] = np.full(100, 3.0, np.float32).tobytes()
    weights.write_bytes(stored)
    parity = compare_files(hub_file, package, some_photos, "coreml", "reference")
    assert parity.max_abs_difference > 1e-3
