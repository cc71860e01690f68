"""The thesis' CSV: one row a box, coordinates 0–1, photo names without their ending.

Columns ``image_name,image_width,image_height,top_x,top_y,bottom_x,bottom_y``. It holds no text, no
corners, no sources, and no photos without boxes; those are left out on writing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lightning_plates.data.annotations.label_text import (
    LabelText,
    csv_header,
    parse_number,
    parse_size,
    read_csv,
)
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.drafts import draft_of

TITLE = "the thesis' CSV"
FILE_PER_PHOTO = False
TARGET = "annotations.csv"
"""Name of the label file in a set's folder."""

_SIDES = ("top_x", "top_y", "bottom_x", "bottom_y")
_COLUMNS = ("image_name", "image_width", "image_height", *_SIDES)


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    columns = csv_header(text)
    return "image_name" in columns and not columns.isdisjoint(_SIDES)


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; see :func:`label_text.read_csv` for what it raises."""
    for line, row in read_csv(label, _COLUMNS):
        try:
            x1, y1, x2, y2 = (parse_number(row, name) for name in _SIDES)
            size = parse_size(row, "image_width", "image_height")
        except ValueError as error:
            yield Problem(label.at(line), str(error), row["image_name"])
        else:
            yield LabelRow(
                label.at(line), row["image_name"], BoxRecord(x1, y1, x2, y2), size, normalised=True
            )


def write(annotations: AnnotationSet, target: Path) -> None:
    """Put the labels in place at ``target``.

    Raises:
        OSError: The target cannot be written; an earlier file there stays as it was.
    """
    with draft_of(target) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for photo in annotations.photos:
            name = PurePosixPath(photo.file).with_suffix("").as_posix()
            for box in photo.boxes:
                shares = box.shares_of(photo.width, photo.height)
                writer.writerow((name, photo.width, photo.height, *shares))
