"""Pascal VOC XML: one file a photo.

Coordinates are taken as they stand. The original challenge counted pixels from 1; the tools that
write the format today (LabelImg, CVAT, Roboflow) count from 0, and so does this one. A plate's text
is kept in an extra element ``text`` of its object, which other readers ignore; corners and sources
are not kept. A photo goes by the ``filename`` in the file or, if it was renamed since, by the name
of the file itself.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.label_xml import (
    child_number,
    parse_label_xml,
    whole_number,
)
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.drafts import write_text

TITLE = "Pascal VOC XML"
FILE_PER_PHOTO = True
TARGET = "Annotations"
"""Name of the labels' folder in a set's folder."""

_ROOT = re.compile(r"<annotation[\s>]")
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    return text.lstrip().startswith("<") and _ROOT.search(text) is not None


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of one photo's file.

    Raises:
        AnnotationError: The file is not XML, or declares entities (which could expand without end).
    """
    root = parse_label_xml(label)
    photo = root.findtext("filename") or label.name
    try:
        size = _size(root)
    except ValueError as error:
        yield Problem(str(label.path), str(error), photo, alias=label.name)
        return
    objects = root.findall("object")
    if not objects:
        yield LabelRow(str(label.path), photo, None, size, alias=label.name)
    for number, item in enumerate(objects, start=1):
        where = f"{label.path}: object {number}"
        try:
            box = _box(item)
        except ValueError as error:
            name = item.findtext("name") or ""
            yield Problem(where, str(error), photo, label=name, alias=label.name)
        else:
            yield LabelRow(where, photo, box, size, alias=label.name)


def write(annotations: AnnotationSet, target: Path) -> None:
    """Put one file a photo in place below the folder ``target``.

    Raises:
        OSError: The target cannot be written.
    """
    for photo in annotations.photos:
        file = target / PurePosixPath(photo.file).with_suffix(".xml")
        tree = _photo_element(photo)
        ET.indent(tree)
        write_text(file, ET.tostring(tree, encoding="unicode") + "\n")


def _box(item: ET.Element) -> BoxRecord:
    x1, y1, x2, y2 = (child_number(item, f"bndbox/{name}") for name in _SIDES)
    label, text = item.findtext("name") or "plate", item.findtext("text") or ""
    return BoxRecord(x1, y1, x2, y2, label, text)


def _size(root: ET.Element) -> tuple[int, int] | None:
    """As labelled; some tools leave it out or write 0."""
    if root.find("size/width") is None and root.find("size/height") is None:
        return None
    values = {name: child_number(root, f"size/{name}") for name in ("width", "height")}
    width, height = (whole_number(f"size/{name}", value) for name, value in values.items())
    return width, height


def _photo_element(photo: PhotoRecord) -> ET.Element:
    root = ET.Element("annotation")
    ET.SubElement(root, "filename").text = photo.file
    size = ET.SubElement(root, "size")
    for name, value in (("width", photo.width), ("height", photo.height), ("depth", 3)):
        ET.SubElement(size, name).text = str(value)
    root.extend(_box_element(box) for box in photo.boxes)
    return root


def _box_element(box: BoxRecord) -> ET.Element:
    item = ET.Element("object")
    ET.SubElement(item, "name").text = box.label
    if box.text:
        ET.SubElement(item, "text").text = box.text
    sides = ET.SubElement(item, "bndbox")
    for name, value in zip(_SIDES, box.xyxy, strict=True):
        ET.SubElement(sides, name).text = repr(float(value))
    return item
