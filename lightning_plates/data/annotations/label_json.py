"""JSON of label files: parse it, and check one object at a time, so that others stand."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from lightning_plates import schema
from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.errors import AnnotationError

T = TypeVar("T")


def parse_label_json(label: LabelText) -> Any:  # noqa: ANN401
    """The content of a JSON label file.

    Raises:
        AnnotationError: It is not JSON, or an object has a key twice, as after joining two
            exports by hand: which of the two is meant cannot be known.
    """
    return schema.parse_json(
        label.text, label.path, AnnotationError, finite=False, unique_keys=True
    )


def check_object(data: object, kind: type[T], where: str) -> T:
    """``data`` as a ``kind``; numbers may be written as text.

    Raises:
        AnnotationError: It has another shape; the message begins with ``where`` and the field.
    """
    return schema.convert(data, kind, where, AnnotationError, strict=False)


def whole_size(width: float, height: float) -> tuple[int, int]:
    """Size of a photo as some tools write it, ``640.0``.

    Raises:
        ValueError: A number is not whole.
    """
    for name, value in (("width", width), ("height", height)):
        if not (math.isfinite(value) and float(value).is_integer()):
            raise ValueError(f"{name}: not a whole number: {value!r}")
    return int(width), int(height)
