"""COCO JSON: ``images``, ``annotations`` with ``bbox`` as x, y, width, height in pixels.

What COCO has no field for goes into extra keys that other readers ignore: ``text`` of an
annotation, ``source`` of an image; the four corners are its ``segmentation``. An annotation that
has outlines or a mask and no ``bbox`` gets the box around them. Ids are compared as they stand, and
else as text, because some tools write ``1`` in one list and ``"1"`` in the other.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from lightning_plates.boxes import BoxXyxy
from lightning_plates.data.annotations.label_json import (
    check_object,
    parse_label_json,
    whole_size,
)
from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.record import (
    AnnotationSet,
    BoxRecord,
    Corners,
    PhotoRecord,
)
from lightning_plates.data.annotations.rle import RunLengths, mask_box
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.shapes import box_around, drawn_box
from lightning_plates.drafts import write_text
from lightning_plates.errors import AnnotationError, reason_without_name

TITLE = "COCO JSON"
FILE_PER_PHOTO = False
TARGET = "annotations.json"
"""Name of the label file in a set's folder."""

NO_IMAGE = "box of no image in its file"
SEVERAL_IMAGES = "box of an id that several images have"

_Id: TypeAlias = int | float | str


@dataclass(frozen=True, slots=True)
class _Lists:
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Image:
    file_name: str
    id: _Id
    width: float | None = None
    height: float | None = None
    source: str | None = None

    def size(self) -> tuple[int, int] | None:
        if self.width is None or self.height is None:
            return None
        return whole_size(self.width, self.height)


@dataclass(frozen=True, slots=True)
class _Category:
    id: _Id
    name: str | int | float = "plate"


@dataclass(frozen=True, slots=True)
class _Reference:
    """What an annotation says of its photo and class."""

    image_id: _Id
    category_id: _Id | None = None
    iscrowd: int | bool | None = None


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an annotation says of its place."""

    bbox: list[float] | None = None
    segmentation: list[Any] | RunLengths | None = None
    text: str | None = None


_Placed: TypeAlias = tuple[str, _Reference, dict[str, Any]]
"""Place of an annotation, what it refers to, and the annotation."""


class _Index:
    """Finds list items by id: as it stands, or else as text.

    Args:
        ids: Id of each item, in their order; ``None`` where it has none.
    """

    def __init__(self, ids: Sequence[_Id | None]) -> None:
        self._exact: defaultdict[tuple[bool, _Id], list[int]] = defaultdict(list)
        self._loose: defaultdict[str, list[int]] = defaultdict(list)
        for place, identity in enumerate(ids):
            if identity is not None:
                self._exact[isinstance(identity, str), identity].append(place)
                self._loose[_as_text(identity)].append(place)

    def find(self, identity: _Id) -> list[int]:
        """Places of the items that may be meant: none, one or several."""
        exact = self._exact.get((isinstance(identity, str), identity))
        return exact or self._loose.get(_as_text(identity), [])


class _Categories:
    """Class names by id."""

    def __init__(self, categories: Sequence[_Category]) -> None:
        self._names = [str(category.name) for category in categories]
        self._index = _Index([category.id for category in categories])

    def name(self, identity: _Id | None) -> str:
        """The class of an annotation; ``plate`` in a file that names no classes.

        Raises:
            ValueError: Classes of different names have this id.
        """
        if identity is None or not self._names:
            return "plate"
        names = {self._names[place] for place in self._index.find(identity)}
        if len(names) > 1:
            raise ValueError(f"category_id {identity!r} is {' and '.join(sorted(names))}")
        return names.pop() if names else f"category {identity}"


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    return text.lstrip().startswith("{") and '"images"' in text


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; places are counted within their list, ``annotations[7]``.

    Raises:
        AnnotationError: The file is not JSON, or ``images``, ``annotations`` or ``categories``
            is no list of objects.
    """
    lists = check_object(parse_label_json(label), _Lists, str(label.path))
    places = [f"{label.path}: images[{number}]" for number in range(len(lists.images))]
    images = _Index([_id_of(image) for image in lists.images])
    boxes: defaultdict[int, list[_Placed]] = defaultdict(list)
    for number, data in enumerate(lists.annotations):
        where = f"{label.path}: annotations[{number}]"
        try:
            reference = check_object(data, _Reference, where)
        except AnnotationError as error:
            yield Problem(where, reason_without_name(error, where))
            continue
        found = images.find(reference.image_id)
        if len(found) == 1:
            boxes[found[0]].append((where, reference, data))
        else:
            files = [_file_name(lists.images[place]) for place in found]
            yield from _unassigned(where, reference.image_id, files)
    categories = _Categories(
        [
            check_object(data, _Category, f"{label.path}: categories[{number}]")
            for number, data in enumerate(lists.categories)
        ]
    )
    for number, (where, data) in enumerate(zip(places, lists.images, strict=True)):
        yield from _image_entries(where, data, boxes[number], categories)


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


def _as_text(identity: _Id) -> str:
    """``1``, ``1.0``, ``"1"`` and ``"001"`` are the same."""
    whole = isinstance(identity, float) and identity.is_integer()
    text = str(int(identity) if whole else identity).strip()
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text


def _id_of(image: dict[str, Any]) -> _Id | None:
    identity = image.get("id")
    known = isinstance(identity, int | float | str) and not isinstance(identity, bool)
    return identity if known else None


def _file_name(image: dict[str, Any]) -> str:
    name = image.get("file_name")
    return name if isinstance(name, str) else ""


def _unassigned(where: str, identity: _Id, files: Sequence[str]) -> Iterator[Problem]:
    """One problem for each photo that a box may belong to; without a photo where none is known."""
    if not files:
        yield Problem(where, f"no image has the id {identity!r}", kind=NO_IMAGE)
    for file in files:
        text = f"{file}: {len(files)} images have the id {identity!r}"
        yield Problem(where, text, file, kind=SEVERAL_IMAGES)


def _image_entries(
    where: str, data: dict[str, Any], boxes: list[_Placed], categories: _Categories
) -> Iterator[Entry]:
    try:
        image = check_object(data, _Image, where)
        size = image.size()
    except (AnnotationError, ValueError) as error:
        yield Problem(where, str(error).removeprefix(f"{where}: "), _file_name(data))
        return
    row = LabelRow(where, image.file_name, None, size, source=image.source or "")
    row = replace(row, entry=f"image {image.id!r}")
    if not boxes:
        yield row
    for place, reference, item in boxes:
        yield _box_entry(replace(row, where=place), reference, item, categories)


def _box_entry(
    row: LabelRow, reference: _Reference, item: dict[str, Any], categories: _Categories
) -> Entry:
    label = ""
    try:
        label = categories.name(reference.category_id)
        if reference.iscrowd:
            raise ValueError("several in one box (iscrowd); label each of them")
        shape = check_object(item, _Shape, row.where)
        return replace(row, box=_box(shape, label))
    except (AnnotationError, ValueError) as error:
        text = f"{row.photo}: {str(error).removeprefix(f'{row.where}: ')}"
        return Problem(row.where, text, row.photo, label=label)


def _box(shape: _Shape, label: str) -> BoxRecord:
    if shape.bbox and any(shape.bbox):
        if len(shape.bbox) != 4:
            raise ValueError(f"bbox is not four numbers: {shape.bbox}")
        x, y, width, height = shape.bbox
        sides = drawn_box(x, y, width, height)
    else:
        sides = _around(shape.segmentation)
    return BoxRecord(*sides, label, shape.text or "", _corners(shape.segmentation))


def _around(segmentation: list[Any] | RunLengths | None) -> BoxXyxy:
    """Box around what an annotation without ``bbox`` has: outlines, x and y in turns, or a mask."""
    if isinstance(segmentation, RunLengths):
        return mask_box(segmentation)
    if not segmentation:
        raise ValueError("neither bbox nor outline")
    outlines = [_points(outline) for outline in segmentation]
    return box_around([point for outline in outlines for point in outline])


def _points(outline: object) -> list[tuple[float, float]]:
    numbers = check_object(outline, list[float], "segmentation")
    if len(numbers) % 2:
        raise ValueError(f"segmentation: {len(numbers)} numbers are no pairs of x and y")
    return list(zip(numbers[0::2], numbers[1::2], strict=True))


def _corners(segmentation: list[Any] | RunLengths | None) -> Corners | None:
    """A segmentation of one polygon of four points; masks and finer outlines are no corners."""
    if not isinstance(segmentation, list) or len(segmentation) != 1:
        return None
    points = _points(segmentation[0])
    if len(points) != 4:
        return None
    a, b, c, d = points
    return a, b, c, d


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
