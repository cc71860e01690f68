"""Real photos for a conversion: some to calibrate with, others to compare on.

They are a seeded sample, and where the folder is an annotated set they come from its training
side alone: a model must not be fitted, however slightly, to photos that judge it later.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_plates import processing
from lightning_plates.data.annotations.reader import LABEL_SUFFIXES
from lightning_plates.data.labelled_photos import read_divided
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes
from lightning_plates.photos import RgbImage, find_photos, load_or_skip, load_photo
from lightning_plates.spec import ModelSpec

MAX_COUNT = 100_000
"""Of the photos to calibrate with, or to measure on."""
DEFAULT_COUNT = 128
"""Calibration photos; eight are too few, 32 did as well (docs/conversion.md)."""
PARITY_COUNT = 16
"""Photos on which hub and draft are compared."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The photos that a quantiser looks at."""

    files: tuple[Path, ...]
    seed: int
    """Of the sample."""
    side: str
    """``train`` of an annotated set, or ``all`` of a folder without labels."""

    def batches(self, spec: ModelSpec) -> Iterator[processing.Tensor]:
        """Model inputs, one photo each, shape ``(1, 3, H, W)`` or ``(1, H, W, 3)``."""
        for file in self.files:
            yield processing.prepare([load_photo(file)], spec)[0]

    def describe(self) -> dict[str, Any]:
        """What the manifest says of it; no name of a photo."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(hashlib.sha256(read_bytes(file)).digest())
        return {
            "photos": len(self.files),
            "seed": self.seed,
            "side": self.side,
            "sha256": digest.hexdigest(),
        }


def choose_photos(
    folder: Path, count: int = DEFAULT_COUNT, seed: int = 0
) -> tuple[Calibration, list[RgbImage]]:
    """Draw calibration photos, and others to compare on.

    A photo that cannot be read is named on standard error, and another one takes its place.

    Args:
        folder: An annotated set (its training side is used) or a folder of photos.
        count: Photos to calibrate with; fewer where the folder holds fewer.
        seed: The same seed and folder give the same photos on any machine.

    Returns:
        The calibration, and RGB photos to compare on that are not in it as far as there are any.

    Raises:
        InputError: The folder is missing, or holds no photo that can be read.
    """
    files, side = _training_files(folder)
    random.Random(seed).shuffle(files)
    readable = read_photos(files)
    chosen: list[Path] = []
    first: list[RgbImage] = []
    for file, photo in itertools.islice(readable, count):
        chosen.append(file)
        first += [photo] if len(first) < PARITY_COUNT else []
    if not chosen:
        raise InputError(f"{folder}: none of its {len(files)} photos can be read")
    rest = [photo for _, photo in itertools.islice(readable, PARITY_COUNT)]
    return Calibration(tuple(chosen), seed, side), rest or first


def read_photos(files: Iterable[Path]) -> Iterator[tuple[Path, RgbImage]]:
    """Decode photos one by one; one that cannot be read is named on standard error and skipped."""
    for file in files:
        photo = load_or_skip(file)
        if photo is not None:
            yield file, photo


def _training_files(path: Path) -> tuple[list[Path], str]:
    if not has_labels(path):
        return find_photos(path), "all"
    photos = read_divided([path]).sides["train"]
    if not photos:
        raise InputError(f"{path}: its training side holds no photo with a plate")
    return sorted(photo.path for photo in photos), "train"


def has_labels(path: Path) -> bool:
    """Whether ``path`` is an annotated set; what only looks like one fails when it is read."""
    if not path.is_dir():
        return path.exists()
    return any(file.suffix.lower() in LABEL_SUFFIXES for file in path.rglob("[!.]*"))
