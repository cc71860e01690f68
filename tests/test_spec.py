import dataclasses
import json

import pytest

from lightning_plates.errors import SpecError
from lightning_plates.spec import FitMargin, ModelSpec

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
        ({"resize": "crop"}, "resize"),
        ({"decoding": "centre"}, "decoding"),
        ({"width": 0}, "0 × 16 is empty"),
        ({"std": [1.0, 0.0, 1.0]}, "must be positive"),
        ({"surprise": 1}, "surprise"),
        ({"version": 2}, "reads version 1"),
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


def test_a_margin_travels_and_a_spec_without_one_has_no_such_key():
    with_margin = dataclasses.replace(SPEC, margin=FitMargin(1.1, 0.9, -0.02, 0.03))
    assert ModelSpec.from_json(with_margin.to_json()) == with_margin
    # Programs and files older than margins know no such field.
    assert "margin" not in json.loads(SPEC.to_json())
    assert ModelSpec.from_json(with_margin.bare().to_json()).margin is None


@pytest.mark.parametrize(
    ("margin", "reason"),
    [
        ({"width_scale": 0.0, "height_scale": 1.0}, "positive scales"),
        ({"width_scale": 1.0}, "height_scale"),
        ({"width_scale": 1.0, "height_scale": "2"}, "four finite numbers"),
        ({"width_scale": 1.0, "height_scale": 1.0, "shift_x": float("nan")}, "finite"),
        ({"width_scale": 1.0, "height_scale": 1.0, "turn": 3}, "turn"),
        ([1.0, 1.0, 0.0, 0.0], "expected an object"),
    ],
)
def test_unsound_margins_are_refused(margin, reason):
    fields = {**json.loads(SPEC.to_json()), "margin": margin}
    with pytest.raises(SpecError, match=reason):
        ModelSpec.from_json(json.dumps(fields))
