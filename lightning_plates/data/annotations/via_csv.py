"""VGG Image Annotator CSV: a region a line, its shape and attributes as JSON in their cells.

Columns ``filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,
region_attributes``; a photo without regions has ``region_count`` 0 and an empty shape. What
:mod:`via_json` says of shapes and classes holds here. It is read, not written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lightning_plates.data.annotations.label_text import LabelText, csv_header, read_csv
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.via_json import region_box
from lightning_plates.errors import AnnotationError
from lightning_plates.schema import parse_json

TITLE = "VIA (VGG Image Annotator) CSV"
FILE_PER_PHOTO = False

_SHAPE, _ATTRIBUTES = "region_shape_attributes", "region_attributes"
_COLUMNS = ("filename", _SHAPE, _ATTRIBUTES)


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    return _SHAPE in {name.lstrip("#") for name in csv_header(text)}


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; see :func:`label_text.read_csv` for what it raises."""
    # Version 1 writes its header as a comment.
    for line, row in read_csv(replace(label, text=label.text.removeprefix("#")), _COLUMNS):
        where, photo = label.at(line), row["filename"]
        entry = f"{photo}{row.get('file_size', '')}"
        try:
            shape = _cell(row, _SHAPE, where)
            if shape == {}:
                yield LabelRow(where, photo, None, entry=entry)
                continue
            region = {
                "shape_attributes": shape,
                "region_attributes": _cell(row, _ATTRIBUTES, where),
            }
            yield LabelRow(where, photo, region_box(region, where), entry=entry)
        except (AnnotationError, ValueError) as error:
            yield Problem(where, str(error).removeprefix(f"{where}: "), photo)


def _cell(row: dict[str, str], name: str, where: str) -> Any:  # noqa: ANN401
    source = f"{where}: {name}"
    return parse_json(row[name] or "{}", source, AnnotationError, finite=False, unique_keys=True)
