"""Cuts a plate out of a full-resolution photo and into its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image

from lightning_plates.boxes import BoxXyxy
from lightning_plates.photos import RgbImage

Point: TypeAlias = tuple[float, float]

MARGIN = 0.04
"""Share of the box that is added on every side: finders cut characters at the edge more often
than they include a neighbour."""

TWO_ROWS_BELOW_ASPECT = 1.55
"""Crops squarer than this may be motorcycle plates with two rows; car plates are 2:1 and wider."""

ROW_OVERLAP = 0.06
"""Share of the height that both rows of a two-row plate keep of each other."""


def cut_plate(image: RgbImage, box: BoxXyxy, margin: float = MARGIN) -> RgbImage:
    """Cut ``box`` and a margin out of ``image``.

    Args:
        image: RGB, shape ``(H, W, 3)``.
        box: ``x1, y1, x2, y2`` in pixels; may reach over the edges.
        margin: Share of the box's width and height that is added on every side.

    Returns:
        The part inside the photo; empty where the box lies outside of it.
    """
    height, width = image.shape[:2]
    dx, dy = margin * (box[2] - box[0]), margin * (box[3] - box[1])
    left, top = max(0, math.floor(box[0] - dx)), max(0, math.floor(box[1] - dy))
    right, bottom = min(width, math.ceil(box[2] + dx)), min(height, math.ceil(box[3] + dy))
    return image[top : max(bottom, top), left : max(right, left)]


def rectify(image: RgbImage, corners: Sequence[Point]) -> RgbImage:
    """Turn a plate seen at an angle into a rectangle.

    Args:
        image: RGB, shape ``(H, W, 3)``.
        corners: Top left, top right, bottom right and bottom left of the plate, in pixels.

    Returns:
        RGB; as wide and high as the longer ones of the plate's opposite sides.
    """
    points = np.asarray(corners, dtype=np.float64)
    sides = np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1)
    width, height = math.ceil(max(sides[0], sides[2], 1)), math.ceil(max(sides[1], sides[3], 1))
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)
    picture = Image.fromarray(image).transform(
        (width, height),
        Image.Transform.PERSPECTIVE,
        _perspective(target, points),
        Image.Resampling.BICUBIC,
    )
    return np.asarray(picture, dtype=np.uint8)


def split_rows(crop: RgbImage) -> list[RgbImage]:
    """Cut a two-row plate between its rows; a plate of one row stays whole.

    The cut is at the calmest line (least horizontal contrast) of the middle third.
    """
    height, width = crop.shape[:2]
    if height < 2 * 8 or width / max(height, 1) >= TWO_ROWS_BELOW_ASPECT:
        return [crop]
    grey = crop.mean(axis=2)
    contrast = np.abs(np.diff(grey, axis=1)).sum(axis=1)
    window = max(1, height // 20)
    smooth = np.convolve(contrast, np.ones(window), mode="same")
    third = height // 3
    cut = third + int(smooth[third : height - third].argmin())
    overlap = round(ROW_OVERLAP * height)
    return [crop[: cut + overlap], crop[max(cut - overlap, 0) :]]


def _perspective(
    source: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    target: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> tuple[float, ...]:
    """Eight coefficients that take ``source`` points to ``target`` points, as Pillow wants them."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    solution, *_ = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)
    return tuple(float(value) for value in solution)
