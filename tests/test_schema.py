from dataclasses import dataclass
from typing import Annotated

import msgspec
import pytest

from lightning_plates.errors import AnnotationError
from lightning_plates.schema import convert, parse_json


@dataclass(frozen=True)
class Size:
    width: Annotated[int, msgspec.Meta(ge=1)]
    name: str = ""


@dataclass(frozen=True)
class Sizes:
    sizes: list[Size]


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
        ({"sizes": [{"width": True}]}, r"a.json: sizes\[0\].width: expected `int`, got `bool`"),
    ],
)
def test_what_does_not_fit_names_file_and_field(data, message):
    with pytest.raises(AnnotationError, match=message):
        convert(data, Sizes, "a.json", AnnotationError)


@pytest.mark.parametrize(
    "text",
    ["{", "[" * 100_000, "1" * 5000, "NaN", "-Infinity", "1e999", b"\xff\xfe", '{"a": 1} x', ""],
)
def test_what_is_no_json_is_one_line(text):
    with pytest.raises(AnnotationError, match=r"^a.json: not JSON \(.*\)$"):
        parse_json(text, "a.json", AnnotationError)
