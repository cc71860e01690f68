import json

import pytest

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
