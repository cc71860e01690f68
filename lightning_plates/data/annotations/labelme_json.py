"""LabelMe JSON (also AnyLabeling's): one file a photo, ``shapes`` with points in pixels.

Rectangles are two opposite points in whatever order; of polygons the box around them is taken, and
four points are the plate's corners. Circles have a centre and a point on the line. Shapes without
an area are problems. A photo goes by ``imagePath`` or, if it was renamed since, by the name of the
file itself. It is read, not written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lightning_plates.data.annotations.label_json import (
    check_object,
    parse_label_json,
    whole_size,
)
from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.shapes import ellipse_box, outline_box
from lightning_plates.errors import AnnotationError

TITLE = "LabelMe JSON"
FILE_PER_PHOTO = True

_WITHOUT_AREA = frozenset({"point", "points", "line", "linestrip"})


@dataclass(frozen=True, slots=True)
class _File:
    shapes: list[dict[str, Any]]
    imagePath: str | None = None  # noqa: N815 -- the file's key
    imageWidth: float | None = None  # noqa: N815
    imageHeight: float | None = None  # noqa: N815

    def size(self) -> tuple[int, int] | None:
        if self.imageWidth is None or self.imageHeight is None:
            return None
        return whole_size(self.imageWidth, self.imageHeight)


@dataclass(frozen=True, slots=True)
class _Shape:
    points: list[tuple[float, float]]
    label: str | None = None
    shape_type: str | None = None


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    return text.lstrip().startswith("{") and '"shapes"' in text and '"imagePath"' in text


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of one photo's file.

    Raises:
        AnnotationError: The file is not JSON, or a field is of a wrong type.
    """
    where = str(label.path)
    content = check_object(parse_label_json(label), _File, where)
    photo = content.imagePath or label.name
    try:
        size = content.size()
    except ValueError as error:
        yield Problem(where, str(error), photo, alias=label.name)
        return
    if not content.shapes:
        yield LabelRow(where, photo, None, size, alias=label.name)
    for number, data in enumerate(content.shapes):
        place = f"{where}: shapes[{number}]"
        try:
            box = _box(check_object(data, _Shape, place))
        except (AnnotationError, ValueError) as error:
            text, name = str(error).removeprefix(f"{place}: "), str(data.get("label") or "")[:80]
            yield Problem(place, text, photo, label=name, alias=label.name)
        else:
            yield LabelRow(place, photo, box, size, alias=label.name)


def _box(shape: _Shape) -> BoxRecord:
    label = shape.label or "plate"
    if shape.shape_type in _WITHOUT_AREA:
        raise ValueError(f"a {shape.shape_type} has no box; draw rectangles or polygons")
    if shape.shape_type == "circle":
        if len(shape.points) != 2:
            raise ValueError(f"points: a circle has 2, got {len(shape.points)}")
        radius = math.dist(*shape.points)
        return BoxRecord(*ellipse_box(*shape.points[0], radius, radius), label)
    return outline_box(shape.points, label)
