"""The one in-memory form of photos with plate boxes; every format reads into it and writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from lightning_plates.boxes import BoxXyxy

Point: TypeAlias = tuple[float, float]
"""``x, y`` in pixels."""
Corners: TypeAlias = tuple[Point, Point, Point, Point]
"""Top left, top right, bottom right, bottom left of the plate as it is read."""

_ROBOFLOW_HASH = re.compile(r"\.rf\.[0-9A-Za-z]{16,}$")


def scale_corners(corners: Corners, scale_x: float, scale_y: float) -> Corners:
    """Multiply the coordinates of ``corners``."""
    a, b, c, d = ((x * scale_x, y * scale_y) for x, y in corners)
    return a, b, c, d


@dataclass(frozen=True, slots=True)
class BoxRecord:
    """One plate in a photo, in pixels of the upright photo."""

    x1: float
    y1: float
    x2: float
    """Exclusive."""
    y2: float
    """Exclusive."""
    label: str = "plate"
    """Class name the annotator gave."""
    text: str = ""
    """What the plate says, without separators; empty where unknown."""
    corners: Corners | None = None
    """The plate's own four corners, where known."""

    @property
    def xyxy(self) -> BoxXyxy:
        """``x1, y1, x2, y2``."""
        return (self.x1, self.y1, self.x2, self.y2)

    def shares_of(self, width: float, height: float) -> BoxXyxy:
        """``x1, y1, x2, y2`` as 0–1 of a photo of ``width`` × ``height`` pixels."""
        return (self.x1 / width, self.y1 / height, self.x2 / width, self.y2 / height)

    def scaled(self, scale_x: float, scale_y: float) -> BoxRecord:
        """The same box with its coordinates multiplied."""
        return replace(
            self,
            x1=self.x1 * scale_x,
            y1=self.y1 * scale_y,
            x2=self.x2 * scale_x,
            y2=self.y2 * scale_y,
            corners=self.corners and scale_corners(self.corners, scale_x, scale_y),
        )

    @property
    def area(self) -> float:
        """Square pixels; 0 for an inverted box."""
        return max(self.x2 - self.x1, 0.0) * max(self.y2 - self.y1, 0.0)


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """One photo with the plates in it."""

    file: str
    """Path relative to the set's root, with ``/``."""
    width: int
    """Pixels, of the upright photo."""
    height: int
    """Pixels, of the upright photo."""
    boxes: tuple[BoxRecord, ...]
    """None, one or several plates."""
    source: str = ""
    """Id of the original photo that copies derive from; see :attr:`group`."""
    side: str = ""
    """``train``, ``val`` or ``test`` in a set that comes divided into them; else empty."""

    @property
    def group(self) -> str:
        """What must stay on one side of a split: ``source``, or else the file's own stem.

        Roboflow writes altered copies of a photo as ``NAME.rf.HASH.jpg``; they are one group.
        """
        return self.source or _ROBOFLOW_HASH.sub("", PurePosixPath(self.file).stem)

    def largest_box(self) -> BoxRecord | None:
        """The box that a single-box model is trained on: of largest area, the first if equal.

        The others are left out; ``len(photo.boxes) - 1`` says how many.
        """
        return max(self.boxes, key=lambda box: box.area, default=None)


@dataclass(frozen=True, slots=True)
class AnnotationSet:
    """Photos with their boxes, and the folder they lie in."""

    root: Path
    """Folder that every :attr:`PhotoRecord.file` is relative to."""
    photos: tuple[PhotoRecord, ...]
    """In the order of the label file."""

    def path_of(self, photo: PhotoRecord) -> Path:
        """Where ``photo`` lies on disk."""
        return self.root / photo.file

    @property
    def box_count(self) -> int:
        """Boxes in all photos together."""
        return sum(len(photo.boxes) for photo in self.photos)
