"""Label Studio JSON and JSON-MIN: a list of tasks, boxes in per cent of the photo.

JSON has the ``result`` of each annotation, JSON-MIN one list a labelling control. What a tool
labelled as one region stands in several parts of the same place: rectangle, class, text. Turned
rectangles (about their left top corner) and polygons of four points keep their corners. Tasks that
nobody annotated, or that were skipped, are no photos without a plate. Of several annotations of a
task one marked as ground truth counts; else they must agree. It is read, not written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lightning_plates.boxes import BoxXyxy
from lightning_plates.data.annotations.label_json import (
    check_object,
    parse_label_json,
    whole_size,
)
from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.record import BoxRecord, Point
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.shapes import (
    drawn_box,
    ellipse_box,
    outline_box,
    turned_corners,
)
from lightning_plates.errors import AnnotationError
from lightning_plates.photo_formats import PHOTO_SUFFIXES

TITLE = "Label Studio JSON and JSON-MIN"
FILE_PER_PHOTO = False

_OF_WHOLE_PHOTO = frozenset({"choices", "taxonomy", "rating", "number", "datetime", "pairwise"})
"""Results that say something of the photo or of a region, and have no place of their own."""
_CLASS_ENDING = "labels"
"""``rectanglelabels``, ``polygonlabels``, ``labels`` … hold the class."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Place, class or text of a region, in per cent."""

    x: float | None = None
    y: float | None = None
    width: float | None = None
    height: float | None = None
    radiusX: float | None = None  # noqa: N815 -- the file's key
    radiusY: float | None = None  # noqa: N815
    points: list[tuple[float, float]] | None = None
    rotation: float | None = None
    original_width: float | None = None
    original_height: float | None = None


@dataclass(frozen=True, slots=True)
class _Result:
    value: dict[str, Any] = field(default_factory=dict)
    type: str | None = None
    id: str | int | None = None
    original_width: float | None = None
    original_height: float | None = None
    image_rotation: float | None = None


@dataclass(frozen=True, slots=True)
class _Annotation:
    result: list[dict[str, Any]]
    was_cancelled: bool | None = None
    ground_truth: bool | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    data: dict[str, Any]
    annotations: list[_Annotation] | None = None
    completions: list[_Annotation] | None = None
    """Their name before version 1.0."""
    file_upload: str | None = None


@dataclass(frozen=True, slots=True)
class _Region:
    """All that is known of one region."""

    where: str
    part: _Part
    label: str
    text: str
    problem: str = ""

    def size(self) -> tuple[int, int] | None:
        if self.part.original_width is None or self.part.original_height is None:
            return None
        return whole_size(self.part.original_width, self.part.original_height)


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    if not text.lstrip().startswith("["):
        return False
    full = '"data"' in text and ('"annotations"' in text or '"completions"' in text)
    return full or '"annotation_id"' in text or '"original_width"' in text


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; places are counted within its list, ``task 7``.

    Raises:
        AnnotationError: The file is not JSON, or no list of objects.
    """
    tasks = check_object(parse_label_json(label), list[dict[str, Any]], str(label.path))
    for number, task in enumerate(tasks):
        where = f"{label.path}: task {task.get('id', number)}"[:300]
        try:
            is_full = isinstance(task.get("data"), dict)
            yield from _full_task(where, task) if is_full else _small_task(where, task)
        except AnnotationError as error:
            data = task["data"] if isinstance(task.get("data"), dict) else task
            yield Problem(where, str(error).removeprefix(f"{where}: "), _photo_name(data))


def _full_task(where: str, data: Mapping[str, Any]) -> Iterator[Entry]:
    task = check_object(data, _Task, where)
    given = [*(task.annotations or []), *(task.completions or [])]
    counted = [each for each in given if not each.was_cancelled]
    counted = [each for each in counted if each.ground_truth] or counted
    for number, annotation in enumerate(counted):
        regions = _regions(where, annotation.result)
        entry = f"{where}, annotation {number}"
        yield from _entries(where, entry, _photo_name(task.data), task.file_upload or "", regions)


def _small_task(where: str, task: Mapping[str, Any]) -> Iterator[Entry]:
    """A task of JSON-MIN: its data, and a list for each control."""
    lists = {name: value for name, value in task.items() if isinstance(value, list)}
    parts = [part for value in lists.values() for part in value if isinstance(part, dict)]
    if not parts and "annotation_id" not in task:
        return
    regions = _regions(where, [{"value": part} for part in parts])
    yield from _entries(where, where, _photo_name(task), "", regions)


def _entries(
    where: str, entry: str, photo: str, alias: str, regions: Sequence[_Region]
) -> Iterator[Entry]:
    if not regions:
        yield LabelRow(where, photo, None, normalised=True, alias=alias, entry=entry)
    for region in regions:
        try:
            if region.problem:
                raise ValueError(region.problem)
            size, box = region.size(), _box(region)
            yield LabelRow(
                region.where, photo, box, size, normalised=True, alias=alias, entry=entry
            )
        except ValueError as error:
            yield Problem(region.where, str(error), photo, label=region.label, alias=alias)


def _regions(where: str, results: Sequence[Mapping[str, Any]]) -> list[_Region]:
    """Results joined by their id or, where they have none, by their place in the photo."""
    groups: dict[object, list[_Result]] = {}
    for number, data in enumerate(results):
        result = check_object(data, _Result, f"{where}: result {number}")
        if result.type in _OF_WHOLE_PHOTO or result.type == "relation":
            continue
        place = tuple(result.value.get(key) for key in ("x", "y", "width", "height"))
        key = result.id if result.id is not None else repr((place, result.value.get("points")))
        groups.setdefault(key, []).append(result)
    regions = [_region(where, number, group) for number, group in enumerate(groups.values())]
    return [region for region in regions if region is not None]


def _region(where: str, number: int, results: Sequence[_Result]) -> _Region | None:
    where = f"{where}: region {number}"
    label = next((name for each in results if (name := _class_of(each.value))), "plate")
    text = next((text for each in results if (text := _text_of(each.value))), "")
    if any(each.image_rotation for each in results):
        problem = "a photo that was turned in Label Studio; where its boxes lie is not known"
        return _Region(where, _Part(), label, text, problem)
    placed = [each for each in results if each.value.keys() & {"x", "points", "rle"}]
    if not placed:
        return None  # a text of the whole photo
    try:
        part = check_object(placed[0].value, _Part, where)
        size = (
            placed[0].original_width or part.original_width,
            placed[0].original_height or part.original_height,
        )
    except AnnotationError as error:
        return _Region(where, _Part(), label, text, str(error).removeprefix(f"{where}: "))
    sized = _Part(
        part.x, part.y, part.width, part.height, part.radiusX, part.radiusY,
        part.points, part.rotation, *size,
    )  # fmt: skip
    return _Region(where, sized, label, text)


def _box(region: _Region) -> BoxRecord:
    """The box in 0–1 of the photo."""
    part = region.part
    if part.points is not None:
        points = [(x / 100, y / 100) for x, y in part.points]
        return outline_box(points, region.label, region.text)
    if part.x is None or part.y is None:
        raise ValueError("no x and y; draw rectangles or polygons")
    if part.radiusX is not None and part.radiusY is not None and not part.rotation:
        sides = ellipse_box(part.x, part.y, part.radiusX, part.radiusY)
    elif part.width is not None and part.height is not None:
        sides = drawn_box(part.x, part.y, part.width, part.height)
        if part.rotation:
            points = _turned(region, sides)
            return outline_box(points, region.label, region.text)
    else:
        raise ValueError("no width and height; draw rectangles or polygons")
    x1, y1, x2, y2 = (value / 100 for value in sides)
    return BoxRecord(x1, y1, x2, y2, region.label, region.text)


def _turned(region: _Region, sides: BoxXyxy) -> list[Point]:
    """Corners of a turned rectangle in 0–1; angles are those of pixels, not of per cent."""
    size = region.size()
    if size is None or min(size) < 1:
        raise ValueError("a turned box without original_width and original_height")
    width, height = size[0] / 100, size[1] / 100
    box = (sides[0] * width, sides[1] * height, sides[2] * width, sides[3] * height)
    corners = turned_corners(box, region.part.rotation or 0.0, (box[0], box[1]))
    return [(x / size[0], y / size[1]) for x, y in corners]


def _class_of(value: Mapping[str, Any]) -> str:
    names = (item for key, item in value.items() if key.endswith(_CLASS_ENDING))
    first = next((item[0] for item in names if isinstance(item, list) and item), "")
    return first if isinstance(first, str) else ""


def _text_of(value: Mapping[str, Any]) -> str:
    text = value.get("text")
    if isinstance(text, list):
        text = "".join(part for part in text if isinstance(part, str))
    return text.strip() if isinstance(text, str) else ""


def _photo_name(data: Mapping[str, Any]) -> str:
    """The photo of a task: its ``image``, or else the first value that ends like a photo."""
    values = [data.get("image"), *data.values()]
    paths = [_path_of(value) for value in values if isinstance(value, str)]
    photos = (path for path in paths if PurePosixPath(path).suffix.lower() in PHOTO_SUFFIXES)
    return next(photos, paths[0] if paths else "")


def _path_of(address: str) -> str:
    """``/data/local-files/?d=a/7.jpg``, ``https://host/a/7.jpg?key``, ``s3://bucket/a/7.jpg``."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    local = parse_qs(parts.query).get("d") if parts.path.endswith("/local-files/") else None
    if local:
        return local[0]
    return parts.path if parts.scheme in {"http", "https", "s3", "gs", "azure-blob"} else address
