"""Finds the label formats by listing this folder."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from lightning_plates.data.annotations.label_text import LabelText
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.annotations.rows import Entry


class LabelFormat(Protocol):
    """What a module of this folder offers to be a format.

    One whose empty files say that a photo has no box also has ``BLANK_SUFFIX``, their ending.
    """

    TITLE: str
    """Tool and kind of file, as people call them."""
    FILE_PER_PHOTO: bool
    """Whether a set has one label file a photo instead of one for all."""

    def sniff(self, text: str) -> bool:
        """Say whether ``text`` is the content of a label file in this format."""

    def read(self, label: LabelText) -> Iterator[Entry]:
        """Yield the entries of one label file."""


class WritableFormat(LabelFormat, Protocol):
    """A format that is also written."""

    TARGET: str
    """Name below a set's folder that ``write`` is given by default; a folder for one file a
    photo."""

    def write(self, annotations: AnnotationSet, target: Path) -> None:
        """Write all labels of a set."""


@cache
def label_formats() -> dict[str, LabelFormat]:
    """The formats by name: each module of this folder that can ``sniff``."""
    package = __name__.rpartition(".")[0]
    names = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
    modules = {name: importlib.import_module(f"{package}.{name}") for name in names}
    return {
        name: cast("LabelFormat", module)
        for name, module in modules.items()
        if hasattr(module, "sniff")
    }


def writable_formats() -> dict[str, WritableFormat]:
    """The formats by name that can be written."""
    return {
        name: cast("WritableFormat", one)
        for name, one in label_formats().items()
        if hasattr(one, "write")
    }


def format_titles() -> str:
    """All formats in one line, for help and errors."""
    return ", ".join(one.TITLE for one in label_formats().values())
