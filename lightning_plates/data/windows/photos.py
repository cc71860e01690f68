"""Decoded photos with their plates, kept in memory so that windows cost almost nothing to cut."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lightning_plates.boxes import FloatArray
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet, PhotoRecord
from lightning_plates.data.annotations.sides import SIDES
from lightning_plates.data.labelled_photos import DividedSet, Division, divide_set
from lightning_plates.data.split import OWN
from lightning_plates.errors import ConfigError, InputError
from lightning_plates.photos import RgbImage, load_photo

MAX_SIDE = 1280
"""Larger photos are reduced to this longer side; no window shows more of them."""
PYRAMID_LEVELS = 3
"""Halved copies of each photo: a window that shrinks it starts from the nearest one."""


@dataclass(frozen=True)
class PhotoSet:
    """One labelled set of photos and how much of it is seen in training."""

    path: Path
    """A label file, or a folder with one; see :func:`read_annotations`."""
    weight: float = 1.0
    """Share of the training windows, relative to the other sets' weights."""
    validation: str = ""
    """Regular expression; photos whose file name it matches at the start are validation photos.
    Choose it so that photos of one drive or one source stay together. Empty: as the set's
    ``split.csv`` or the set's own sides say; none without them."""
    stretch: tuple[float, float] = (0.72, 1.4)
    """Range of the random change of aspect; wider than one side for sets stored squeezed."""
    unlabelled: Path | None = None
    """A label file of plates in these photos that the set's own labels leave out: finding them is
    neither asked for nor punished. ``data unlabelled`` makes one."""

    def __post_init__(self) -> None:
        """See that windows can be drawn.

        Raises:
            ConfigError: The weight or the stretch is not positive.
        """
        low, high = self.stretch
        if not 0 < self.weight < math.inf or not 0 < low <= high < math.inf:
            raise ConfigError(
                f"{self.path}: weight {self.weight} and stretch {low} to {high} must be above 0"
            )


@dataclass(frozen=True, slots=True)
class WindowPhoto:
    """A decoded photo and its plates."""

    levels: tuple[RgbImage, ...]
    """RGB, full size first, then halved again and again."""
    boxes: FloatArray
    """``x1, y1, x2, y2`` in pixels of the full size, shape ``(M, 4)``."""
    file: str
    """Name for messages."""
    unlabelled: FloatArray = field(default_factory=lambda: np.empty((0, 4)))
    """Plates that the set's labels leave out, likewise, shape ``(U, 4)``."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the full size."""
        height, width = self.levels[0].shape[:2]
        return width, height


@dataclass(frozen=True, slots=True)
class PhotoPool:
    """Training photos of one set."""

    photos: tuple[WindowPhoto, ...]
    source: PhotoSet
    """Where they come from and how they are drawn."""
    plates: NDArray[np.intp] = field(init=False)
    """Index of the photo and of the box, one row a plate, shape ``(P, 2)``."""

    def __post_init__(self) -> None:
        pairs = [(i, j) for i, photo in enumerate(self.photos) for j in range(len(photo.boxes))]
        object.__setattr__(self, "plates", np.array(pairs, dtype=np.intp).reshape(-1, 2))


def divide_source(source: PhotoSet, seed: int) -> DividedSet | None:
    """Divide a set by its pattern or else by its ``split.csv`` or the sides that it comes with.

    Args:
        source: The set.
        seed: Of the run; the division itself draws nothing.

    Returns:
        The sides; ``None`` where nothing divides the set and all of it is for training.

    Raises:
        InputError: The set or its split cannot be read, or the pattern leaves a side empty.
    """
    if source.validation:
        return _divide_by_name(source, seed)
    if not source.path.exists():  # measuring does not need what is only for training
        return None
    divided = divide_set(source.path, OWN, seed)
    return None if divided.division.protocol == "none" else divided


def _divide_by_name(source: PhotoSet, seed: int) -> DividedSet:
    annotations = read_annotations(source.path)
    named = f"(validation pattern {source.validation!r})"
    try:
        held_out = re.compile(source.validation)
    except re.error as error:
        raise InputError(f"{source.path}: {error} {named}") from error
    sides: dict[str, list[PhotoRecord]] = {side: [] for side in SIDES}
    for photo in annotations.photos:
        sides["val" if held_out.match(photo.file) else "train"].append(photo)
    for side, name in (("train", "training"), ("val", "validation")):
        if not sides[side]:
            raise InputError(f"{source.path}: no {name} photos {named}")
    train, val = ({photo.group for photo in sides[side]} for side in ("train", "val"))
    counts = f"{len(sides['train'])} training and {len(sides['val'])} validation photos by name"
    described = f"{source.path}: {counts}"
    division = Division(str(source.path), "by name", seed, len(train & val), described)
    chosen = {side: replace(annotations, photos=tuple(photos)) for side, photos in sides.items()}
    return DividedSet(annotations, chosen, division)


def load_pool(source: PhotoSet, train: AnnotationSet) -> PhotoPool:
    """Decode the training photos of a set.

    Args:
        source: The set.
        train: Its training photos.

    Raises:
        AnnotationError: The file of what the labels leave out is wrong.
        PhotoError: A photo cannot be read.
    """
    unlabelled = _read_unlabelled(source, train)
    photos = tuple(
        label_photo(load_photo(train.path_of(photo)), photo, unlabelled.get(photo.file))
        for photo in train.photos
    )
    return PhotoPool(photos, source)


def label_photo(
    image: RgbImage, record: PhotoRecord, unlabelled: PhotoRecord | None = None
) -> WindowPhoto:
    """Reduce a photo where it is too large and halve it for the pyramid.

    Args:
        image: RGB, shape ``(H, W, 3)``.
        record: Its labels.
        unlabelled: The plates in it that the labels leave out.
    """
    height, width = image.shape[:2]
    scale = min(1.0, MAX_SIDE / max(width, height))
    if scale < 1:
        fitted = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, fitted, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    to_pixels = np.array([image.shape[1], image.shape[0]] * 2, dtype=np.float64)
    boxes = _shares_of(record) * to_pixels
    others = _shares_of(unlabelled or replace(record, boxes=())) * to_pixels
    return WindowPhoto(_pyramid(image), boxes, record.file, others)


def _shares_of(record: PhotoRecord) -> FloatArray:
    """Boxes as 0–1 of the photo, shape ``(M, 4)``."""
    shares = [box.shares_of(record.width, record.height) for box in record.boxes]
    return np.array(shares, dtype=np.float64).reshape(-1, 4)


def _read_unlabelled(source: PhotoSet, annotations: AnnotationSet) -> dict[str, PhotoRecord]:
    """Plates that the labels leave out, by photo; photos kept for validation may be named, too."""
    if source.unlabelled is None:
        return {}
    named = read_annotations(source.unlabelled, photos=annotations.root).photos
    return {photo.file: photo for photo in named}


def _pyramid(image: RgbImage) -> tuple[RgbImage, ...]:
    levels: list[RgbImage] = [image]
    for _ in range(PYRAMID_LEVELS):
        height, width = levels[-1].shape[:2]
        if min(height, width) < 64:
            break
        half = (width // 2, height // 2)
        smaller = cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(smaller, dtype=np.uint8))
    return tuple(levels)


def count_plates(pools: Sequence[PhotoPool]) -> str:
    """One line for logs: photos and plates of each set."""
    return ", ".join(
        f"{pool.source.path.name} {len(pool.photos)} photos {len(pool.plates)} plates"
        for pool in pools
    )
