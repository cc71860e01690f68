"""Make Sense JSON lines: one photo a line, boxes as two opposite points, coordinates 0–1.

``{"content": "/a.jpeg", "annotation": [{"label": ["Placas"], "notes": "", "points": [{"x": 0.41,
"y": 0.39}, {"x": 0.53, "y": 0.51}], "imageWidth": 4160, "imageHeight": 1968}], "extras": null}``.
Four points are the plate's corners. A plate's text is kept in ``notes``; sources are not kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_plates.data.annotations.label_json import check_object, whole_size
from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.record import (
    AnnotationSet,
    BoxRecord,
    PhotoRecord,
    scale_corners,
)
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.shapes import outline_box
from lightning_plates.drafts import write_text
from lightning_plates.errors import AnnotationError
from lightning_plates.schema import parse_json

TITLE = "Make Sense JSON lines"
FILE_PER_PHOTO = False
TARGET = "annotations.jsonl"
"""Name of the label file in a set's folder."""


@dataclass(frozen=True, slots=True)
class _Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class _Object:
    points: list[_Point]
    imageWidth: float  # noqa: N815 -- the file's key
    imageHeight: float  # noqa: N815
    label: list[str] | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class _Name:
    content: str


@dataclass(frozen=True, slots=True)
class _Line:
    annotation: list[_Object] | None = None


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    first_line = text.lstrip().partition("\n")[0]
    return first_line.startswith("{") and '"content"' in first_line


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; a line that is no such object is a problem of its own."""
    for line, text in enumerate(label.text.splitlines(), start=1):
        if text.strip():
            yield from _line_entries(label.at(line), text)


def write(annotations: AnnotationSet, target: Path) -> None:
    """Put the labels in place at ``target``.

    Raises:
        OSError: The target cannot be written; an earlier file there stays as it was.
    """
    lines = [json.dumps(_photo_object(photo), ensure_ascii=False) for photo in annotations.photos]
    write_text(target, "".join(f"{line}\n" for line in lines))


def _line_entries(where: str, text: str) -> Iterator[Entry]:
    photo = ""
    try:
        data = parse_json(text, where, AnnotationError, finite=False, unique_keys=True)
        photo = check_object(data, _Name, where).content
        objects = check_object(data, _Line, where).annotation or []
        if not objects:
            yield LabelRow(where, photo, None, entry=where)
        for entry in objects:
            yield _box_row(where, photo, entry)
    except (AnnotationError, ValueError) as error:
        yield Problem(where, str(error).removeprefix(f"{where}: "), photo)


def _box_row(where: str, photo: str, entry: _Object) -> LabelRow:
    points = [(point.x, point.y) for point in entry.points]
    if len(points) not in {2, 4}:
        raise ValueError(f"expected 2 or 4 points, got {len(points)}")
    label = (entry.label or ["plate"])[0]
    # Whoever draws may begin at any corner: points have no order, unlike x1 and x2.
    box = outline_box(points, label, entry.notes or "")
    size = whole_size(entry.imageWidth, entry.imageHeight)
    return LabelRow(where, photo, box, size, normalised=True, entry=where)


def _photo_object(photo: PhotoRecord) -> dict[str, Any]:
    boxes = [_box_object(box, photo) for box in photo.boxes]
    return {"content": f"/{photo.file}", "annotation": boxes or None, "extras": None}


def _box_object(box: BoxRecord, photo: PhotoRecord) -> dict[str, Any]:
    x1, y1, x2, y2 = box.shares_of(photo.width, photo.height)
    corners = box.corners and scale_corners(box.corners, 1 / photo.width, 1 / photo.height)
    points = corners or ((x1, y1), (x2, y2))
    return {
        "label": [box.label],
        "notes": box.text,
        "points": [{"x": x, "y": y} for x, y in points],
        "imageWidth": photo.width,
        "imageHeight": photo.height,
    }
