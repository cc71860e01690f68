"""Check the shape of data that comes from a file, once, at the border.

Files are described by dataclasses or :class:`typing.TypedDict` types; msgspec checks the values
and names the field that is wrong. Nothing behind the border has to ask for types again.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, TypeVar

import msgspec

from lightning_plates.errors import PlatesError

T = TypeVar("T")


def parse_json(text: str | bytes, source: object, error: type[PlatesError]) -> Any:  # noqa: ANN401
    """Parse JSON from an untrusted file.

    Args:
        text: The file's content; bytes are UTF-8.
        source: What error messages call the file.
        error: Class of the error to raise.

    Raises:
        PlatesError: ``error``: not JSON or not UTF-8, nested too deeply, a number with thousands
            of digits, or ``NaN`` and ``Infinity``, which JSON does not have.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON number")

    try:
        return json.loads(text, parse_constant=refuse, parse_float=_finite)
    except RecursionError as cause:
        raise error(f"{source}: not JSON (nested too deeply)") from cause
    except ValueError as cause:  # also JSONDecodeError, UnicodeDecodeError and too many digits
        raise error(f"{source}: not JSON ({cause})") from cause


def convert(data: object, kind: type[T], source: object, error: type[PlatesError]) -> T:
    """Turn parsed JSON or YAML into a ``kind`` and check every field on the way.

    Args:
        data: Dictionaries, lists, strings, numbers, booleans and ``None``.
        kind: A dataclass, ``TypedDict`` or any type that msgspec knows;
            ``Annotated[int, msgspec.Meta(ge=1)]`` bounds a value.
        source: What error messages call the file.
        error: Class of the error to raise.

    Returns:
        The checked value. Unknown keys of a dataclass are ignored; a class that refuses them
        says so in its own ``__post_init__`` or by ``msgspec.Struct``'s ``forbid_unknown_fields``.

    Raises:
        PlatesError: ``error``, naming the file and the field.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as cause:
        what, _, place = str(cause).partition(" - at ")
        field = place.strip("`").removeprefix("$").removeprefix(".")
        raise error(f"{source}: {field + ': ' if field else ''}{what.lower()}") from cause
    except RecursionError as cause:
        raise error(f"{source}: nested too deeply") from cause


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"number out of range: {digits[:20]}")
    return value
