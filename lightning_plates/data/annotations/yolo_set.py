"""Description of a YOLO set, ``data.yaml``: class names, folders of its sides, keypoints."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from lightning_plates.data.annotations.label_text import read_label_text
from lightning_plates.data.annotations.sides import SIDES
from lightning_plates.errors import InputError
from lightning_plates.schema import convert, parse_yaml

SUFFIXES = frozenset({".yaml", ".yml"})
"""Endings of a description that a user names in place of the labels."""

_Name: TypeAlias = str | int | float | bool
_KEYS: Mapping[str, tuple[str, ...]] = {
    "train": ("train",),
    "val": ("val", "valid", "validation"),
    "test": ("test",),
}
"""Keys of the sides' folders."""


@dataclass(frozen=True, slots=True)
class Description:
    """What ``data.yaml`` says."""

    names: list[_Name] | dict[int | str, _Name] | None = None
    kpt_shape: list[int] | None = None
    path: str | None = None
    train: str | list[str] | None = None
    val: str | list[str] | None = None
    valid: str | list[str] | None = None
    validation: str | list[str] | None = None
    test: str | list[str] | None = None

    def class_names(self) -> dict[int, str]:
        """Class names by number."""
        if isinstance(self.names, dict):
            numbered = [(str(key), name) for key, name in self.names.items()]
            return {int(key): str(name) for key, name in numbered if _is_whole(key)}
        return dict(enumerate(map(str, self.names or [])))

    def folders(self, side: str) -> list[str]:
        """What is written for a side: folders or lists of photos."""
        given = [getattr(self, key) for key in _KEYS[side]]
        return [name for one in given if one for name in ([one] if isinstance(one, str) else one)]


@dataclass(frozen=True, slots=True)
class DescribedSet:
    """The photos of a set that its description names."""

    root: Path
    """Folder that all photos and labels lie in."""
    places: Mapping[str, frozenset[str]]
    """Folders and photos by side, relative to the root; all by ``""`` where none is described."""

    def sides_of(self, file: str) -> list[str]:
        """The sides that name a photo, given relative to the root."""
        path = PurePosixPath(file)
        above = {path.as_posix(), *(parent.as_posix() for parent in path.parents)}
        return [side for side, places in self.places.items() if not places.isdisjoint(above)]

    def label_folders(self) -> list[Path]:
        """Where the labels lie: beside ``images`` in ``labels``, or else with the photos."""
        places = {place for places in self.places.values() for place in places}
        folders = {self.root / place for place in places}
        folders = {each if each.is_dir() else each.parent for each in folders}
        found = {_labels_beside(folder) for folder in folders}
        return sorted(folder for folder in found if folder.is_dir())


@cache
def read_description(path: Path, text: str) -> Description:
    """Check the ``text`` of the description at ``path``; it is asked for once a label file.

    Raises:
        InputError: It is not YAML, or a field is of a wrong type.
    """
    return convert(parse_yaml(text, path, InputError) or {}, Description, path, InputError)


def describe_set(path: Path) -> DescribedSet:
    """Read the description of a set that a user names in place of its labels.

    Raises:
        AnnotationError: The file cannot be read.
        InputError: It is no description, or names a folder that is not there.
    """
    description = read_description(path, read_label_text(path).text)
    base = path.parent / (description.path or "")
    base = base if base.is_dir() else path.parent
    named = {
        side: [
            place for name in description.folders(side) for place in _places(path, base, side, name)
        ]
        for side in SIDES
    }
    everything = [place for places in named.values() for place in places]
    if not everything:
        return DescribedSet(base, {"": frozenset({"."})})
    root = Path(os.path.commonpath([base.resolve(), *everything]))
    if root == Path(root.anchor):
        raise InputError(f"{path}: its folders have nothing in common; name the labels themselves")
    return DescribedSet(
        root,
        {
            side: frozenset(place.relative_to(root).as_posix() for place in places)
            for side, places in named.items()
        },
    )


def swap_folder(path: PurePosixPath, name: str, other: str) -> PurePosixPath:
    """``path`` with its last folder called ``name`` called ``other``."""
    parts = list(path.parts)
    for place in reversed(range(len(parts))):
        if parts[place].lower() == name:
            parts[place] = other
            return PurePosixPath(*parts)
    return path


def _labels_beside(folder: Path) -> Path:
    """``set/labels/train`` for ``set/images/train``; the folder itself where that is none."""
    labels = Path(swap_folder(PurePosixPath(folder.as_posix()), "images", "labels"))
    return labels if labels.is_dir() else folder


def _places(path: Path, base: Path, side: str, name: str) -> list[Path]:
    """The folder that a description names for a side, or the photos that its list names."""
    # Exports often say ../train/images and lie in the folder that they should have started from.
    inner = name
    while inner.startswith("../"):
        inner = inner.removeprefix("../")
    candidates = (base / name, base / inner, path.parent / inner)
    found = next((place.resolve() for place in candidates if place.exists()), None)
    if found is None:
        raise InputError(f"{path}: {side}: no such folder or list: {name!r}; correct the line")
    if found.is_dir():
        return [found]
    lines = (line.strip() for line in read_label_text(found).text.splitlines())
    return [(base / line).resolve() for line in lines if line]


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
