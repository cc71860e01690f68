"""Supervisely JSON: one file a photo, ``ds0/ann/7.jpg.json`` beside ``ds0/img/7.jpg``.

Rectangles, polygons (four points are the plate's corners) and bitmaps; objects without an area are
problems. A plate's text is an object tag called ``text``. It is read, not written.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from lightning_plates.boxes import BoxXyxy
from lightning_plates.data.annotations.label_json import (
    check_object,
    parse_label_json,
    whole_size,
)
from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.shapes import TEXT_NAMES, drawn_box, outline_box
from lightning_plates.errors import AnnotationError

TITLE = "Supervisely JSON"
FILE_PER_PHOTO = True

_AREAS = frozenset({"rectangle", "polygon"})
_PNG_HEAD = 24
"""Signature, length and name of the first chunk, then the width and height of the picture."""


@dataclass(frozen=True, slots=True)
class _Size:
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _File:
    objects: list[dict[str, Any]]
    size: _Size | None = None

    def photo_size(self) -> tuple[int, int] | None:
        return None if self.size is None else whole_size(self.size.width, self.size.height)


@dataclass(frozen=True, slots=True)
class _Points:
    exterior: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Bitmap:
    data: str
    origin: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str = ""
    value: str | float | None = None


@dataclass(frozen=True, slots=True)
class _Object:
    geometryType: str  # noqa: N815 -- the file's key
    classTitle: str | None = None  # noqa: N815
    points: _Points | None = None
    bitmap: _Bitmap | None = None
    tags: list[_Tag] = field(default_factory=list)


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    return (
        text.lstrip().startswith("{")
        and '"images"' not in text
        and all(f'"{key}"' in text for key in ("objects", "size", "tags"))
    )


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of one photo's file.

    Raises:
        AnnotationError: The file is not JSON, or a field is of a wrong type.
    """
    where, photo = str(label.path), _photo_of(label.name)
    content = check_object(parse_label_json(label), _File, where)
    try:
        size = content.photo_size()
    except ValueError as error:
        yield Problem(where, f"size: {error}", photo, alias=label.name)
        return
    if not content.objects:
        yield LabelRow(where, photo, None, size, alias=label.name)
    for number, data in enumerate(content.objects):
        place = f"{where}: objects[{number}]"
        try:
            box = _box(check_object(data, _Object, place))
        except (AnnotationError, ValueError) as error:
            text, name = str(error).removeprefix(f"{place}: "), str(data.get("classTitle") or "")
            yield Problem(place, text, photo, label=name[:80], alias=label.name)
        else:
            yield LabelRow(place, photo, box, size, alias=label.name)


def _photo_of(name: str) -> str:
    """``ds0/ann/7.jpg`` labels ``ds0/img/7.jpg``."""
    path = PurePosixPath(name)
    if path.parent.name != "ann":
        return name
    return (path.parent.parent / "img" / path.name).as_posix()


def _box(item: _Object) -> BoxRecord:
    label = item.classTitle or "plate"
    texts = (str(tag.value) for tag in item.tags if tag.name in TEXT_NAMES and tag.value)
    text = next(texts, "")
    if item.geometryType == "bitmap" and item.bitmap is not None:
        return BoxRecord(*_bitmap_box(item.bitmap), label, text)
    if item.geometryType not in _AREAS or item.points is None:
        raise ValueError(f"geometryType {item.geometryType!r} has no box; draw rectangles")
    return outline_box(item.points.exterior, label, text)


def _bitmap_box(bitmap: _Bitmap) -> BoxXyxy:
    """Where a mask lies: its picture is cut to size, and the head of the PNG says how large."""
    try:
        packed = base64.b64decode(bitmap.data, validate=True)
        head = zlib.decompressobj().decompress(packed, _PNG_HEAD)
        width, height = struct.unpack(">II", head[16:_PNG_HEAD])
    except (ValueError, zlib.error, struct.error) as error:
        raise ValueError(f"bitmap.data: not a packed PNG ({error})") from error
    return drawn_box(*bitmap.origin, width, height)
