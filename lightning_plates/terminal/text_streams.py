"""Standard input and output that no file name and no terminal can break."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from lightning_plates.errors import InputError

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


class _ClosedInput(io.TextIOBase):
    """Stands for a standard input that was closed; whoever reads from it is told so."""

    def readline(self, size: int = -1, /) -> NoReturn:  # type: ignore[override]
        """Refuse."""
        raise InputError("standard input is closed; name the photos, or open it")

    def fileno(self) -> NoReturn:
        """Refuse."""
        self.readline()


def replace_closed_streams() -> None:
    """Let no other file take the place of a standard stream that was closed (``>&-``).

    Raises:
        InputError: It is standard output, where the answers would go.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number
    if sys.stdin is None:
        sys.stdin = _ClosedInput()
    if sys.stderr is None:  # printing there would go to standard output
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- until the end
    if sys.stdout is None:
        raise InputError("standard output is closed; send it to a file, or to /dev/null")


def refuse_null_bytes(words: Iterable[str]) -> None:
    """Check the words of a command line.

    Raises:
        InputError: One holds a null byte, which no name of a file can.
    """
    for word in words:
        if "\0" in word:
            raise InputError(f"{word!r}: holds a null byte, which no name can")


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
