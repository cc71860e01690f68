"""Box conversions and overlap, in NumPy.

Boxes are ``x1, y1, x2, y2`` with exclusive ``x2, y2``: in pixels outside models, in 0–1 of the
image inside them. Every function takes arrays of shape ``(…, 4)`` and returns new ones.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

BoxXyxy: TypeAlias = tuple[float, float, float, float]
FloatArray: TypeAlias = NDArray[np.float64]


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
