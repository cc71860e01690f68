"""Box conversions and overlap, in NumPy.

Boxes are ``x1, y1, x2, y2`` with exclusive ``x2, y2``: in pixels outside models, in 0–1 of the
image inside them. Every function takes arrays of shape ``(…, 4)`` and returns new ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from lightning_plates.errors import SpecError
from lightning_plates.schema import check_fields

BoxXyxy: TypeAlias = tuple[float, float, float, float]
FloatArray: TypeAlias = NDArray[np.float64]


# Bounds keep NaN and infinity out too.
_Positive: TypeAlias = Annotated[float, Meta(ge=1e-6, le=1e6)]
_Bounded: TypeAlias = Annotated[float, Meta(ge=-1e6, le=1e6)]

HIT_IOU = 0.5
"""Overlap with a labelled box from which on an answer counts as right (Pascal VOC's limit)."""
CLOSE_IOU = 0.7
"""Overlap from which on a box is tight enough to read what is in it."""


def share_above(ious: Sequence[float] | FloatArray, limit: float) -> float:
    """Share of ``ious`` of at least ``limit``, 0–1; there is at least one."""
    return float(np.mean(np.asarray(ious) >= limit))


def box_areas(boxes: FloatArray) -> FloatArray:
    """Areas of ``boxes``, shape ``(…)``; an inverted or empty box has area 0."""
    sides = np.clip(boxes[..., 2:] - boxes[..., :2], 0.0, None)
    areas: FloatArray = sides[..., 0] * sides[..., 1]
    return areas


def box_iou(first: FloatArray, second: FloatArray) -> FloatArray:
    """Intersection over union of boxes, broadcast over the leading axes.

    Args:
        first: Boxes, shape ``(…, 4)``.
        second: Boxes, a shape that broadcasts with ``first``; ``first[:, None]`` against
            ``second[None]`` gives the matrix of all pairs.

    Returns:
        Values in 0–1, shape ``(…)``; 0 where both boxes are empty.
    """
    top_left = np.maximum(first[..., :2], second[..., :2])
    bottom_right = np.minimum(first[..., 2:], second[..., 2:])
    intersection = box_areas(np.concatenate([top_left, bottom_right], axis=-1))
    union = box_areas(first) + box_areas(second) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


def clip_boxes(boxes: FloatArray, width: float, height: float) -> FloatArray:
    """Cut ``boxes`` at the edges of an image of ``width`` × ``height`` (same unit as the boxes)."""
    limits = np.array([width, height, width, height], dtype=np.float64)
    return np.clip(boxes, 0.0, limits)


def order_corners(boxes: FloatArray) -> FloatArray:
    """Swap coordinates where needed so that ``x1 <= x2`` and ``y1 <= y2``."""
    low = np.minimum(boxes[..., :2], boxes[..., 2:])
    high = np.maximum(boxes[..., :2], boxes[..., 2:])
    return np.concatenate([low, high], axis=-1)


def scale_box(box: BoxXyxy, across: float, down: float) -> BoxXyxy:
    """``box`` in an image ``across`` times as wide and ``down`` times as high."""
    x1, y1, x2, y2 = box
    return x1 * across, y1 * down, x2 * across, y2 * down


def scale_about_centre(boxes: FloatArray, scale_x: float, scale_y: float) -> FloatArray:
    """Widen ``boxes`` by ``scale_x`` and heighten them by ``scale_y`` about their centres."""
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = (boxes[..., 2:] - boxes[..., :2]) / 2 * np.array([scale_x, scale_y])
    return np.concatenate([centre - half, centre + half], axis=-1)


def suppress_overlaps(boxes: FloatArray, scores: FloatArray, max_iou: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression.

    Args:
        boxes: Shape ``(A, 4)``.
        scores: Shape ``(A,)``; higher is better.
        max_iou: A box is dropped when it overlaps a better one by more than this (0–1).

    Returns:
        Indices of the boxes that stay, best first.
    """
    waiting = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while waiting.size:
        best, rest = int(waiting[0]), waiting[1:]
        kept.append(best)
        waiting = rest[box_iou(boxes[rest], boxes[best]) <= max_iou]
    return np.array(kept, dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Detection:
    """An object located in one image; a plate, where the model knows one class."""

    box: BoxXyxy
    """``x1, y1, x2, y2`` in pixels of the original image; ``x2`` and ``y2`` are exclusive."""
    confidence: float | None
    """Probability that the box holds the object, 0–1; ``None`` where the model gives none."""
    class_name: str | None = None
    """Class of the object; ``None`` where the model knows one class only."""


@dataclass(frozen=True, slots=True)
class FitMargin:
    """From the box that a network answers to the one that a site's labels would show.

    Conventions differ: some label the characters' field, others the plate, others its frame.

    Raises:
        SpecError: A scale is not positive, or a value is not finite.
    """

    width_scale: _Positive
    """Labelled width in widths of the answer."""
    height_scale: _Positive
    """Labelled height in heights of the answer."""
    shift_x: _Bounded = 0.0
    """From the answer's centre to the labelled one, in widths of the answer; right is positive."""
    shift_y: _Bounded = 0.0
    """From the answer's centre to the labelled one, in heights of the answer; down is positive."""

    def __post_init__(self) -> None:
        check_fields(self, "model spec: margin", SpecError)

    def describe(self) -> str:
        """One line for people."""
        return (
            f"width × {self.width_scale:.3f}, height × {self.height_scale:.3f}, centre moved by "
            f"{self.shift_x:+.3f} widths and {self.shift_y:+.3f} heights"
        )


def corners_of(box: FloatArray) -> BoxXyxy:
    """One box, shape ``(4,)``, as plain numbers."""
    x1, y1, x2, y2 = (float(value) for value in box)
    return x1, y1, x2, y2


def move_by_margin(boxes: FloatArray, margin: FitMargin) -> FloatArray:
    """Scale and shift ``boxes``, shape ``(…, 4)``, without cutting them at any edge."""
    sides = boxes[..., 2:] - boxes[..., :2]
    shift = sides * np.array([margin.shift_x, margin.shift_y])
    scaled = scale_about_centre(boxes, margin.width_scale, margin.height_scale)
    moved: FloatArray = scaled + np.concatenate([shift, shift], axis=-1)
    return moved


def apply_margin(
    found: Sequence[Detection], margin: FitMargin | None, width: float, height: float
) -> tuple[Detection, ...]:
    """Boxes as a network answers them → as a site labels them; never more than once.

    Overlaps were suppressed before: a margin changes where boxes end, not which ones there are.

    Args:
        found: Boxes in pixels of a photo.
        margin: How boxes are moved; ``None`` leaves them as they are.
        width: Width of the photo in pixels; boxes are cut at its edges.
        height: Height of the photo in pixels.
    """
    if margin is None or not found:
        return tuple(found)
    boxes = np.array([one.box for one in found])
    moved = clip_boxes(move_by_margin(boxes, margin), width, height)
    return tuple(
        dataclasses.replace(one, box=corners_of(box)) for one, box in zip(found, moved, strict=True)
    )
