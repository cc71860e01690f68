"""COCO JSON: ``images``, ``annotations`` with ``bbox`` as x, y, width, height in pixels.

What COCO has no field for goes into extra keys that other readers ignore: ``text`` of an
annotation, ``source`` of an image; the four corners are its ``segmentation``. An annotation that
has outlines and no ``bbox`` gets the box around them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.record import (
    AnnotationSet,
    BoxRecord,
    Corners,
    PhotoRecord,
)
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.drafts import write_text
from lightning_plates.errors import AnnotationError

TARGET = "annotations.json"
"""Name of the label file in a set's folder."""


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    return text.lstrip().startswith("{") and '"images"' in text


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; places are counted within their list, ``annotations[7]``.

    Raises:
        AnnotationError: The file is not JSON or lacks one of the lists.
    """
    images, annotations, categories = _parse(label)
    names = {item.get("id"): str(item.get("name", "plate")) for item in categories}
    boxes: dict[Any, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for index, item in enumerate(annotations):
        boxes[item.get("image_id")].append((f"{label.path}: annotations[{index}]", item))
    for index, image in enumerate(images):
        mine = boxes.pop(image.get("id"), [])
        yield from _image_entries(f"{label.path}: images[{index}]", image, mine, names)
    for identity, orphans in boxes.items():
        for where, _ in orphans:
            yield Problem(where, f"no image has the id {identity!r}")


def write(annotations: AnnotationSet, target: Path) -> None:
    """Put the labels in place at ``target``.

    Raises:
        OSError: The target cannot be written; an earlier file there stays as it was.
    """
    labels = sorted({box.label for photo in annotations.photos for box in photo.boxes} or {"plate"})
    categories = {name: number for number, name in enumerate(labels, start=1)}
    numbered = list(enumerate(annotations.photos, start=1))
    boxes = [(image, box) for image, photo in numbered for box in photo.boxes]
    content = {
        "images": [_image_object(image, photo) for image, photo in numbered],
        "annotations": [
            _box_object(number, image, box, categories[box.label])
            for number, (image, box) in enumerate(boxes, start=1)
        ],
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    write_text(target, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def _parse(label: LabelText) -> tuple[list[dict[str, Any]], ...]:
    try:
        content = json.loads(label.text)
    except json.JSONDecodeError as error:
        raise AnnotationError(f"{label.at(error.lineno)}: not JSON: {error.msg}") from error
    lists = tuple(content.get(name, []) for name in ("images", "annotations", "categories"))
    for name, items in zip(("images", "annotations", "categories"), lists, strict=True):
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise AnnotationError(f"{label.path}: {name} is not a list of objects")
    return lists


def _image_entries(
    where: str,
    image: Mapping[str, Any],
    boxes: list[tuple[str, Mapping[str, Any]]],
    names: Mapping[Any, str],
) -> Iterator[Entry]:
    try:
        file, size = str(image["file_name"]), (int(image["width"]), int(image["height"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        yield Problem(where, f"needs file_name, width and height ({error!r})")
        return
    source = str(image.get("source", ""))
    if not boxes:
        yield LabelRow(where, file, None, size, source=source)
    for place, item in boxes:
        label = names.get(item.get("category_id"), "plate")
        if item.get("iscrowd"):
            crowd = f"{file}: several in one box (iscrowd); label each of them"
            yield Problem(place, crowd, file, label=label)
            continue
        try:
            box = _box(item, label)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            yield Problem(place, f"{file}: bbox is not four numbers ({error!r})", file, label=label)
        else:
            yield LabelRow(place, file, box, size, source=source)


def _box(item: Mapping[str, Any], label: str) -> BoxRecord:
    bbox = item.get("bbox")
    x, y, width, height = map(float, bbox if bbox and any(bbox) else _around_outlines(item))
    return BoxRecord(x, y, x + width, y + height, label, str(item.get("text", "")), _corners(item))


def _around_outlines(item: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """``bbox`` of an annotation that has only outlines, x and y in turns; masks are no outlines."""
    outlines = item["segmentation"] if isinstance(item.get("segmentation"), list) else []
    xs = [float(value) for outline in outlines for value in outline[0::2]]
    ys = [float(value) for outline in outlines for value in outline[1::2]]
    if not xs or not ys:
        raise ValueError("neither bbox nor outline")
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _corners(item: Mapping[str, Any]) -> Corners | None:
    """A segmentation of one polygon of four points; masks and finer outlines are no corners."""
    outline = item.get("segmentation")
    if not isinstance(outline, list) or len(outline) != 1 or len(outline[0]) != 8:
        return None
    ax, ay, bx, by, cx, cy, dx, dy = (float(value) for value in outline[0])
    return (ax, ay), (bx, by), (cx, cy), (dx, dy)


def _image_object(number: int, photo: PhotoRecord) -> dict[str, Any]:
    shared = {"id": number, "file_name": photo.file, "width": photo.width, "height": photo.height}
    return shared | ({"source": photo.source} if photo.source else {})


def _box_object(number: int, image: int, box: BoxRecord, category: int) -> dict[str, Any]:
    outline = [[value for corner in box.corners for value in corner]] if box.corners else []
    shared = {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1],
        "area": box.area,
        "iscrowd": 0,
        "segmentation": outline,
    }
    return shared | ({"text": box.text} if box.text else {})
