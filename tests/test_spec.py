import json

import pytest

from lightning_plates.boxes import FitMargin
from lightning_plates.errors import SpecError
from lightning_plates.spec import ModelSpec

SPEC = ModelSpec("net", width=32, height=16, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3))


def test_json_round_trip():
    assert ModelSpec.from_json(SPEC.to_json()) == SPEC


@pytest.mark.parametrize(("layout", "shape"), [("NCHW", (1, 3, 16, 32)), ("NHWC", (1, 16, 32, 3))])
def test_input_shape_follows_the_layout(layout, shape):
    assert ModelSpec("net", width=32, height=16, layout=layout).input_shape == shape


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"layout": "CHWN"}, "layout is 'CHWN'"),
        ({"colour_order": "GRB"}, "colour_order"),
        ({"resize": "zoom"}, "resize is 'zoom'"),
        ({"crop_share": 0}, "crop_share: expected `float` > 0"),
        ({"width": 10**6}, "width: expected `int` <= 8192"),
        ({"height": True}, "height: expected `int`, got `bool`"),
        ({"mean": [0.5, 0.5]}, "mean: expected `array` of length 3"),
        ({"classes": "cat"}, "classes: expected `array`, got `str`"),
        ({"options": []}, "options: expected `object`, got `array`"),
        ({"width": 0}, "width: expected `int` >= 1"),
        ({"std": [1.0, 0.0, 1.0]}, "must be positive"),
        ({"surprise": 1}, "surprise"),
        ({"version": 3}, "reads 1 and 2"),
    ],
)
def test_contradictions_are_refused(change, reason):
    fields = {**json.loads(SPEC.to_json()), **change}
    with pytest.raises(SpecError, match=reason):
        ModelSpec.from_json(json.dumps(fields))


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}"])
def test_other_texts_are_refused(text):
    with pytest.raises(SpecError):
        ModelSpec.from_json(text)


def test_options_travel_and_none_goes_back_to_the_default():
    with_margin = SPEC.with_options(margin=FitMargin(1.1, 0.9, -0.02, 0.03))
    assert ModelSpec.from_json(with_margin.to_json()) == with_margin
    assert with_margin.with_options(margin=None) == SPEC


VERSION_1 = {
    "version": 1, "name": "net", "width": 32, "height": 16, "mean": [0.5, 0.4, 0.3],
    "std": [0.1, 0.2, 0.3], "layout": "NCHW", "colour_order": "RGB", "resize": "stretch",
    "decoding": "single_box", "score_threshold": 0.5, "max_overlap": 0.4, "input_name": "image",
}  # fmt: skip


def test_version_1_is_read_as_what_it_meant():
    assert ModelSpec.from_json(json.dumps(VERSION_1)) == SPEC
    scored = ModelSpec.from_json(
        json.dumps({**VERSION_1, "decoding": "scored_boxes", "score_threshold": 0.3})
    )
    assert scored.task == "detection"
    assert scored.options == {"score_threshold": 0.3, "max_overlap": 0.4}
    margin = {"width_scale": 1.1, "height_scale": 0.9, "shift_x": 0.0, "shift_y": 0.0}
    moved = ModelSpec.from_json(json.dumps({**VERSION_1, "margin": margin}))
    assert moved == SPEC.with_options(margin=FitMargin(1.1, 0.9))


def test_version_1_with_an_unknown_decoding_is_refused():
    with pytest.raises(SpecError, match="decoding is 'centre'"):
        ModelSpec.from_json(json.dumps({**VERSION_1, "decoding": "centre"}))
