"""Check the shape of data that comes from a file, once, at the border.

Files are described by dataclasses or :class:`typing.TypedDict` types; msgspec checks the values
and names the field that is wrong. Nothing behind the border has to ask for types again.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
from collections import Counter
from typing import Any, NoReturn, TypeVar, get_type_hints

import msgspec
import yaml

from lightning_plates.errors import PlatesError

T = TypeVar("T")


_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character as JSON escapes it; alone, it cannot be written to any file."""
_YAML_ERRORS = (
    yaml.YAMLError, ValueError, KeyError, IndexError, AttributeError, TypeError, RecursionError,
)  # fmt: skip
"""What PyYAML raises: the errors beside its own come from values such as ``!!int x``."""


def parse_json(
    text: str | bytes,
    source: object,
    error: type[PlatesError],
    *,
    finite: bool = True,
    unique_keys: bool = False,
) -> Any:  # noqa: ANN401
    """Parse JSON from an untrusted file.

    Args:
        text: The file's content; bytes are UTF-8.
        source: What error messages call the file.
        error: Class of the error to raise.
        finite: Refuse ``NaN`` and ``Infinity``, which JSON does not have. Otherwise they become
            numbers, for files in which one bad entry should not cost the others.
        unique_keys: Refuse an object that has a key twice; otherwise the last value stands.

    Raises:
        PlatesError: ``error``: not JSON or not UTF-8, half of a character, nested too deeply, a
            number with thousands of digits, or what ``finite`` and ``unique_keys`` refuse.
    """
    try:
        data = json.loads(
            text,
            parse_constant=_refuse_constant if finite else None,
            parse_float=_finite if finite else None,
            object_pairs_hook=_unique_keys if unique_keys else None,
        )
        if _ESCAPED_HALF.search(text if isinstance(text, str) else text.decode()):
            json.dumps(data, ensure_ascii=False).encode()
    except RecursionError as cause:
        raise error(f"{source}: not JSON (nested too deeply)") from cause
    except UnicodeEncodeError as cause:
        raise error(f"{source}: not JSON (text with half of a character, as \\ud800)") from cause
    except _RepeatedKeyError as cause:
        raise error(f"{source}: {cause}") from cause
    except ValueError as cause:  # also JSONDecodeError, UnicodeDecodeError and too many digits
        raise error(f"{source}: not JSON ({cause})") from cause
    return data


def parse_yaml(text: str, source: object, error: type[PlatesError]) -> Any:  # noqa: ANN401
    """Parse YAML of plain values from an untrusted file; no object is ever made from it.

    Args:
        text: The file's content.
        source: What error messages call the file.
        error: Class of the error to raise.

    Raises:
        PlatesError: ``error``: not YAML, or a value that is not of the type that it states.
    """
    try:
        return yaml.safe_load(text)
    except _YAML_ERRORS as cause:
        reason = "nested too deeply" if isinstance(cause, RecursionError) else cause
        raise error(f"{source}: not YAML ({' '.join(str(reason).split())})") from cause


def convert(
    data: object,
    kind: type[T],
    source: object,
    error: type[PlatesError],
    *,
    strict: bool = True,
    known_keys_only: bool = False,
) -> T:
    """Turn parsed JSON or YAML into a ``kind`` and check every field on the way.

    Args:
        data: Dictionaries, lists, strings, numbers, booleans and ``None``.
        kind: A dataclass, ``TypedDict`` or any type that msgspec knows;
            ``Annotated[int, msgspec.Meta(ge=1)]`` bounds a value.
        source: What error messages call the file.
        error: Class of the error to raise.
        strict: Whether ``"7"`` is no number; other programs' files often have it so.
        known_keys_only: Whether keys that a dataclass has no field for are refused, not ignored.

    Raises:
        PlatesError: ``error``, naming the file and the field.
    """
    try:
        made = msgspec.convert(data, kind, strict=strict)
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


class _RepeatedKeyError(ValueError):
    """A JSON object has a key twice."""


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise _RepeatedKeyError(f"the key {twice[:60]!r} occurs twice in one object")
    return found


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


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
