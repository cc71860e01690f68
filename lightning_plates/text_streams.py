"""Standard input and output that no file name and no terminal can break."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import sys
import unicodedata
from collections.abc import Mapping

_HANDLER = "lightning_plates.plain"
_SIGNS = {"·": "-", "–": "-", "≥": ">=", "×": "x"}
"""What stands for a sign of ours that is no letter; ``?`` says nothing."""
_ESCAPED_BYTES = range(0xDC80, 0xDD00)
"""Python's stand-ins for bytes of a file name that are not UTF-8 (PEP 383), 0x80 to 0xFF."""


def accept_any_text() -> None:
    """Let standard streams take names that are not UTF-8, and terminals that know ASCII alone.

    A name comes in and goes out byte by byte as the disk has it; a letter that the terminal does
    not know loses its accent.
    """
    codecs.register_error(_HANDLER, _write_plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)
    if isinstance(sys.stdin, io.TextIOWrapper):
        with contextlib.suppress(io.UnsupportedOperation):  # it has been read from already
            sys.stdin.reconfigure(
                encoding=sys.getfilesystemencoding(), errors=sys.getfilesystemencodeerrors()
            )


def json_line(record: Mapping[str, object]) -> str:
    """One line of JSON in UTF-8, with escapes where standard output or the name is not."""
    text = json.dumps(record, ensure_ascii=False)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if codecs.lookup(encoding).name == "utf-8" and _is_unicode(text):
        return text
    return json.dumps(record)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _write_plain(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return b"".join(_plain(character) for character in unknown), error.end


def _plain(character: str) -> bytes:
    if ord(character) in _ESCAPED_BYTES:
        return bytes([ord(character) - 0xDC00])
    sign = _SIGNS.get(character) or unicodedata.normalize("NFKD", character)
    return sign.encode("ascii", "ignore") or b"?"
