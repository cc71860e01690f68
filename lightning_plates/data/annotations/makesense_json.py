"""Make Sense JSON lines: one photo a line, boxes as two opposite points, coordinates 0–1.

``{"content": "/a.jpeg", "annotation": [{"label": ["Placas"], "notes": "", "points": [{"x": 0.41,
"y": 0.39}, {"x": 0.53, "y": 0.51}], "imageWidth": 4160, "imageHeight": 1968}], "extras": null}``.
Four points are the plate's corners. A plate's text is kept in ``notes``; sources are not kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.record import (
    AnnotationSet,
    BoxRecord,
    Corners,
    PhotoRecord,
    scale_corners,
)
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.drafts import write_text

TARGET = "annotations.jsonl"
"""Name of the label file in a set's folder."""


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
        item = json.loads(text)
        photo = str(item["content"])
        objects = item.get("annotation") or []
        if not objects:
            yield LabelRow(where, photo, None)
        for entry in objects:
            yield _box_row(where, photo, entry)
    except json.JSONDecodeError as error:
        yield Problem(where, f"not JSON: {error.msg} at column {error.colno}")
    except KeyError as error:
        yield Problem(where, f"no {error} in this entry", photo)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        yield Problem(where, f"not a Make Sense entry: {error}", photo)


def _box_row(where: str, photo: str, entry: dict[str, Any]) -> LabelRow:
    points = [(float(point["x"]), float(point["y"])) for point in entry["points"]]
    if len(points) not in {2, 4}:
        raise ValueError(f"expected 2 or 4 points, got {len(points)}")
    xs, ys = zip(*points, strict=True)
    labels = entry.get("label") or ["plate"]
    box = BoxRecord(
        # Whoever draws may begin at any corner: points have no order, unlike x1 and x2.
        min(xs),
        min(ys),
        max(xs),
        max(ys),
        str(labels[0]),
        str(entry.get("notes") or ""),
        _corners(points),
    )
    size = (int(entry["imageWidth"]), int(entry["imageHeight"]))
    return LabelRow(where, photo, box, size, normalised=True)


def _corners(points: list[tuple[float, float]]) -> Corners | None:
    if len(points) != 4:
        return None
    a, b, c, d = points
    return a, b, c, d


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
