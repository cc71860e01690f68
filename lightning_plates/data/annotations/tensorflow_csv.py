"""TensorFlow's and Roboflow's CSV: ``filename,width,height,class,xmin,ymin,xmax,ymax``, pixels.

It holds no photos without boxes, unless a row has no coordinates. It is read, not written.
"""

from __future__ import annotations

from collections.abc import Iterator

from lightning_plates.data.annotations.label_text import (
    LabelText,
    csv_header,
    parse_number,
    parse_size,
    read_csv,
)
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem

TITLE = "TensorFlow/Roboflow CSV"
FILE_PER_PHOTO = False

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_COLUMNS = ("filename", "width", "height", "class", *_SIDES)


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    columns = csv_header(text)
    return "filename" in columns and not columns.isdisjoint(_SIDES)


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; see :func:`label_text.read_csv` for what it raises."""
    for line, row in read_csv(label, _COLUMNS):
        try:
            yield _entry(label.at(line), row)
        except ValueError as error:
            yield Problem(label.at(line), str(error), row["filename"], label=row["class"])


def _entry(where: str, row: dict[str, str]) -> LabelRow:
    if not row["filename"]:
        raise ValueError("no filename")
    size = parse_size(row, "width", "height")
    if not any(row[name] for name in _SIDES):
        return LabelRow(where, row["filename"], None, size)
    x1, y1, x2, y2 = (parse_number(row, name) for name in _SIDES)
    return LabelRow(
        where, row["filename"], BoxRecord(x1, y1, x2, y2, row["class"] or "plate"), size
    )
