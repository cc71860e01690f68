import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_plates.boxes import FitMargin
from lightning_plates.errors import SpecError
from lightning_plates.spec import ModelSpec

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
MARGINS = st.builds(FitMargin, POSITIVE, POSITIVE, BOUNDED, BOUNDED)
OPTIONS = st.fixed_dictionaries(
    {}, optional={"score_threshold": SHARES, "margin": MARGINS.map(dataclasses.asdict)}
)
SPECS = st.builds(
    ModelSpec,
    NAMES,
    st.integers(1, 4096),
    st.integers(1, 4096),
    st.tuples(BOUNDED, BOUNDED, BOUNDED),
    st.tuples(POSITIVE, POSITIVE, POSITIVE),
    st.sampled_from(["NCHW", "NHWC"]),
    st.sampled_from(["RGB", "BGR"]),
    st.sampled_from(["stretch", "letterbox", "crop"]),
    st.floats(1e-3, 1),
    NAMES,
    OPTIONS,
    st.lists(NAMES, max_size=3).map(tuple),
    NAMES,
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


@given(st.sampled_from([*json.loads(SPEC.to_json()), "?"]), JSON_VALUES)
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
        ({"resize": "zoom"}, "resize is 'zoom'"),
        ({"crop_share": 0}, "crop_share: expected `float` > 0"),
        ({"classes": "cat"}, "classes: expected `array`, got `str`"),
        ({"classes": [""]}, r"classes\[0\]: expected `str` of length >= 1"),
        ({"options": []}, "options: expected `object`, got `array`"),
        ({"task": 7}, "task: expected `str`, got `int`"),
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
        ({"name": ""}, "name: expected `str` of length >= 1"),
        ({"name": 7}, "name: expected `str`, got `int`"),
        ({"name": "n" * 256}, "name: expected `str` of length <= 255"),
        ({"input_name": "a\n"}, "input_name: expected `str` matching"),
        ({"input_name": "a\x00b"}, "input_name: expected `str` matching"),
        ({"input_name": "a\ud800"}, "half of a character"),
        ({"layout": ["NCHW"]}, "layout: expected `str`, got `array`"),
        ({"surprise": 1}, "surprise: unknown"),
        ({"version": 3}, "version is 3, this program reads 1 and 2"),
        ({"version": True}, "version is True"),
    ],
)
def test_contradictions_are_refused(change, reason):
    fields = {**json.loads(SPEC.to_json()), **change}
    with pytest.raises(SpecError, match=reason):
        ModelSpec.from_json(json.dumps(fields))


@pytest.mark.parametrize("key", ["mean", "std", "crop_share", "options"])
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
        ({"crop_share": float("nan")}, "crop_share"),
        ({"width": 10_000}, "width"),
        ({"options": (1.0, 1.0)}, "options"),
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
    unmoved = ModelSpec.from_json(json.dumps({**VERSION_1, "margin": None}))
    assert unmoved == SPEC


@pytest.mark.parametrize("key", ["mean", "std", "score_threshold", "max_overlap", "margin"])
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_of_version_1_that_are_none_are_refused(key, number):
    text = json.dumps({**VERSION_1, key: "#"}).replace('"#"', number)
    with pytest.raises(SpecError, match=r"^model spec: not JSON"):
        ModelSpec.from_json(text)


@given(st.sampled_from([*VERSION_1, "margin", "task", "?"]), JSON_VALUES)
def test_any_value_in_any_field_of_version_1_is_taken_or_refused_in_one_line(key, value):
    try:
        found = ModelSpec.from_json(json.dumps({**VERSION_1, key: value}))
    except SpecError as error:
        assert str(error).startswith("model spec: ")  # noqa: PT017 -- either is right
    else:
        assert ModelSpec.from_json(found.to_json()) == found


def test_version_1_with_an_unknown_decoding_is_refused():
    with pytest.raises(SpecError, match="decoding is 'centre'"):
        ModelSpec.from_json(json.dumps({**VERSION_1, "decoding": "centre"}))
