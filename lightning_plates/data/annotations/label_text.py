"""Text of label files: decode it, split CSV into rows, and say where something is wrong."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from lightning_plates.errors import AnnotationError

_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
    """Read a label file as UTF-8, with or without a byte-order mark.

    Args:
        path: The file.
        folder: Folder of labels that :attr:`LabelText.name` is relative to; by default its own.

    Raises:
        AnnotationError: The file cannot be read, is UTF-16 or binary,
            or holds a byte that is not UTF-8; the message names the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"{path}: {error.strerror or error}") from error
    if data.startswith(_UTF_16_MARKS) or b"\0" in data[:4096]:
        raise AnnotationError(f"{path}: UTF-16 or binary, not UTF-8 text; save it as UTF-8")
    try:
        name = path.relative_to(folder or path.parent).with_suffix("").as_posix()
        return LabelText(path, data.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise AnnotationError(
            f"{path}:{line}: byte 0x{byte:02x} is not UTF-8 (Latin-1 text?); save it as UTF-8"
        ) from error


def csv_header(text: str) -> frozenset[str]:
    """Column names in the first line of ``text``."""
    return frozenset(csv_cells(text.partition("\n")[0]))


def csv_cells(line: str) -> list[str]:
    """The cells of one line of CSV; none where the line is no CSV."""
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def parse_number(row: dict[str, str], name: str) -> float:
    """The number in column ``name``.

    Raises:
        ValueError: The cell holds none.
    """
    try:
        return float(row.get(name, ""))
    except ValueError:
        raise ValueError(f"{name}: not a number: {row.get(name, '')!r}") from None


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
    """Rows of a CSV file with a header.

    Args:
        label: The file.
        required: Columns without which no row makes sense.

    Yields:
        Line number (the header is 1) and the row; a cell that is missing at its end is ``""``.

    Raises:
        AnnotationError: A required column is missing, or the text is not CSV.
    """
    reader = csv.DictReader(StringIO(label.text, newline=""), restval="", skipinitialspace=True)
    missing = [name for name in required if name not in (reader.fieldnames or [])]
    if missing:
        raise AnnotationError(
            f"{label.at(1)}: column missing: {', '.join(missing)} "
            f"(found: {', '.join(reader.fieldnames or [])})"
        )
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise AnnotationError(f"{label.at(reader.line_num)}: {error}") from error
