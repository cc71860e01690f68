"""``boxes.csv``: one row a box in pixels; the form that this project writes by default.

Columns ``file,width,height,x1,y1,x2,y2,text``, then, where the set has them, ``source``, the eight
corner columns ``tl_x … bl_y`` and ``label``. A photo without boxes is a row with empty coordinates.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from lightning_plates.data.annotations.label_text import (
    LabelText,
    csv_header,
    parse_number,
    parse_size,
    read_csv,
)
from lightning_plates.data.annotations.record import (
    AnnotationSet,
    BoxRecord,
    Corners,
    PhotoRecord,
)
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.drafts import draft_of

TITLE = "boxes.csv"
FILE_PER_PHOTO = False
TARGET = "boxes.csv"
"""Name of the label file in a set's folder."""

_SIDES = ("x1", "y1", "x2", "y2")
_CORNERS = ("tl_x", "tl_y", "tr_x", "tr_y", "br_x", "br_y", "bl_x", "bl_y")
_REQUIRED = ("file", "width", "height", *_SIDES)
_COLUMNS = (*_REQUIRED, "text", "source", *_CORNERS, "label")
_OPTIONAL = frozenset({"source", *_CORNERS, "label"})


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    columns = csv_header(text)
    return "file" in columns and not columns.isdisjoint(_SIDES)


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; see :func:`label_text.read_csv` for what it raises."""
    for line, row in read_csv(label, _REQUIRED):
        try:
            yield _entry(label.at(line), row)
        except ValueError as error:
            yield Problem(label.at(line), str(error), row["file"])


def write(annotations: AnnotationSet, target: Path) -> None:
    """Put the labels in place at ``target``, a file, or a folder that gets ``boxes.csv``.

    Numbers are written in full, so reading and writing again gives the same bytes.

    Raises:
        OSError: The target cannot be written; an earlier file there stays as it was.
    """
    rows = [row for photo in annotations.photos for row in _photo_rows(photo)]
    used = [name for name in _COLUMNS if name not in _OPTIONAL or any(row[name] for row in rows)]
    file = target / TARGET if target.is_dir() else target
    with draft_of(file) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, used, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _entry(where: str, row: dict[str, str]) -> LabelRow:
    if not row["file"]:
        raise ValueError("no file name")
    size = parse_size(row, "width", "height")
    source = row.get("source", "")
    if not any(row[name] for name in _SIDES):
        return LabelRow(where, row["file"], None, size, source=source)
    x1, y1, x2, y2 = (parse_number(row, name) for name in _SIDES)
    box = BoxRecord(x1, y1, x2, y2, row.get("label") or "plate", row.get("text", ""), _corners(row))
    return LabelRow(where, row["file"], box, size, source=source)


def _corners(row: dict[str, str]) -> Corners | None:
    if not any(row.get(name) for name in _CORNERS):
        return None
    tlx, tly, trx, try_, brx, bry, blx, bly = (parse_number(row, name) for name in _CORNERS)
    return (tlx, tly), (trx, try_), (brx, bry), (blx, bly)


def _photo_rows(photo: PhotoRecord) -> list[dict[str, str]]:
    shared = {
        "file": photo.file,
        "width": str(photo.width),
        "height": str(photo.height),
        "source": photo.source,
    }
    empty = dict.fromkeys(_COLUMNS, "")
    return [empty | shared | _box_cells(box) for box in photo.boxes] or [empty | shared]


def _box_cells(box: BoxRecord) -> dict[str, str]:
    cells = {name: repr(float(value)) for name, value in zip(_SIDES, box.xyxy, strict=True)}
    cells |= {"text": box.text, "label": "" if box.label == "plate" else box.label}
    numbers = [value for corner in box.corners or () for value in corner]
    return cells | {
        name: repr(float(value)) for name, value in zip(_CORNERS, numbers, strict=False)
    }
