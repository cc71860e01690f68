"""Makes labels refer to the photo as it is decoded: upright, in its own pixels.

A photo with an EXIF rotation has two sizes, as stored and upright, and labels may refer to either.
The size in the label file says which, unless boxes of the set fit the other one alone: then some
tool wrote the sizes of one and the boxes of the other, and did so throughout the set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from lightning_plates.data.annotations.edges import EdgeTolerance, box_problem
from lightning_plates.data.annotations.record import BoxRecord, Corners, PhotoRecord, Point
from lightning_plates.photos import PhotoHeader

ASPECT_TOLERANCE = 0.01
"""A photo of another size than labelled is a scaled copy if its aspect ratio agrees this well."""

Size = tuple[int, int]


class Frame(Enum):
    """What the boxes of a photo refer to."""

    UPRIGHT = "the upright photo"
    STORED = "the photo before its EXIF rotation"


@dataclass(frozen=True, slots=True)
class UnfittedPhoto:
    """A photo with boxes as its label file has them."""

    file: str
    boxes: tuple[BoxRecord, ...]
    """In pixels of the labelled size, or 0–1 where ``normalised``."""
    normalised: bool
    size: Size | None
    """As labelled; ``None`` where the label file does not say."""
    header: PhotoHeader | None
    """``None`` where the photo cannot be read: then its labels stand as they are."""

    @property
    def labelled_frame(self) -> Frame | None:
        """What the labelled size is that of; ``None`` where it is none of the photo's."""
        if self.size is None or self.header is None or self.size == self.header.upright_size:
            return Frame.UPRIGHT
        if self.size == (self.header.width, self.header.height):
            return Frame.STORED
        return next((frame for frame in Frame if _same_shape(self.size, self._real(frame))), None)

    @property
    def is_turned(self) -> bool:
        """Whether the two frames are of different sizes.

        A square photo, and one that is mirrored or on its head, has one size either way; its
        labels count as upright, as most tools show photos.
        """
        return self.header is not None and self.header.upright_size != self._real(Frame.STORED)

    def space(self, frame: Frame) -> Size:
        """Width and height that the boxes lie in if they refer to ``frame``."""
        if self.size is None:
            return self._real(frame)
        width, height = self.size
        return self.size if frame is self.labelled_frame or not self.is_turned else (height, width)

    def decoded_size(self) -> Size:
        """Size of the photo as it is decoded, or as labelled where it cannot be read."""
        return self._real(Frame.UPRIGHT) if self.header is None else self.header.decoded_size

    def boxes_in(self, frame: Frame) -> tuple[BoxRecord, ...]:
        """The boxes in pixels of :meth:`space`."""
        if not self.normalised:
            return self.boxes
        return tuple(box.scaled(*self.space(frame)) for box in self.boxes)

    def _real(self, frame: Frame) -> Size:
        if self.header is None:
            return self.size or (0, 0)
        stored = (self.header.width, self.header.height)
        return stored if frame is Frame.STORED else self.header.upright_size


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """What the boxes of each photo of a set refer to."""

    frames: dict[str, Frame]
    """By file; photos that stay ambiguous are missing."""
    notes: tuple[str, ...]
    """Where boxes and sizes contradict each other: what was decided, and from what."""


def choose_frames(photos: Sequence[UnfittedPhoto], tolerance: EdgeTolerance) -> FrameChoice:
    """Decide for a whole set what its boxes refer to.

    Photos whose sizes are labelled in the same way are decided together: if some of their boxes
    fit only the frame that the size does not name, all refer to that one. If some fit only the one
    and some only the other, photos that fit both stay ambiguous.
    """
    frames = {photo.file: Frame.UPRIGHT for photo in photos}
    notes: list[str] = []
    alike: defaultdict[tuple[bool, Frame | None], list[UnfittedPhoto]] = defaultdict(list)
    for photo in photos:
        if photo.is_turned and photo.labelled_frame is not None:
            alike[photo.size is None, photo.labelled_frame].append(photo)
    for (_, labelled), group in alike.items():
        evidence = {photo.file: _only_frame(photo, tolerance) for photo in group}
        counts = Counter(frame for frame in evidence.values() if frame)
        usual = labelled or Frame.UPRIGHT
        if len(counts) > 1:
            frames |= {file: frame for file, frame in evidence.items() if frame}
            for file in (file for file, frame in evidence.items() if frame is None):
                del frames[file]
            notes.append(_mixed_note(len(group), counts))
            continue
        decided = next(iter(counts), usual)
        frames |= dict.fromkeys(evidence, decided)
        if decided is not usual:
            notes.append(_contradiction_note(len(group), usual, decided, counts[decided]))
    return FrameChoice(frames, tuple(notes))


def fit_record(photo: UnfittedPhoto, frame: Frame, boxes: Sequence[BoxRecord]) -> PhotoRecord:
    """The photo with ``boxes``, given in pixels of its space in ``frame``, as it is decoded."""
    width, height = photo.space(frame)
    if frame is Frame.STORED and photo.is_turned and photo.header is not None:
        turn = photo.header.orientation
        boxes = [turn_box(box, width, height, turn) for box in boxes]
        width, height = height, width
    record = PhotoRecord(photo.file, width, height, tuple(boxes))
    return resize_record(record, *photo.decoded_size())


def resize_record(photo: PhotoRecord, width: int, height: int) -> PhotoRecord:
    """The same labels for the photo scaled to ``width`` × ``height`` pixels."""
    if (width, height) == (photo.width, photo.height):
        return photo
    scale = (width / photo.width, height / photo.height)
    boxes = tuple(box.scaled(*scale) for box in photo.boxes)
    return replace(photo, width=width, height=height, boxes=boxes)


def turn_point(point: Point, width: float, height: float, orientation: int) -> Point:
    """Where a point of a stored photo lies once its EXIF orientation is applied."""
    x, y = point
    return {
        1: (x, y),
        2: (width - x, y),
        3: (width - x, height - y),
        4: (x, height - y),
        5: (y, x),
        6: (height - y, x),
        7: (height - y, width - x),
        8: (y, width - x),
    }[orientation]


def turn_box(box: BoxRecord, width: float, height: float, orientation: int) -> BoxRecord:
    """A box of a stored photo of ``width`` × ``height`` once its orientation is applied."""
    ends = ((box.x1, box.y1), (box.x2, box.y2))
    (ax, ay), (bx, by) = (turn_point(end, width, height, orientation) for end in ends)
    corners: Corners | None = None
    if box.corners:
        tl, tr, br, bl = (turn_point(point, width, height, orientation) for point in box.corners)
        corners = (tl, tr, br, bl)
    return replace(
        box,
        x1=min(ax, bx),
        y1=min(ay, by),
        x2=max(ax, bx),
        y2=max(ay, by),
        corners=corners,
    )


def _same_shape(labelled: Size, real: Size) -> bool:
    if 0 in (*labelled, *real):
        return False
    aspect = labelled[0] / labelled[1] * real[1] / real[0]
    return abs(aspect - 1) <= ASPECT_TOLERANCE


def _only_frame(photo: UnfittedPhoto, tolerance: EdgeTolerance) -> Frame | None:
    """The one frame that all boxes of a photo fit; ``None`` where that is not one alone."""
    fitting = [
        frame
        for frame in Frame
        if all(
            box_problem(box, *photo.space(frame), tolerance) is None
            for box in photo.boxes_in(frame)
        )
    ]
    return fitting[0] if len(fitting) == 1 else None


def _contradiction_note(photos: int, usual: Frame, decided: Frame, evidence: int) -> str:
    return (
        f"{photos} photos with an EXIF rotation: their sizes are those of {usual.value}, but the "
        f"boxes of {evidence} of them fit only {decided.value}; all were read so"
    )


def _mixed_note(photos: int, counts: Counter[Frame]) -> str:
    shown = ", ".join(f"{count} {frame.value}" for frame, count in counts.most_common())
    return (
        f"{photos} photos with an EXIF rotation are labelled in two ways (boxes that fit only one: "
        f"{shown}); those whose boxes fit both are left out"
    )
