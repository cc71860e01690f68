"""Finds the label formats by listing this folder, and recognises which one a file is in."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from lightning_plates.data.annotations.label_text import LabelText, read_label_text
from lightning_plates.data.annotations.photo_folder import PhotoFolder
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.annotations.rows import Entry, Labels, gather
from lightning_plates.errors import AnnotationError, InputError

LABEL_SUFFIXES = frozenset({".csv", ".json", ".jsonl", ".txt", ".xml"})
"""Endings that a folder is searched for; a file named by the user is read whatever its ending."""
LABEL_FOLDERS = frozenset({"labels", "annotations"})
"""Folders that usually hold only labels; their photos lie in a folder beside them."""


class LabelFormat(Protocol):
    """What a module of this folder offers to be a format."""

    TARGET: str
    """Name below a set's folder that ``write`` is given by default; a folder has no ending."""

    def sniff(self, text: str) -> bool:
        """Say whether ``text`` is the content of a label file in this format."""

    def read(self, label: LabelText) -> Iterator[Entry]:
        """Yield the entries of one label file."""

    def write(self, annotations: AnnotationSet, target: Path) -> None:
        """Write all labels of a set."""


@cache
def label_formats() -> dict[str, LabelFormat]:
    """The formats by name: each module of this folder that can ``sniff``."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
    package = __name__.rpartition(".")[0]
    modules = {
        name: importlib.import_module(f"{package}.{name}")
        for name in names
        if name != Path(__file__).stem
    }
    return {
        name: cast("LabelFormat", module)
        for name, module in modules.items()
        if hasattr(module, "sniff")
    }


def read_annotations(path: Path, photos: Path | None = None) -> AnnotationSet:
    """Read a set whose labels must all be sound.

    Args:
        path: A label file, or a folder that holds the labels of one set, in any format.
        photos: Folder of the photos, where they do not lie beside the labels.

    Returns:
        The set; a photo's size is the labelled one and is not compared with the file.

    Raises:
        AnnotationError: The labels cannot be understood, or an entry is wrong: the first one is
            named with its line.
        InputError: ``path`` does not exist or holds no labels.
    """
    labels = read_labels(path, photos)
    if labels.problems:
        more = len(labels.problems) - 1
        rest = f" (and {more} more)" if more else ""
        raise AnnotationError(
            f"{labels.problems[0]}{rest}; "
            f"all are listed by: python -m lightning_plates data check {path}"
        )
    return labels.annotations


def read_labels(path: Path, photos: Path | None = None) -> Labels:
    """Read a set and collect what is wrong with it instead of stopping there.

    Args:
        path: As for :func:`read_annotations`.
        photos: As for :func:`read_annotations`.

    Raises:
        AnnotationError: No part of the labels can be understood (format, encoding, columns).
        InputError: ``path`` or ``photos`` does not exist or holds no labels.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if photos is not None and not photos.is_dir():
        raise InputError(f"{photos}: no such folder")
    label_format, files = _recognise_folder(path) if path.is_dir() else _recognise_file(path)
    folder = PhotoFolder(photos or _photo_root(path))
    return gather((entry for file in files for entry in label_format.read(file)), folder)


def _photo_root(path: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    return folder.resolve().parent if folder.resolve().name.lower() in LABEL_FOLDERS else folder


def _recognise_file(path: Path) -> tuple[LabelFormat, list[LabelText]]:
    label = read_label_text(path)
    for label_format in label_formats().values():
        if label_format.sniff(label.text):
            return label_format, [label]
    raise AnnotationError(
        f"{path}: not in a known label format (known: {', '.join(label_formats())})"
    )


def _recognise_folder(folder: Path) -> tuple[LabelFormat, list[LabelText]]:
    candidates = sorted(p for p in folder.iterdir() if p.suffix.lower() in LABEL_SUFFIXES)
    labels = [read_label_text(path) for path in candidates]
    found = [
        (name, label)
        for label in labels
        for name, label_format in label_formats().items()
        if label_format.sniff(label.text)
    ]
    if not found:
        raise InputError(f"{folder}: no label file in a known format in this folder")
    if len(found) > 1:
        names = ", ".join(label.path.name for _, label in found)
        raise InputError(f"{folder}: several label files ({names}); name the one to read")
    name, label = found[0]
    return label_formats()[name], [label]
