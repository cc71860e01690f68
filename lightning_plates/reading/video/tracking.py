"""Which plate of this frame is which of the last: Norfair behind a small interface.

Norfair (the maintained fork ``norfair-enough``, BSD-3-Clause) needs NumPy and SciPy alone. Its
rivals bring what a small board or this licence cannot take: Roboflow's ``trackers`` requires
``opencv-python``, which overwrites the headless OpenCV; ``supervision`` has no tracker any more
and requires PyAV; the first ``norfair`` stops at NumPy 1; ``motpy`` rests since 2021.
"""

from __future__ import annotations

import difflib
import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightning_plates.boxes import BoxXyxy
from lightning_plates.optional import require

PATIENCE_FRAMES = 8
"""Sampled frames that a vehicle may be out of sight (behind a pole) and still be the same."""

MAX_DISTANCE_WIDTHS = 2.0
"""Plate widths that a plate may be away from where it was expected. Plates of two cars side by
side are at least three apart: a car is 1.7 m wide, its plate 0.3 m or 0.5 m."""

SURE_TEXT = 0.8
"""Text confidence from which two quite different texts are two vehicles."""
MIN_TEXT_LIKENESS = 0.5
"""Likeness (0–1, of difflib) below which two sure texts are quite different."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A plate seen in one frame."""

    box: BoxXyxy
    """``x1, y1, x2, y2`` in pixels of the frame."""
    text: str = ""
    """What it says there; empty where that is unknown."""
    text_confidence: float = 0.0
    """Mean character probability, 0–1."""


@dataclass(frozen=True, slots=True)
class TrackUpdate:
    """What one frame changed."""

    vehicles: tuple[int, ...]
    """Number of the vehicle of each sighting, in their order; never used twice."""
    ended: tuple[int, ...]
    """Vehicles that have been out of sight for too long."""


class PlateTracker:
    """Follows plates from frame to frame by place, speed and, where sure, by text.

    Args:
        patience_frames: Frames without a sighting after which a vehicle has left.

    Raises:
        MissingDependencyError: Norfair is not installed.
    """

    def __init__(self, patience_frames: int = PATIENCE_FRAMES) -> None:
        self._norfair = require("norfair", extra="video")
        # It advises vectorised distances for speed; a frame holds a handful of plates.
        logging.getLogger("norfair.tracker").setLevel(logging.ERROR)
        self._patience = patience_frames
        self._tokens, self._next_number = itertools.count(), itertools.count(1)
        self._numbers: dict[int, int] = {}
        self._in_sight: set[int] = set()
        self._tracker = self._new_tracker()

    def update(self, sightings: Sequence[Sighting]) -> TrackUpdate:
        """Take the plates of the next frame."""
        tokens = [next(self._tokens) for _ in sightings]
        detections = [
            self._norfair.Detection(_points(sighting), data=(token, sighting))
            for token, sighting in zip(tokens, sightings, strict=True)
        ]
        # Period = patience: any sighting makes up for all misses before it.
        active = self._tracker.update(detections, period=self._patience)
        self._numbers = {v.global_id: self._number_of(v.global_id) for v in active}
        by_token = {v.last_detection.data[0]: self._numbers[v.global_id] for v in active}
        ended = self._in_sight - set(by_token.values())
        self._in_sight = set(by_token.values())
        return TrackUpdate(tuple(by_token[token] for token in tokens), tuple(sorted(ended)))

    def finish(self) -> tuple[int, ...]:
        """Forget every vehicle, as at the end of a video or after a gap; return their numbers."""
        ended = tuple(sorted(self._in_sight))
        self._in_sight = set()
        self._tracker = self._new_tracker()
        return ended

    def _number_of(self, global_id: int) -> int:
        """1, 2, 3 … in this video; Norfair counts through all trackers of a process."""
        known = self._numbers.get(global_id)
        return next(self._next_number) if known is None else known

    def _new_tracker(self) -> Any:  # noqa: ANN401  # the class is known once Norfair is imported
        return self._norfair.Tracker(
            distance_function=_distance_widths,
            distance_threshold=MAX_DISTANCE_WIDTHS,
            hit_counter_max=self._patience,
            initialization_delay=0,
            past_detections_length=0,
            # The speed of a new vehicle is unknown: up to 100 px a frame is likely.
            filter_factory=self._norfair.OptimizedKalmanFilterFactory(vel_variance=100.0**2),
        )


def _points(sighting: Sighting) -> Any:  # noqa: ANN401  # array of Norfair's dtype
    return np.array(sighting.box, dtype=np.float64).reshape(2, 2)


def _distance_widths(detection: Any, vehicle: Any) -> float:  # noqa: ANN401  # Norfair's own types
    """Plate widths between a detection and where a vehicle is expected or was seen last.

    The nearer of both counts, because the expectation overshoots when a car brakes. A plate
    that changes its size at once is another one; infinite where both texts are sure and differ.
    """
    sighting, before = detection.data[1], vehicle.last_detection.data[1]
    if _surely_differ(sighting, before):
        return float("inf")
    places = (vehicle.estimate, vehicle.last_detection.points)
    return min(_offset_widths(detection.points, place) for place in places)


def _offset_widths(first: Any, second: Any) -> float:  # noqa: ANN401  # corners, shape (2, 2)
    widths = [max(float(corners[1, 0] - corners[0, 0]), 1.0) for corners in (first, second)]
    offset = float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)))
    return offset / (sum(widths) / 2) + abs(float(np.log(widths[0] / widths[1])))


def _surely_differ(first: Sighting, second: Sighting) -> bool:
    if min(first.text_confidence, second.text_confidence) < SURE_TEXT:
        return False
    likeness = difflib.SequenceMatcher(None, first.text, second.text).ratio()
    return likeness < MIN_TEXT_LIKENESS
