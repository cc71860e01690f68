"""Makes the plates of a video unreadable, also in the frames in which the finder missed them.

A frame waits until the frames that follow it are known. A plate that was found before and after
it is blurred along the way between both places; one that was found on one side alone, from its
place there to where its speed leads.
"""

from __future__ import annotations

import bisect
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lightning_plates.boxes import BoxXyxy
from lightning_plates.photos import RgbImage, encode_jpeg
from lightning_plates.reading.pictures import redact
from lightning_plates.reading.video.tracking import PlateTracker, Sighting

GAP_S = 2.0
"""Longest time between two finds of a plate in which it is blurred all along."""

HOLD_S = 0.5
"""A plate is blurred for this long before it was found first and after it was found last."""

HOLD_FRAMES = 3
"""The least of both in frames, for sources that give few a second."""

_WAITING_QUALITY = 95
"""JPEG quality of frames that wait: as they are, 60 of them would take 1.5 GB at 4K."""

WriteFrame = Callable[[RgbImage, float], None]
"""Takes a finished frame and when it was seen, in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A frame whose followers are not known yet."""

    jpeg: bytes
    number: int
    time_s: float


@dataclass(frozen=True, slots=True)
class _Find:
    """Where a plate was found."""

    number: int
    time_s: float
    box: BoxXyxy


class VideoRedaction:
    """Blurs plates in frames that come one after the other.

    Args:
        write: Is given every frame in order, some time after it came in.
        fps: Frames a second that will come in.
    """

    def __init__(self, write: WriteFrame, fps: float) -> None:
        self._write = write
        self._gap_frames = max(HOLD_FRAMES, round(GAP_S * fps))
        self._waiting: deque[_Waiting] = deque()
        self._finds: dict[int, list[_Find]] = {}
        self._tracker = PlateTracker(self._gap_frames)
        self._count = 0

    def add(self, image: RgbImage, time_s: float, boxes: Sequence[BoxXyxy]) -> None:
        """Take the next frame.

        Args:
            image: RGB, shape ``(H, W, 3)``.
            time_s: When it was seen, in seconds, growing.
            boxes: The plates that were found in it, in its pixels.
        """
        number, self._count = self._count, self._count + 1
        vehicles = self._tracker.update([Sighting(box) for box in boxes]).vehicles
        for vehicle, box in zip(vehicles, boxes, strict=True):
            self._finds.setdefault(vehicle, []).append(_Find(number, time_s, box))
        self._waiting.append(_Waiting(encode_jpeg(image, _WAITING_QUALITY), number, time_s))
        while self._is_due(self._waiting[0], time_s):
            self._release()

    def finish(self) -> None:
        """Write what still waits: the video ends here, or goes on elsewhere after a gap."""
        while self._waiting:
            self._release()
        self._tracker.finish()
        self._finds.clear()

    def _is_due(self, frame: _Waiting, now_s: float) -> bool:
        followers = len(self._waiting) - 1
        is_late = now_s - frame.time_s >= GAP_S and followers >= HOLD_FRAMES
        return is_late or followers >= self._gap_frames

    def _release(self) -> None:
        frame = self._waiting.popleft()
        boxes = [box for finds in self._finds.values() for box in _hiding(finds, frame)]
        image = np.asarray(Image.open(io.BytesIO(frame.jpeg)), dtype=np.uint8)
        self._write(redact(image, boxes), frame.time_s)
        self._forget(frame.number - self._gap_frames)

    def _forget(self, number: int) -> None:
        """Drop finds before frame ``number``: too old to say where a plate is."""
        kept = {
            vehicle: [find for find in finds if find.number >= number]
            for vehicle, finds in self._finds.items()
        }
        self._finds = {vehicle: finds for vehicle, finds in kept.items() if finds}


def _hiding(finds: Sequence[_Find], frame: _Waiting) -> Iterator[BoxXyxy]:
    """The place to blur in ``frame`` of a plate that was found at ``finds``, in their order."""
    index = bisect.bisect_left(finds, frame.number, key=lambda find: find.number)
    earlier, later = finds[:index], finds[index:]
    if later and later[0].number == frame.number:
        yield later[0].box
    elif earlier and later:
        yield _hull([earlier[-1].box, later[0].box])
    elif later and _is_held(later[0], frame):
        yield _hull([later[0].box, _moved(later[0], later[1:2], frame.time_s)])
    elif earlier and _is_held(earlier[-1], frame):
        yield _hull([earlier[-1].box, _moved(earlier[-1], earlier[-2:-1], frame.time_s)])


def _is_held(find: _Find, frame: _Waiting) -> bool:
    near = abs(find.number - frame.number) <= HOLD_FRAMES
    return near or abs(find.time_s - frame.time_s) <= HOLD_S


def _moved(find: _Find, other: Sequence[_Find], time_s: float) -> BoxXyxy:
    """Where the plate of ``find`` is at ``time_s`` if it keeps the speed between both finds."""
    if not other or other[0].time_s == find.time_s:
        return find.box
    share = (time_s - find.time_s) / (find.time_s - other[0].time_s)
    x1, y1, x2, y2 = (a + share * (a - b) for a, b in zip(find.box, other[0].box, strict=True))
    return (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


def _hull(boxes: Iterable[BoxXyxy]) -> BoxXyxy:
    """The smallest box around ``boxes``."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return (min(lefts), min(tops), max(rights), max(bottoms))
