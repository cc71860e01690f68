"""A margin goes from the hub into what is converted, and breaks no comparison on the way."""

import pytest

from conversion.onnxruntime import OnnxRuntimeConverter
from lightning_plates.__main__ import main
from lightning_plates.boxes import FitMargin
from lightning_plates.finding.options import box_options
from runtimes import open_model

MARGIN = FitMargin(1.2, 0.8, shift_x=0.1)


def store(model_file, margin):
    with open_model(model_file) as model:
        model.store_spec(model.spec.with_options(margin=margin), model_file)


def test_converters_keep_it_and_their_answers_obey_it(tmp_path, hub_file, some_photos):
    with open_model(hub_file) as model:
        [[bare]] = model.locate(some_photos[:1])
    store(hub_file, MARGIN)
    artefact = OnnxRuntimeConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    assert artefact.manifest.parity.mean_likeness == pytest.approx(1)
    with open_model(artefact.path) as model:
        assert box_options(model.spec).margin == MARGIN
        [[moved]] = model.locate(some_photos[:1])
    width = bare.box[2] - bare.box[0]
    assert moved.box[0] == pytest.approx(bare.box[0] + (0.1 - 0.1) * width, abs=0.01)
    assert moved.box[2] == pytest.approx(bare.box[2] + 0.2 * width, abs=0.01)


@pytest.mark.parametrize("first", [None, MARGIN])
def test_an_artefact_agrees_with_its_source_whatever_margin_it_is_given(
    tmp_path, hub_file, some_photos, first, capsys
):
    store(hub_file, first)
    artefact = OnnxRuntimeConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    for margin in (FitMargin(0.5, 0.5), None):
        store(artefact.path, margin)
        assert main(["check", str(artefact.path)]) == 0
        assert "agrees" in capsys.readouterr().out
