"""Boxes and captions drawn on photos, with Pillow alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lightning_plates.boxes import BoxXyxy
from lightning_plates.photos import RgbImage

LABEL_COLOUR = (0, 170, 0)
"""Green: what a person labelled."""
PREDICTION_COLOUR = (220, 0, 0)
"""Red: what a model answered."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One box to draw."""

    box: BoxXyxy
    """``x1, y1, x2, y2`` in pixels of the image; ``x2`` and ``y2`` are exclusive."""
    colour: tuple[int, int, int] = PREDICTION_COLOUR
    """RGB, 0–255."""
    caption: str = ""
    """Text above the box; empty for none."""


def line_width(image: RgbImage) -> int:
    """Width in pixels of the lines that :func:`draw_marks` draws, inside the boxes."""
    long_side: int = max(image.shape[:2])
    return max(2, round(long_side / 250))


def draw_marks(image: RgbImage, marks: Sequence[Mark]) -> RgbImage:
    """Draw ``marks`` on a copy of ``image``, lines and letters in proportion to its size.

    Args:
        image: RGB, shape ``(H, W, 3)``.
        marks: What to draw, the last on top.

    Returns:
        RGB, shape ``(H, W, 3)``.
    """
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    width = line_width(image)
    font = ImageFont.load_default(size=max(10, round(max(image.shape[:2]) / 45)))
    for mark in marks:
        x1, y1, x2, y2 = mark.box
        # Pillow wants the last pixel that is inside and refuses an inverted rectangle.
        corners = (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1))
        pen.rectangle(corners, outline=mark.colour, width=width)
        if mark.caption:
            _draw_caption(pen, mark, font)
    return np.asarray(canvas, dtype=np.uint8)


def _draw_caption(
    pen: ImageDraw.ImageDraw, mark: Mark, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    left, top, right, bottom = pen.textbbox((0, 0), mark.caption, font=font)
    height = bottom - top + 4
    width = right - left + 4
    y1 = mark.box[1]
    y = y1 - height if y1 >= height else mark.box[3]
    # Moved to the left where it would leave the picture.
    x = max(0.0, min(mark.box[0], pen.im.size[0] - width - 1))
    pen.rectangle((x, y, x + width, y + height), fill=mark.colour)
    pen.text((x + 2 - left, y + 2 - top), mark.caption, fill="white", font=font)
