"""The division into train, val and test that a set comes with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lightning_plates.data.annotations.label_text import read_label_text
from lightning_plates.errors import AnnotationError

SIDES = ("train", "val", "test")
"""The sides of a division, in the order of every listing."""

SIDE_WORD = re.compile(
    r"(?<![a-z])(train|val|test)(?:ing|id|idation)?(?:\d{4})?(?![a-z])", re.IGNORECASE
)
"""In ``train``, ``valid``, ``validation``, ``val2017``, ``train_labels``, ``test-annotations``."""
_IMAGE_SETS = ("ImageSets/Main", "ImageSets")
"""Where Pascal VOC sets list the photos of their sides."""


@dataclass(frozen=True, slots=True)
class OwnDivision:
    """The sides of a set's photos, where it comes with them."""

    sides: Mapping[str, str]
    """Side by file; empty where the set is not divided."""
    note: str = ""
    """What was found, for people."""


def side_named(text: str) -> str:
    """``train``, ``val`` or ``test`` if a name stands for exactly one of them, or else nothing."""
    found = {match.lower() for match in SIDE_WORD.findall(text)}
    return found.pop() if len(found) == 1 else ""


def side_of_folder(file: str) -> str:
    """The one side that the folders of a relative path name, as ``train/images/7.jpg`` does."""
    found = {side for part in PurePosixPath(file).parts[:-1] if (side := _folder_side(part))}
    return found.pop() if len(found) == 1 else ""


def own_division(files: Iterable[str], stated: Mapping[str, str]) -> OwnDivision:
    """The sides of all photos of a set, stated by its labels or else by the photos' folders.

    Args:
        files: Photos relative to the set's root.
        stated: Sides by file that label files or lists name.
    """
    found = {file: stated.get(file) or side_of_folder(file) for file in files}
    counts = Counter(side for side in found.values() if side)
    if len(counts) < 2:
        return OwnDivision({})
    shown = ", ".join(f"{side} {counts[side]}" for side in SIDES if counts[side])
    missing = len(found) - counts.total()
    if missing:
        return OwnDivision({}, f"comes divided ({shown}), but not {missing} of its photos")
    return OwnDivision(found, f"comes divided: {shown}")


def listed_sides(root: Path, files: Iterable[str]) -> dict[str, str]:
    """Sides by file from the lists of a Pascal VOC set, ``ImageSets/Main/train.txt``."""
    folder = next((root / name for name in _IMAGE_SETS if (root / name).is_dir()), None)
    if folder is None:
        return {}
    lists = {side: _listed_stems(folder / f"{side}.txt") for side in SIDES}
    stems = {file: PurePosixPath(file).stem for file in files}
    found = {file: [s for s in SIDES if stem in lists[s]] for file, stem in stems.items()}
    return {file: sides[0] for file, sides in found.items() if len(sides) == 1}


def _folder_side(name: str) -> str:
    match = SIDE_WORD.fullmatch(name)
    return match.group(1).lower() if match else ""


def _listed_stems(file: Path) -> frozenset[str]:
    """First words of the lines; a class's list has 1 or -1 after them."""
    try:
        lines = read_label_text(file).text.splitlines()
    except AnnotationError:
        return frozenset()
    return frozenset(words[0] for line in lines if (words := line.split()))
