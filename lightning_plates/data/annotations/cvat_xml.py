"""CVAT for images 1.1: one XML file, ``<image>`` with ``<box>``, ``<polygon>`` and other shapes.

Boxes may be turned (``rotation``, about their centre); their corners and those of polygons of four
points are kept. A plate's text is an attribute called ``text``. Shapes without an area are
problems. ``subset`` is the side of a set that comes divided. It is read, not written.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping

from lightning_plates.data.annotations.label_text import LabelText, to_number
from lightning_plates.data.annotations.label_xml import (
    attribute_number,
    parse_label_xml,
    whole_number,
)
from lightning_plates.data.annotations.record import BoxRecord, Point
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.shapes import (
    TEXT_NAMES,
    drawn_box,
    ellipse_box,
    outline_box,
    turned_corners,
)
from lightning_plates.data.annotations.sides import side_named
from lightning_plates.errors import AnnotationError

TITLE = "CVAT for images 1.1 XML"
FILE_PER_PHOTO = False

_IGNORED = frozenset({"tag"})
"""Says something of the photo as a whole."""


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    return text.lstrip().startswith("<") and "<annotations>" in text


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; places are counted within it, ``image 7``.

    Raises:
        AnnotationError: The file is not XML, or is an export for videos.
    """
    root = parse_label_xml(label)
    if root.find("track") is not None:
        raise AnnotationError(
            f"{label.path}: labels of a video; export them from CVAT as 'CVAT for images 1.1'"
        )
    for number, image in enumerate(root.iter("image"), start=1):
        yield from _image_entries(f"{label.path}: image {number}", image)


def _image_entries(where: str, image: ET.Element) -> Iterator[Entry]:
    photo = image.get("name", "")
    try:
        row = LabelRow(
            where,
            photo,
            None,
            _size(image),
            entry=f"image {image.get('id', where)}",
            side=side_named(image.get("subset", "")),
        )
    except ValueError as error:
        yield Problem(where, str(error), photo)
        return
    shapes = [shape for shape in image if shape.tag not in _IGNORED]
    if not shapes:
        yield row
    for number, shape in enumerate(shapes, start=1):
        place = f"{where}: {shape.tag} {number}"
        try:
            box = _box(shape)
        except ValueError as error:
            yield Problem(place, f"{photo}: {error}", photo, label=shape.get("label", ""))
        else:
            yield LabelRow(place, photo, box, row.size, entry=row.entry, side=row.side)


def _size(image: ET.Element) -> tuple[int, int] | None:
    if image.get("width") is None and image.get("height") is None:
        return None
    width, height = (
        whole_number(name, attribute_number(image, name)) for name in ("width", "height")
    )
    return width, height


def _box(shape: ET.Element) -> BoxRecord:
    read_shape = _SHAPES.get(shape.tag)
    if read_shape is None:
        raise ValueError(f"a {shape.tag} has no box; draw rectangles or polygons")
    texts = (item.text for item in shape.iter("attribute") if item.get("name") in TEXT_NAMES)
    text = next((text.strip() for text in texts if text), "")
    return read_shape(shape, shape.get("label") or "plate", text)


def _rectangle(shape: ET.Element, label: str, text: str) -> BoxRecord:
    x1, y1, x2, y2 = (attribute_number(shape, name) for name in ("xtl", "ytl", "xbr", "ybr"))
    if shape.get("rotation") is None:
        return BoxRecord(x1, y1, x2, y2, label, text)
    centre = ((x1 + x2) / 2, (y1 + y2) / 2)
    angle = attribute_number(shape, "rotation")
    return outline_box(turned_corners((x1, y1, x2, y2), angle, centre), label, text)


def _polygon(shape: ET.Element, label: str, text: str) -> BoxRecord:
    return outline_box([_point(pair) for pair in shape.get("points", "").split(";")], label, text)


def _point(pair: str) -> Point:
    x, comma, y = pair.partition(",")
    if not comma:
        raise ValueError(f"points: no x and y: {pair[:40]!r}")
    return to_number(x), to_number(y)


def _mask(shape: ET.Element, label: str, text: str) -> BoxRecord:
    sides = (attribute_number(shape, name) for name in ("left", "top", "width", "height"))
    return BoxRecord(*drawn_box(*sides), label, text)


def _ellipse(shape: ET.Element, label: str, text: str) -> BoxRecord:
    if shape.get("rotation") is not None:
        raise ValueError("a turned ellipse; draw a rectangle or polygon")
    cx, cy, rx, ry = (attribute_number(shape, name) for name in ("cx", "cy", "rx", "ry"))
    return BoxRecord(*ellipse_box(cx, cy, rx, ry), label, text)


_SHAPES: Mapping[str, Callable[[ET.Element, str, str], BoxRecord]] = {
    "box": _rectangle,
    "polygon": _polygon,
    "mask": _mask,
    "ellipse": _ellipse,
}
