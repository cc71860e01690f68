"""Make Sense CSV: ``label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,…``.

Pixels, left top corner with width and height; older exports have no header. It holds no text, no
corners, no sources, and no photos without boxes; those are left out on writing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lightning_plates.data.annotations.label_text import (
    LabelText,
    csv_cells,
    csv_delimiter,
    csv_header,
    parse_number,
    parse_size,
    read_csv,
)
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.shapes import drawn_box
from lightning_plates.drafts import draft_of

TITLE = "Make Sense CSV"
FILE_PER_PHOTO = False
TARGET = "annotations.csv"
"""Name of the label file in a set's folder."""

_BOX = ("bbox_x", "bbox_y", "bbox_width", "bbox_height")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?", re.ASCII)
_COLUMNS = ("label_name", *_BOX, "image_name", "image_width", "image_height")


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file, with or without a header."""
    columns = csv_header(text)
    return ("image_name" in columns and not columns.isdisjoint(_BOX)) or _is_headerless(text)


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; see :func:`label_text.read_csv` for what it raises."""
    added_lines = 0
    if _is_headerless(label.text):
        header = csv_delimiter(label.text).join(_COLUMNS)
        label = replace(label, text=f"{header}\n{label.text}")
        added_lines = 1
    for line, row in read_csv(label, _COLUMNS):
        where = label.at(line - added_lines)
        try:
            yield _entry(where, row)
        except ValueError as error:
            yield Problem(where, str(error), row["image_name"])


def write(annotations: AnnotationSet, target: Path) -> None:
    """Put the labels in place at ``target``.

    Raises:
        OSError: The target cannot be written; an earlier file there stays as it was.
    """
    with draft_of(target) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for photo in annotations.photos:
            for box in photo.boxes:
                sides = (box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1)
                writer.writerow((box.label, *sides, photo.file, photo.width, photo.height))


def _is_headerless(text: str) -> bool:
    cells = csv_cells(text.partition("\n")[0])
    numbers = [*cells[1:5], *cells[6:]]
    return len(cells) == len(_COLUMNS) and all(map(_NUMBER.fullmatch, numbers))


def _entry(where: str, row: dict[str, str]) -> LabelRow:
    x, y, width, height = (parse_number(row, name) for name in _BOX)
    sides = drawn_box(x, y, width, height)
    box = BoxRecord(*sides, row["label_name"] or "plate")
    return LabelRow(where, row["image_name"], box, parse_size(row, "image_width", "image_height"))
