"""XML of label files: parse it without entities, and read numbers from it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from lightning_plates.data.annotations.label_text import LabelText, to_number
from lightning_plates.errors import AnnotationError


def parse_label_xml(label: LabelText) -> ET.Element:
    """The root element of a label file.

    Raises:
        AnnotationError: The file is not XML, or declares entities, which could expand without end.
            The text is decoded already, so no encoding hides a declaration.
    """
    if "<!ENTITY" in label.text:
        raise AnnotationError(f"{label.path}: declares XML entities; remove them")
    try:
        return ET.fromstring(label.text)
    except ET.ParseError as error:
        raise AnnotationError(f"{label.at(error.position[0])}: not XML: {error}") from error


def child_number(element: ET.Element, path: str) -> float:
    """The number in the child element at ``path``.

    Raises:
        ValueError: There is none.
    """
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"no {path}")
    return _named(path, text)


def attribute_number(element: ET.Element, name: str) -> float:
    """The number in the attribute ``name``.

    Raises:
        ValueError: There is none.
    """
    text = element.get(name)
    if text is None:
        raise ValueError(f"no {name}")
    return _named(name, text)


def whole_number(name: str, value: float) -> int:
    """``value`` as an integer.

    Raises:
        ValueError: It is not whole.
    """
    if not value.is_integer():
        raise ValueError(f"{name}: not a whole number: {value!r}")
    return int(value)


def _named(name: str, text: str) -> float:
    try:
        return to_number(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
