import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_plates.errors import SpecError
from lightning_plates.spec import FitMargin, ModelSpec

SPEC = ModelSpec("net", width=32, height=16, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3))


def test_json_round_trip():
    assert ModelSpec.from_json(SPEC.to_json()) == SPEC


NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), chr(127)]),
    min_size=1,
    max_size=255,
)
BOUNDED = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-6, 1e6)
SHARES = st.floats(0, 1)
SPECS = st.builds(
    ModelSpec,
    NAMES,
    st.integers(1, 4096),
    st.integers(1, 4096),
    st.tuples(BOUNDED, BOUNDED, BOUNDED),
    st.tuples(POSITIVE, POSITIVE, POSITIVE),
    st.sampled_from(["NCHW", "NHWC"]),
    st.sampled_from(["RGB", "BGR"]),
    st.sampled_from(["stretch", "letterbox"]),
    st.sampled_from(["single_box", "scored_boxes"]),
    SHARES,
    SHARES,
    NAMES,
    st.none() | st.builds(FitMargin, POSITIVE, POSITIVE, BOUNDED, BOUNDED),
)


@given(SPECS)
def test_every_sound_spec_comes_back_from_its_text(spec):
    text = spec.to_json()
    assert ModelSpec.from_json(text) == spec
    assert ModelSpec.from_json(text.encode()).to_json() == text


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from([*json.loads(SPEC.to_json()), "margin", "?"]), JSON_VALUES)
def test_any_value_in_any_field_is_taken_or_refused_in_one_line(key, value):
    fields = {**json.loads(SPEC.to_json()), key: value}
    try:
        found = ModelSpec.from_json(json.dumps(fields))
    except SpecError as error:
        assert str(error).startswith("model spec: ")  # noqa: PT017 -- either is right
    else:
        assert ModelSpec.from_json(found.to_json()) == found


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
        ({"width": 0}, "width: expected `int` >= 1"),
        ({"width": 1_000_000}, "width: expected `int` <= 8192"),
        ({"width": 8192, "height": 8192}, "8192 × 8192 is more than 16,777,216 pixels"),
        ({"width": True}, "width: expected `int`, got `bool`"),
        ({"height": "16"}, "height: expected `int`, got `str`"),
        ({"height": 16.5}, "height: expected `int`"),
        ({"mean": [0.5, 0.5]}, "mean: expected `array` of length 3"),
        ({"mean": {"r": 1}}, "mean: expected `array`"),
        ({"mean": [0, 0, False]}, r"mean\[2\]: expected `float`, got `bool`"),
        ({"std": [1.0, 0.0, 1.0]}, r"std\[1\]: expected `float` >= 1e-06"),
        ({"std": [1.0, 1e30, 1.0]}, r"std\[1\]: expected `float` <="),
        ({"score_threshold": 1.01}, "score_threshold: expected `float` <= 1.0"),
        ({"score_threshold": -1}, "score_threshold: expected `float` >= 0.0"),
        ({"score_threshold": None}, "score_threshold: expected `float`, got `null`"),
        ({"max_overlap": 40}, "max_overlap: expected `float` <= 1.0"),
        ({"max_overlap": 10**400}, "max_overlap: number out of range"),
        ({"name": ""}, "name: expected `str` of length >= 1"),
        ({"name": 7}, "name: expected `str`, got `int`"),
        ({"name": "n" * 256}, "name: expected `str` of length <= 255"),
        ({"input_name": "a\n"}, "input_name: expected `str` matching"),
        ({"input_name": "a\x00b"}, "input_name: expected `str` matching"),
        ({"input_name": "a\ud800"}, "half of a character"),
        ({"layout": ["NCHW"]}, "layout: expected `str`, got `array`"),
        ({"surprise": 1}, "surprise: unknown"),
        ({"version": 2}, "version is 2, this program reads version 1"),
        ({"version": True}, "version is True"),
    ],
)
def test_contradictions_are_refused(change, reason):
    fields = {**json.loads(SPEC.to_json()), **change}
    with pytest.raises(SpecError, match=reason):
        ModelSpec.from_json(json.dumps(fields))


@pytest.mark.parametrize("key", ["mean", "std", "score_threshold", "max_overlap", "margin"])
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(key, number):
    fields = json.loads(SPEC.to_json())
    fields[key] = "#"
    with pytest.raises(SpecError, match=r"^model spec: not JSON"):
        ModelSpec.from_json(json.dumps(fields).replace('"#"', number))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mean": (0.0, float("nan"), 0.0)}, r"mean\[1\]"),
        ({"std": (1.0, 1.0, float("inf"))}, r"std\[2\]"),
        ({"max_overlap": float("nan")}, "max_overlap"),
        ({"width": 10_000}, "width"),
        ({"margin": (1.0, 1.0)}, "margin"),
    ],
)
def test_what_a_program_builds_keeps_the_same_limits(change, field):
    with pytest.raises(SpecError, match=f"^model spec: {field}: expected"):
        dataclasses.replace(SPEC, **change)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[1]", "expected a JSON object, got list"),
        ("{}", "version is None"),
        ('{"version": 1}', "missing required field"),
    ],
)
def test_other_texts_are_refused(text, reason):
    with pytest.raises(SpecError, match=f"^model spec: .*{reason}"):
        ModelSpec.from_json(text)


AS_WRITTEN_BEFORE = (
    '{"colour_order": "RGB", "decoding": "single_box", "height": 16, "input_name": "image", '
    '"layout": "NCHW", "max_overlap": 0.4, "mean": [0.5, 0.4, 0.3], "name": "net", '
    '"resize": "stretch", "score_threshold": 0.5, "std": [0.1, 0.2, 0.3], "version": 1, '
    '"width": 32}'
)


def test_the_text_of_a_spec_does_not_change_so_that_files_and_caches_of_before_stay_valid():
    assert SPEC.to_json() == AS_WRITTEN_BEFORE
    assert ModelSpec.from_json(AS_WRITTEN_BEFORE) == SPEC
    whole = AS_WRITTEN_BEFORE.replace("[0.1, 0.2, 0.3]", "[1, 1, 1]")  # whole numbers are numbers
    assert ModelSpec.from_json(whole).std == (1.0, 1.0, 1.0)


def test_a_margin_travels_and_a_spec_without_one_has_no_such_key():
    with_margin = dataclasses.replace(SPEC, margin=FitMargin(1.1, 0.9, -0.02, 0.03))
    assert ModelSpec.from_json(with_margin.to_json()) == with_margin
    # Programs and files older than margins know no such field.
    assert "margin" not in json.loads(SPEC.to_json())
    assert ModelSpec.from_json(with_margin.bare().to_json()).margin is None


@pytest.mark.parametrize(
    ("margin", "reason"),
    [
        ({"width_scale": 0.0, "height_scale": 1.0}, "margin.width_scale: expected `float` >= 1e-0"),
        ({"width_scale": 1.0}, "margin: object missing required field `height_scale`"),
        ({"width_scale": 1.0, "height_scale": "2"}, "margin.height_scale: expected `float`, got"),
        ({"width_scale": 1.0, "height_scale": 1.0, "shift_x": float("nan")}, "not JSON"),
        ({"width_scale": 1.0, "height_scale": 1.0, "turn": 3}, "margin.turn: unknown"),
        ([1.0, 1.0, 0.0, 0.0], "margin: expected `object | null`, got `array`"),
    ],
)
def test_unsound_margins_are_refused(margin, reason):
    fields = {**json.loads(SPEC.to_json()), "margin": margin}
    with pytest.raises(SpecError, match=reason):
        ModelSpec.from_json(json.dumps(fields))


ONE_BOX = ModelSpec("net", 8, 8)
SCORED = ModelSpec("net", 8, 8, decoding="scored_boxes")


@pytest.mark.parametrize(
    ("spec", "shapes", "says"),
    [
        (ONE_BOX, {"box": (None, 4)}, ""),
        (ONE_BOX, {"box": (1, 4), "more": (7,)}, ""),
        (ONE_BOX, {"box": (1, 5)}, "output 'box' has shape (1, 5), expected (N, 4)"),
        (ONE_BOX, {"box": (4,)}, "output 'box' has shape (4), expected (N, 4)"),
        (ONE_BOX, {"boxes": (1, 4)}, "outputs ['boxes'] lack ['box']"),
        (SCORED, {"boxes": (None, None, 4), "scores": (None, 7)}, ""),
        (SCORED, {"boxes": (1, 0, 4), "scores": (1, 0)}, ""),
        (SCORED, {"boxes": (1, 6, 4), "scores": (1, 7)},
         "output 'scores' has shape (1, 7), expected (N, A)"),
        (SCORED, {"boxes": (2, 6, 4), "scores": (1, 6)},
         "output 'scores' has shape (1, 6), expected (N, A)"),
        (SCORED, {"boxes": (None, 4, 6), "scores": (None, 6)},
         "output 'boxes' has shape (any, 4, 6), expected (N, A, 4)"),
        (SCORED, {"boxes": (1, 6, 4), "scores": ()},
         "output 'scores' has shape (), expected (N, A)"),
    ],
)  # fmt: skip
def test_outputs_that_contradict_the_decoding_are_described(spec, shapes, says):
    assert spec.misfit(shapes) == says


def test_the_batch_is_an_axis_like_others():
    assert ONE_BOX.misfit({"box": (2, 4)}, batch=2) == ""
    assert ONE_BOX.misfit({"box": (1, 4)}, batch=2).startswith("output 'box' has shape (1, 4)")
