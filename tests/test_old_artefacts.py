"""Files that were made before rooms, tasks and the front door open, and answer as they did then.

``files/old_answers.json`` holds what commit e90fc81 answered to the two sample photos. Of several
passes it keeps boxes alone: since then a plate has the score of the pass over the whole photo.
"""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from lightning_plates.__main__ import main
from lightning_plates.api import sample_photos
from lightning_plates.finding.refine import locate
from lightning_plates.golden import golden_file, load_golden
from lightning_plates.spec import METADATA_KEY, ModelSpec
from runtimes import open_model

OLD = json.loads((Path(__file__).parent / "files" / "old_answers.json").read_text("utf-8"))
CASES = OLD["answers"]
MODELS = sorted({case["model"] for case in CASES})
PIXELS, CONFIDENCE = 1e-3, 1e-4
"""Other processors add in another order."""
INT8_PIXELS, INT8_CONFIDENCE = 2.0, 0.05
"""And those without VNNI or AVX-512 saturate sums of INT8 products that others keep."""


@pytest.fixture(scope="module")
def opened(project_dir):
    """Opens each model once."""
    models = {}

    def open_once(name):
        if name not in models:
            models[name] = open_model(project_dir / "artifacts" / name)
        return models[name]

    yield open_once
    for model in models.values():
        model.close()


@pytest.mark.parametrize(
    "old", CASES, ids=lambda old: f"{old['model']}-{old['photo']}-{old['looks']}"
)
def test_what_was_found_before_is_found(opened, old):
    if old["model"].endswith(".ckpt") and find_spec("torch") is None:
        pytest.skip("checkpoints need torch")
    [file] = [file for file in sample_photos() if file.name == old["photo"]]
    photo = np.asarray(Image.open(file).convert("RGB"))
    found = locate(opened(old["model"]), photo, old["looks"])
    assert len(found) == len(old["found"])
    is_int8 = "int8" in old["model"]
    pixels = INT8_PIXELS if is_int8 else PIXELS
    confidence = INT8_CONFIDENCE if is_int8 else CONFIDENCE
    for got, expected in zip(found, old["found"], strict=True):
        assert got.box == pytest.approx(expected["box"], abs=pixels)
        if expected["confidence"] is not None:
            assert got.confidence == pytest.approx(expected["confidence"], abs=confidence)


@pytest.mark.parametrize("name", [name for name in MODELS if name.endswith(".onnx")])
def test_their_specs_are_version_1(project_dir, name):
    """If one of them is ever exported anew, a copy of the old one must stay under test."""
    graph = onnx.load(str(project_dir / "artifacts" / name), load_external_data=False)
    text = {entry.key: entry.value for entry in graph.metadata_props}[METADATA_KEY]
    fields = json.loads(text)
    assert fields["version"] == 1
    spec = ModelSpec.from_json(text)
    assert spec.task == {"single_box": "box", "scored_boxes": "detection"}[fields["decoding"]]
    for option in ("score_threshold", "max_overlap"):
        if spec.task == "detection":
            assert spec.options[option] == fields[option]
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert json.loads(spec.to_json())["version"] == 2


def test_the_shipped_golden_answers_of_version_1_hold(project_dir, capsys):
    model = project_dir / "artifacts" / "finder" / "plate_finder_int8.onnx"
    with np.load(golden_file(model)) as arrays:
        facts = json.loads(str(arrays["facts"]))
    assert facts["version"] == 1
    golden = load_golden(golden_file(model))
    assert golden.task == "detection"
    assert golden.options == {"score_threshold": facts["score_threshold"]}
    for answer, boxes in zip(golden.answers, facts["answers"], strict=True):
        assert [list(one.box) for one in answer] == [one["box"] for one in boxes]
        assert [one.confidence for one in answer] == [one["confidence"] for one in boxes]
    assert main(["check", str(model)]) == 0
    assert "agrees" in capsys.readouterr().out
