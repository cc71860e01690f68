"""Makes the rows of a slanted plate level. It did not help; the reader does without it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from lightning_plates.photos import RgbImage

SLOPES = np.round(np.arange(-0.3, 0.31, 0.02), 2)
"""Slopes that deskewing tries: up to 17°."""

LEVEL_SLOPE = 0.03
"""Below this a row slants by less than a pixel over a character; resampling would cost more."""

SMALLEST_DESKEWED = 12
"""Pixels of a side below which rows cannot be told."""


def deskew(crop: RgbImage) -> RgbImage:
    """Make the slanted lines of a plate level by a vertical shear.

    A plate seen from the side keeps its upright strokes upright; only its rows slant.

    Args:
        crop: RGB, shape ``(H, W, 3)``.

    Returns:
        RGB of the same shape; the crop itself where it is level already, or too small to tell.
    """
    slope = estimate_slope(crop)
    if abs(slope) < LEVEL_SLOPE:
        return crop
    middle = crop.shape[1] / 2
    red, green, blue = (int(value) for value in np.median(crop, axis=(0, 1)))
    picture = Image.fromarray(crop).transform(
        (crop.shape[1], crop.shape[0]),
        Image.Transform.AFFINE,
        (1.0, 0.0, 0.0, slope, 1.0, -slope * middle),
        Image.Resampling.BICUBIC,
        fillcolor=(red, green, blue),  # black corners would look like strokes
    )
    return np.asarray(picture, dtype=np.uint8)


def estimate_slope(crop: RgbImage) -> float:
    """Slope of a plate's rows, in pixels down a pixel to the right; 0 where none stands out.

    Tries slopes and takes the one at which horizontal edges gather in the fewest rows.
    """
    height, width = crop.shape[:2]
    if min(height, width) < SMALLEST_DESKEWED:
        return 0.0
    edges = np.abs(np.diff(crop.mean(axis=2), axis=0))
    rows, columns = np.indices(edges.shape)
    gathered = []
    for slope in SLOPES:
        level = np.rint(rows - slope * (columns - width / 2)).astype(np.intp)
        inside = (level >= 0) & (level < height)
        profile = np.bincount(level[inside], weights=edges[inside], minlength=height)
        gathered.append(float((profile**2).sum()))
    return float(SLOPES[int(np.argmax(gathered))])
