"""VGG Image Annotator JSON: annotations by ``NAMEsize``, alone or in a saved project (VIA 1 and 2).

Make Sense exports this form, too. It states no size of the photos. Rectangles, circles, ellipses
and outlines, of which four points are the plate's corners; points are problems. The class is the
first attribute of a region whose name says so, or else the first; a plate's text is an attribute
called ``text``. It is read, not written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lightning_plates.data.annotations.label_json import check_object, parse_label_json
from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.shapes import (
    TEXT_NAMES,
    drawn_box,
    ellipse_box,
    outline_box,
)
from lightning_plates.errors import AnnotationError

TITLE = "VIA (VGG Image Annotator) JSON"
FILE_PER_PHOTO = False

_CLASS_NAMES = ("label", "class", "type", "name", "category", "object")
"""Attributes that name the class, in this order of preference."""


@dataclass(frozen=True, slots=True)
class _Photo:
    filename: str
    regions: list[dict[str, Any]] | dict[str, dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class _Region:
    shape_attributes: dict[str, Any]
    region_attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Rectangle:
    x: float
    y: float
    width: float
    height: float

    def box(self, label: str, text: str) -> BoxRecord:
        return BoxRecord(*drawn_box(self.x, self.y, self.width, self.height), label, text)


@dataclass(frozen=True, slots=True)
class _Circle:
    cx: float
    cy: float
    r: float

    def box(self, label: str, text: str) -> BoxRecord:
        return BoxRecord(*ellipse_box(self.cx, self.cy, self.r, self.r), label, text)


@dataclass(frozen=True, slots=True)
class _Ellipse:
    cx: float
    cy: float
    rx: float
    ry: float
    theta: float = 0.0

    def box(self, label: str, text: str) -> BoxRecord:
        if self.theta:
            raise ValueError("a turned ellipse; draw a rectangle or polygon")
        return BoxRecord(*ellipse_box(self.cx, self.cy, self.rx, self.ry), label, text)


@dataclass(frozen=True, slots=True)
class _Outline:
    all_points_x: list[float]
    all_points_y: list[float]

    def box(self, label: str, text: str) -> BoxRecord:
        xs, ys = self.all_points_x, self.all_points_y
        if len(xs) != len(ys):
            raise ValueError(f"{len(xs)} all_points_x, but {len(ys)} all_points_y")
        return outline_box(list(zip(xs, ys, strict=True)), label, text)


_SHAPES: Mapping[str, type[_Rectangle | _Circle | _Ellipse | _Outline]] = {
    "rect": _Rectangle,
    "circle": _Circle,
    "ellipse": _Ellipse,
    "polygon": _Outline,
    "polyline": _Outline,
}


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    keys = ('"filename"', '"regions"')
    return text.lstrip().startswith("{") and all(key in text for key in keys)


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; places are its keys.

    Raises:
        AnnotationError: The file is not JSON, has a key twice, or holds no objects by key.
    """
    content = parse_label_json(label)
    if isinstance(content, dict) and "_via_img_metadata" in content:
        content = content["_via_img_metadata"]
    for key, data in check_object(content, dict[str, Any], str(label.path)).items():
        yield from _photo_entries(f"{label.path}: {key[:100]}", data)


def region_box(data: object, where: str) -> BoxRecord:
    """The box of one region.

    Raises:
        AnnotationError: A field is of a wrong type.
        ValueError: It has no area.
    """
    region = check_object(data, _Region, where)
    name = region.shape_attributes.get("name")
    kind = _SHAPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"shape {str(name)[:40]!r} has no box; draw rectangles or polygons")
    shape = check_object(region.shape_attributes, kind, f"{where}: shape_attributes")
    return shape.box(region_class(region.region_attributes), _text(region.region_attributes))


def region_class(attributes: Mapping[str, Any]) -> str:
    """Class of a region; checkboxes are ``{"plate": true}``."""
    named = [attributes.get(name) for name in _CLASS_NAMES]
    others = [value for name, value in attributes.items() if name not in TEXT_NAMES]
    for value in (*named, *others):
        chosen = value
        if isinstance(value, dict):
            chosen = next((key for key, ticked in value.items() if ticked is True), None)
        if isinstance(chosen, str) and chosen.strip():
            return chosen.strip()
    return "plate"


def _known_class(region: Mapping[str, Any]) -> str:
    """Class of a region that may be wrong in another field; nothing where it has none."""
    attributes = region.get("region_attributes")
    return region_class(attributes) if isinstance(attributes, dict) and attributes else ""


def _text(attributes: Mapping[str, Any]) -> str:
    texts = (attributes.get(name) for name in sorted(TEXT_NAMES))
    return next((text.strip() for text in texts if isinstance(text, str)), "")


def _photo_entries(where: str, data: object) -> Iterator[Entry]:
    try:
        photo = check_object(data, _Photo, where)
    except AnnotationError as error:
        name = data.get("filename") if isinstance(data, dict) else None
        text = str(error).removeprefix(f"{where}: ")
        yield Problem(where, text, name if isinstance(name, str) else "")
        return
    regions = photo.regions or []
    listed = list(regions.values()) if isinstance(regions, dict) else regions
    if not listed:
        yield LabelRow(where, photo.filename, None, entry=where)
    for number, region in enumerate(listed):
        place = f"{where}: regions[{number}]"
        try:
            yield LabelRow(place, photo.filename, region_box(region, place), entry=where)
        except (AnnotationError, ValueError) as error:
            text, name = str(error).removeprefix(f"{place}: "), _known_class(region)
            yield Problem(place, text, photo.filename, label=name)
