"""Check the shape of data that comes from a file, once, at the border.

Files are described by dataclasses or :class:`typing.TypedDict` types; msgspec checks the values
and names the field that is wrong. Nothing behind the border has to ask for types again.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn, TypeVar

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
    data: object, kind: type[T], source: object, error: type[PlatesError], *, strict: bool = True
) -> T:
    """Turn parsed JSON or YAML into a ``kind`` and check every field on the way.

    Args:
        data: Dictionaries, lists, strings, numbers, booleans and ``None``.
        kind: A dataclass, ``TypedDict`` or any type that msgspec knows;
            ``Annotated[int, msgspec.Meta(ge=1)]`` bounds a value.
        source: What error messages call the file.
        error: Class of the error to raise.
        strict: Whether ``"7"`` is no number; other programs' files often have it so.

    Returns:
        The checked value. Unknown keys of a dataclass are ignored; a class that refuses them
        says so in its own ``__post_init__`` or by ``msgspec.Struct``'s ``forbid_unknown_fields``.

    Raises:
        PlatesError: ``error``, naming the file and the field.
    """
    try:
        return msgspec.convert(data, kind, strict=strict)
    except msgspec.ValidationError as cause:
        what, _, place = str(cause).partition(" - at ")
        field = place.strip("`").removeprefix("$").removeprefix(".")
        what = what[:1].lower() + what[1:]  # the names of fields keep their capitals
        raise error(f"{source}: {field + ': ' if field else ''}{what}") from cause
    except RecursionError as cause:
        raise error(f"{source}: nested too deeply") from cause


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


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"number out of range: {digits[:20]}")
    return value
