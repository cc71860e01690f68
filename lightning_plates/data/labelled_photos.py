"""Annotated sets, divided into sides, with one box a photo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from lightning_plates.boxes import BoxXyxy
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.annotations.sides import SIDES
from lightning_plates.data.split import (
    OWN,
    PROTOCOLS,
    Split,
    make_split,
    own_split,
    read_split,
    split_file_of,
)
from lightning_plates.errors import InputError

SplitChoice: TypeAlias = str
"""``own``: the set's ``split.csv``, or the sides that it comes with, or else as ``none``.
``auto``: the same, but ``grouped`` where there is neither.
``grouped``: copies of one source photo stay on one side. ``thesis``: copies are drawn at random.
``none``: every photo is on every side, to measure a finished model on a whole set. Or the path of
a file that ``data split`` wrote."""


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo file and the one box that a single-box network is trained on."""

    path: Path
    file: str
    """As the label file names it."""
    source: str
    """The original photo that copies derive from."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    box: BoxXyxy
    """Pixels; ``x2, y2`` exclusive."""


@dataclass(frozen=True, slots=True)
class Division:
    """How one set was divided."""

    path: str
    """The set, as the user named it."""
    protocol: str
    """``grouped``, ``thesis``, ``own``, ``by name`` or ``none``."""
    seed: int
    shared_sources: int
    """Sources with photos on more than one side: what leaks from training to evaluation."""
    description: str
    """All of it in one line."""


@dataclass(frozen=True, slots=True)
class DividedSet:
    """One set with all its boxes, divided into sides."""

    annotations: AnnotationSet
    """All of it."""
    sides: Mapping[str, AnnotationSet]
    """Photos of ``train``, ``val`` and ``test``."""
    division: Division


@dataclass(frozen=True, slots=True)
class DividedSets:
    """Photos by side, and what was left out."""

    sides: Mapping[str, tuple[LabelledPhoto, ...]]
    """Photos of ``train``, ``val`` and ``test``."""
    divisions: tuple[Division, ...]
    """One a set."""
    boxes_left_out: int
    """Boxes beside the largest of their photo."""
    photos_left_out: int
    """Photos without a box."""

    def describe(self) -> str:
        """One line for people."""
        counts = ", ".join(f"{name} {len(self.sides[name])}" for name in SIDES)
        return (
            f"photos: {counts}; one box a photo, the largest: {self.boxes_left_out} smaller ones "
            f"left out, and {self.photos_left_out} photos without a box"
        )


def read_divided(
    paths: Sequence[Path], choice: SplitChoice = "auto", seed: int = 0, group_by: str = ""
) -> DividedSets:
    """Read annotated sets and divide each of them.

    Args:
        paths: Folders or label files, one a set.
        choice: How to divide.
        seed: Of a split that is made here.
        group_by: See :func:`~lightning_plates.data.split.make_split`.

    Raises:
        InputError: A set is missing, unsound, or too small to be divided.
    """
    if not paths:
        raise InputError("no photo set given; name one with --data.path FOLDER")
    divided = [divide_set(path, choice, seed, group_by) for path in paths]
    photos = [photo for one in divided for photo in one.annotations.photos]
    return DividedSets(
        {
            side: tuple(photo for one in divided for photo in _labelled(one.sides[side]))
            for side in SIDES
        },
        tuple(one.division for one in divided),
        boxes_left_out=sum(max(len(photo.boxes) - 1, 0) for photo in photos),
        photos_left_out=sum(not photo.boxes for photo in photos),
    )


def divide_set(
    path: Path, choice: SplitChoice = "auto", seed: int = 0, group_by: str = ""
) -> DividedSet:
    """Read an annotated set and divide it; see :func:`read_divided`."""
    annotations = read_annotations(path)
    split = _split(annotations, path, choice, seed, group_by)
    sides = {side: split.select(annotations, side) if split else annotations for side in SIDES}
    division = _describe_division(path, split, seed)
    described = division.description + _warn_of_classes(annotations)
    return DividedSet(annotations, sides, replace(division, description=described))


def _split(
    annotations: AnnotationSet, path: Path, choice: SplitChoice, seed: int, group_by: str
) -> Split | None:
    if choice == "none":
        return None
    if choice in {"auto", OWN}:
        written = split_file_of(path)
        found = read_split(written) if written.exists() else own_split(annotations)
        if found is not None or choice == OWN:
            return found
    protocol = "grouped" if choice == "auto" else choice
    if protocol in PROTOCOLS:
        return make_split(annotations, protocol, seed=seed, group_by=group_by)
    if not Path(choice).is_file():
        known = ", ".join(("auto", OWN, *PROTOCOLS, "none"))
        raise InputError(f"split {choice!r} is none of {known}, and no such file exists")
    return read_split(Path(choice))


def _warn_of_classes(annotations: AnnotationSet) -> str:
    """Whoever labelled vehicles, too, would train on them as plates."""
    classes = Counter(box.label for photo in annotations.photos for box in photo.boxes)
    if len(classes) < 2:
        return ""
    shown = ", ".join(f"{name!r} {count}" for name, count in classes.most_common())
    return f"; all classes count as plates: {shown} (data import --classes chooses)"


def _describe_division(path: Path, split: Split | None, seed: int) -> Division:
    if split is None:
        return Division(str(path), "none", seed, 0, f"{path}: not divided")
    shared = len(split.shared_sources)
    return Division(str(path), split.protocol, split.seed, shared, f"{path}: {split.describe()}")


def _labelled(annotations: AnnotationSet) -> list[LabelledPhoto]:
    found = [(photo, photo.largest_box()) for photo in annotations.photos]
    return [
        LabelledPhoto(
            annotations.path_of(photo), photo.file, photo.group, photo.width, photo.height, box.xyxy
        )
        for photo, box in found
        if box is not None
    ]
