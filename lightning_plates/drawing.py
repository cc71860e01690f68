"""Boxes and captions drawn on photos, with Pillow alone."""

from __future__ import annotations

import unicodedata
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

_STROKES: dict[str, tuple[tuple[float, float], ...]] = {
    "\u0301": ((-1, 3), (2, 0)),
    "\u0303": ((-3, 2.5), (-1.2, 1), (1.2, 2.5), (3, 1)),
}
"""Acute and tilde, the accents of Spanish, as Unicode combines them with a letter: the line to draw
from the middle of the letter on."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One box to draw."""

    box: BoxXyxy
    """``x1, y1, x2, y2`` in pixels of the image; ``x2`` and ``y2`` are exclusive."""
    colour: tuple[int, int, int] = PREDICTION_COLOUR
    """RGB, 0–255."""
    caption: str = ""
    """Lines above the box, or below it where there is no room; empty for none."""


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
    lines = mark.caption.split("\n")
    line_height = round(1.3 * font.getbbox("Ag")[3])  # room for accents on capitals
    height = line_height * len(lines) + 2
    width = max(_length(line, font) for line in lines) + 4
    # Inside the picture: above the box, or else below it, or else over its foot.
    y = mark.box[1] - height if mark.box[1] >= height else mark.box[3]
    y = max(0.0, min(y, pen.im.size[1] - height - 1))
    x = max(0.0, min(mark.box[0], pen.im.size[0] - width - 1))
    pen.rectangle((x, y, x + width, y + height), fill=mark.colour)
    for number, line in enumerate(lines):
        _draw_line(pen, (x + 2, y + number * line_height), line, font)


def _draw_line(
    pen: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Draw one line of text from ``place``, the top left corner, on.

    Pillow's own font has no accented letters: the marks of Spanish are drawn above plain ones.
    """
    x, y = place
    letters = ""
    size = font.getbbox("o")[3] / 15
    pen.text((x, y + 3 * size), _plain(text), fill="white", font=font)
    for character in unicodedata.normalize("NFD", text):
        if not unicodedata.combining(character):
            letters += character
            continue
        middle = x + _length(letters, font) - font.getlength(letters[-1:]) / 2
        above = 2 if letters.endswith("i") else 4  # over the dot
        top = y + font.getbbox(letters[-1:])[1] + (3 - above) * size
        _draw_accent(pen, character, (middle, top), size)


def _draw_accent(
    pen: ImageDraw.ImageDraw, accent: str, place: tuple[float, float], size: float
) -> None:
    """Draw an acute accent or a tilde ``3 × size`` high below ``place``; others are left out."""
    x, y = place
    points = [(x + dx * size, y + dy * size) for dx, dy in _STROKES.get(accent, ())]
    if points:
        pen.line(points, fill="white", width=max(1, round(1.6 * size)), joint="curve")


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _length(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> float:
    return float(font.getlength(_plain(text)))
