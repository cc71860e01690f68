from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import pytest

from lightning_plates.errors import AnnotationError
from lightning_plates.schema import check_fields, convert, parse_json, parse_yaml


@dataclass(frozen=True)
class Size:
    width: Annotated[int, msgspec.Meta(ge=1)]
    name: str = ""


Capital = Annotated[str, msgspec.Meta(pattern="^[A-Z]")]


@dataclass(frozen=True)
class Sizes:
    sizes: list[Size]
    names: dict[Capital, Capital] = field(default_factory=dict)


def test_fits_become_the_type():
    data = parse_json('{"sizes": [{"width": 3}]}', "a.json", AnnotationError)

    assert convert(data, Sizes, "a.json", AnnotationError) == Sizes([Size(3)])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "a.json: expected `object`, got `array`"),
        ({"sizes": [{"width": "3"}]}, r"a.json: sizes\[0\].width: expected `int`, got `str`"),
        ({"sizes": [{"width": 0}]}, r"a.json: sizes\[0\].width: expected `int` >= 1"),
        ({"sizes": [{}]}, r"a.json: sizes\[0\]: object missing required field `width`"),
        (
            {"sizes": [], "names": {"a": "A"}},
            r"a.json: names: a key: expected `str` matching .*A-Z",
        ),
        ({"sizes": [], "names": {"A": "a"}}, r"a.json: names\[...\]: expected `str` matching"),
        ({"sizes": [{"width": True}]}, r"a.json: sizes\[0\].width: expected `int`, got `bool`"),
    ],
)
def test_what_does_not_fit_names_file_and_field(data, message):
    with pytest.raises(AnnotationError, match=message):
        convert(data, Sizes, "a.json", AnnotationError)


@pytest.mark.parametrize(
    "text",
    ["{", "[" * 100_000, "1" * 5000, "NaN", "-Infinity", "1e999", b"\xff\xfe", '{"a": 1} x', "",
     r'"\ud800"', rb'{"\udfff": 1}'],
)  # fmt: skip
def test_what_is_no_json_is_one_line(text):
    with pytest.raises(AnnotationError, match=r"^a.json: not JSON \(.*\)$"):
        parse_json(text, "a.json", AnnotationError)


def test_characters_of_two_escapes_are_text():
    assert parse_json(r'"\ud83d\ude00"', "a.json", AnnotationError) == "😀"


def test_numbers_that_are_none_may_be_left_to_whoever_knows_the_entry():
    found = parse_json("[NaN, 1e999]", "a.json", AnnotationError, finite=False)
    assert str(found) == "[nan, inf]"


def test_a_key_may_be_asked_to_be_unique():
    text = '{"x": {"a.jpg": 1, "b.jpg": 3, "a.jpg": 2}}'
    assert parse_json(text, "a.json", AnnotationError) == {"x": {"a.jpg": 2, "b.jpg": 3}}
    with pytest.raises(AnnotationError, match=r"^a.json: the key 'a.jpg' occurs twice"):
        parse_json(text, "a.json", AnnotationError, unique_keys=True)


def test_numbers_as_text_may_be_taken_for_numbers():
    assert convert({"width": "3"}, Size, "a.json", AnnotationError, strict=False) == Size(3)
    with pytest.raises(AnnotationError, match="width: expected `int`, got `str`"):
        convert({"width": "3.5x"}, Size, "a.json", AnnotationError, strict=False)


@pytest.mark.parametrize(
    "text",
    ["a: [", "!!int x", "!!int ''", "!!bool x", "!!timestamp x", "2020-99-99", "[" * 5000,
     "9" * 5000, "? [a]\n: 1", "!!python/object:os.system {}"],
)  # fmt: skip
def test_what_is_no_yaml_is_one_line(text):
    with pytest.raises(AnnotationError, match=r"^a.yaml: not YAML \(.*\)$"):
        parse_yaml(text, "a.yaml", AnnotationError)


@pytest.mark.parametrize(
    ("data", "field"),
    [({"sizes": [], "more": 1}, "more"), ({"inner": {"width": 1, "depth": 2}}, "inner.depth")],
)
def test_unknown_keys_are_ignored_or_refused(data, field):
    @dataclass(frozen=True)
    class Box:
        sizes: tuple[str, ...] = ()
        inner: Size | None = None

    assert convert(data, Box, "a.json", AnnotationError)
    with pytest.raises(AnnotationError, match=f"^a.json: {field}: unknown"):
        convert(data, Box, "a.json", AnnotationError, known_keys_only=True)


def test_fields_of_what_a_program_built_are_checked_alike():
    check_fields(Size(3), "size", AnnotationError)
    with pytest.raises(AnnotationError, match=r"^size: width: expected `int` >= 1"):
        check_fields(Size(0), "size", AnnotationError)
    with pytest.raises(AnnotationError, match=r"^size: name: expected `str`, got `int`"):
        check_fields(Size(1, 5), "size", AnnotationError)


def test_half_a_character_is_no_text():
    with pytest.raises(AnnotationError, match=r"^a.json: not JSON .text with half of a character"):
        parse_json('{"width": 1, "\\ud800": 2}', "a.json", AnnotationError)
    with pytest.raises(AnnotationError, match=r"^a.json: '.ud800' is no text"):
        convert({"width": 1, "\ud800": 2}, Size, "a.json", AnnotationError)
