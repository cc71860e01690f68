"""Check the shape of data that comes from a file, once, at the border.

Files are described by dataclasses or :class:`typing.TypedDict` types; msgspec checks the values
and names the field that is wrong. Nothing behind the border has to ask for types again.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from typing import Any, NoReturn, TypeVar, get_type_hints

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


def convert(
    data: object,
    kind: type[T],
    source: object,
    error: type[PlatesError],
    known_keys_only: bool = False,
) -> T:
    """Turn parsed JSON or YAML into a ``kind`` and check every field on the way.

    Args:
        data: Dictionaries, lists, strings, numbers, booleans and ``None``.
        kind: A dataclass, ``TypedDict`` or any type that msgspec knows;
            ``Annotated[int, msgspec.Meta(ge=1)]`` bounds a value.
        source: What error messages call the file.
        error: Class of the error to raise.
        known_keys_only: Whether keys that a dataclass has no field for are refused, not ignored.

    Raises:
        PlatesError: ``error``, naming the file and the field.
    """
    try:
        made = msgspec.convert(data, kind)
        unknown = _unknown_key(data, made) if known_keys_only else ""
        if unknown:
            raise error(f"{source}: {unknown}: unknown, perhaps of a newer version")
        return made
    except msgspec.ValidationError as cause:
        raise error(f"{source}: {_describe(str(cause))}") from cause
    except RecursionError as cause:
        raise error(f"{source}: nested too deeply") from cause
    except UnicodeEncodeError as cause:  # half a character, "\\ud800" in JSON
        raise error(f"{source}: {cause.object[:20]!r} is no text ({cause.reason})") from cause


def _describe(text: str) -> str:
    """Put the place first: ``Expected `int` - at `$.a[0]``` → ``a[0]: expected `int```."""
    what, _, place = text.partition(" - at ")
    key, _, inside = place.partition("` in `")  # "`key` in `$.a`": a key of a
    field = (inside or key).strip("`").removeprefix("$").removeprefix(".")
    where = f"{field + ': ' if field else ''}{'a key: ' if inside else ''}"
    return f"{where}{what[:1].lower()}{what[1:]}"


def check_fields(value: object, source: object, error: type[PlatesError]) -> None:
    """Check the fields of a dataclass instance against their annotations, bounds included.

    For ``__post_init__``: so the same limits hold for files, command lines and callers.

    Args:
        value: An instance of a dataclass whose annotations msgspec knows.
        source: What error messages call it.
        error: Class of the error to raise.

    Raises:
        PlatesError: ``error``, naming the field.
    """
    cls: Any = type(value)
    kind = _fields_of(cls)
    convert({name: getattr(value, name) for name in kind.__struct_fields__}, kind, source, error)


@functools.cache
def _fields_of(kind: type) -> type[msgspec.Struct]:
    """The same fields without ``__post_init__``, which would ask again without end."""
    hints = get_type_hints(kind, include_extras=True)
    return msgspec.defstruct(
        kind.__name__, [(field.name, hints[field.name]) for field in dataclasses.fields(kind)]
    )


def _unknown_key(data: object, made: object) -> str:
    """The first key of ``data`` that became no field of ``made``; empty where all did."""
    if not isinstance(data, dict) or not dataclasses.is_dataclass(made):
        return ""
    fields = {field.name for field in dataclasses.fields(made)}
    for key, value in data.items():
        if key not in fields:
            return str(key)
        inner = _unknown_key(value, getattr(made, key))
        if inner:
            return f"{key}.{inner}"
    return ""


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"number out of range: {digits[:20]}")
    return value
