"""Text of label files: decode it, split CSV into rows, and say where something is wrong."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from lightning_plates import files
from lightning_plates.errors import AnnotationError

_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_XML_ENCODING = re.compile(
    rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)
_NO_CHARACTER_SETS = frozenset(
    {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf_7"}
)
"""Python codecs that are no encodings of files; some take quadratic time."""
_NUMBER = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_DELIMITERS = ",;\t"
"""Commas, and what spreadsheets write where the comma is the decimal sign."""


@dataclass(frozen=True, slots=True)
class LabelText:
    """The content of one label file."""

    path: Path
    text: str
    name: str = ""
    """Path below the folder of labels without its ending, which per-photo formats go by."""

    def at(self, line: int) -> str:
        """``path:line``, as every message about a line begins."""
        return f"{self.path}:{line}"


def read_label_text(path: Path, folder: Path | None = None) -> LabelText:
    """Read a label file as UTF-8, with or without a byte-order mark, or as its XML declares.

    Args:
        path: The file.
        folder: Folder of labels that :attr:`LabelText.name` is relative to; by default its own.

    Raises:
        AnnotationError: The file cannot be read, is UTF-16 or binary,
            or holds a byte that is not of its encoding; the message names the line.
    """
    try:
        data = files.read_bytes(path)
    except OSError as error:
        raise AnnotationError(f"{path}: {error.strerror or error}") from error
    name = path.relative_to(folder or path.parent).with_suffix("").as_posix()
    return LabelText(path, _decode(path, data), name)


def _decode(path: Path, data: bytes) -> str:
    encoding = _encoding_of(path, data)
    if encoding != "utf-16" and (data.startswith(_UTF_16_MARKS) or b"\0" in data[:4096]):
        raise AnnotationError(f"{path}: UTF-16 or binary, not UTF-8 text; save it as UTF-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{data[error.start]:02x} is not"
        if encoding == "utf-8-sig":
            reason = f"{byte} UTF-8 (Latin-1 text?)"
        else:
            reason = f"{byte} {encoding.upper()}, which the file declares"
        raise AnnotationError(f"{path}:{line}: {reason}; save it as UTF-8") from error


def _encoding_of(path: Path, data: bytes) -> str:
    """UTF-8, unless an XML declaration names another encoding."""
    if data.startswith(_UTF_16_MARKS):
        is_xml = data[:64].decode("utf-16", "ignore").startswith("<?xml")
        return "utf-16" if is_xml else "utf-8-sig"
    match = _XML_ENCODING.match(data)
    if match is None:
        return "utf-8-sig"
    declared = match.group(1).decode("ascii")
    name = _codec_name(declared)
    if name is None or name in _NO_CHARACTER_SETS:
        raise AnnotationError(
            f"{path}: declares an unknown encoding {declared!r}; save it as UTF-8"
        )
    # A declaration in plain bytes is wrong about UTF-16; some tools write it over UTF-8.
    return "utf-8-sig" if name.startswith(("utf_8", "utf_16", "utf_32")) else declared


def _codec_name(encoding: str) -> str | None:
    """Python's name of an encoding; ``None`` where it has none, or one that gives no text."""
    try:
        b"x".decode(encoding)
    except UnicodeError:
        pass  # UTF-16 wants two bytes
    except LookupError:
        return None
    return codecs.lookup(encoding).name.replace("-", "_")


def csv_header(text: str) -> frozenset[str]:
    """Column names in the first line of ``text``."""
    return frozenset(csv_cells(text.partition("\n")[0]))


def csv_cells(line: str) -> list[str]:
    """The cells of one line of CSV; none where the line is no CSV."""
    try:
        return [
            cell.strip() for cell in next(csv.reader([line], delimiter=csv_delimiter(line)), [])
        ]
    except csv.Error:
        return []


def csv_delimiter(text: str) -> str:
    """What separates the cells of the first line: whatever occurs most."""
    head = text.partition("\n")[0]
    return max(_DELIMITERS, key=head.count)


def to_number(text: str) -> float:
    """The number that ``text`` is, in ASCII digits; NaN and infinity are told with their box.

    Raises:
        ValueError: It is none. Python's own ``float`` would also take ``1_000``.
    """
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"not a number: {text[:40]!r}")
    return float(text)


def parse_number(row: dict[str, str], name: str) -> float:
    """The number in column ``name``.

    Raises:
        ValueError: The cell holds none.
    """
    try:
        return to_number(row.get(name, ""))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def parse_size(row: dict[str, str], width: str, height: str) -> tuple[int, int]:
    """The whole numbers in the columns ``width`` and ``height``.

    Raises:
        ValueError: A cell holds none.
    """
    values = {name: parse_number(row, name) for name in (width, height)}
    for name, value in values.items():
        if not value.is_integer():
            raise ValueError(f"{name}: not a whole number: {row[name]!r}")
    return int(values[width]), int(values[height])


def read_csv(label: LabelText, required: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file with a header, separated by commas, semicolons or tabs.

    In files without comma as separator, as spreadsheets write them in most of Europe and South
    America, numbers may have a decimal comma; it becomes a point.

    Args:
        label: The file.
        required: Columns without which no row makes sense.

    Yields:
        Line number (the header is 1) and the row; a cell that is missing at its end is ``""``.

    Raises:
        AnnotationError: A required column is missing or there twice, or the text is not CSV.
    """
    delimiter = csv_delimiter(label.text)
    reader = csv.DictReader(
        StringIO(label.text, newline=""), restval="", skipinitialspace=True, delimiter=delimiter
    )
    try:
        _check_columns(label, reader, list(required))
        for row in reader:
            row.pop(None, None)
            yield reader.line_num, row if delimiter == "," else _with_points(row)
    except csv.Error as error:
        raise AnnotationError(f"{label.at(reader.line_num)}: {error}") from error


def _check_columns(label: LabelText, reader: csv.DictReader[str], required: list[str]) -> None:
    columns = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = columns
    counts = Counter(columns)
    missing = [name for name in required if not counts[name]]
    if missing:
        raise AnnotationError(
            f"{label.at(1)}: column missing: {', '.join(missing)} (found: {', '.join(columns)})"
        )
    twice = [name for name in required if counts[name] > 1]
    if twice:
        raise AnnotationError(f"{label.at(1)}: column there twice: {', '.join(twice)}")


def _with_points(row: dict[str, str]) -> dict[str, str]:
    return {
        name: cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell
        for name, cell in row.items()
    }
