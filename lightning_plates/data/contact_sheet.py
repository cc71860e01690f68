"""Many small photos in one picture, with their boxes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.drawing import LABEL_COLOUR, Mark, draw_marks
from lightning_plates.photos import RgbImage

_GAP_PX = 6
_CAPTION_PX = 16
_BACKGROUND = (32, 32, 32)


def draw_tile(image: RgbImage, boxes: Sequence[BoxRecord], side: int) -> RgbImage:
    """Scale a photo into a square of ``side`` pixels and draw its boxes with their texts.

    Args:
        image: RGB, shape ``(H, W, 3)``.
        boxes: In pixels of ``image``.
        side: Longer side of the result, in pixels.

    Returns:
        RGB, its longer side ``side``.
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    scaled = (box.scaled(size[0] / width, size[1] / height) for box in boxes)
    # Beyond the plate's edge, so that the line hides nothing of a small one.
    outlines = ((box.x1 - 2, box.y1 - 2, box.x2 + 2, box.y2 + 2) for box in scaled)
    texts = (box.text for box in boxes)
    marks = [Mark(box, LABEL_COLOUR, text) for box, text in zip(outlines, texts, strict=True)]
    return draw_marks(small, marks)


def crop_tile(image: RgbImage, box: BoxRecord, side: int, margin: float = 0.3) -> RgbImage:
    """Cut a plate out of its photo with ``margin`` of its width around it, scaled to ``side``."""
    height, width = image.shape[:2]
    pad = margin * (box.x2 - box.x1)
    left, top = max(0, math.floor(box.x1 - pad)), max(0, math.floor(box.y1 - pad))
    right, bottom = min(width, math.ceil(box.x2 + pad)), min(height, math.ceil(box.y2 + pad))
    moved = BoxRecord(box.x1 - left, box.y1 - top, box.x2 - left, box.y2 - top)
    return draw_tile(image[top:bottom, left:right], [moved], side)


def contact_sheet(
    tiles: Iterable[tuple[str, RgbImage]], columns: int = 6, side: int = 240
) -> RgbImage:
    """Lay tiles out in rows, each with its caption below.

    Args:
        tiles: Caption and picture, RGB, neither side longer than ``side``.
        columns: Tiles in a row.
        side: Pixels that each tile gets.

    Returns:
        RGB, shape ``(H, W, 3)``.

    Raises:
        ValueError: There are no tiles.
    """
    listed = list(tiles)
    if not listed:
        raise ValueError("a contact sheet needs at least one tile")
    columns = min(columns, len(listed))
    tallest = max(picture.shape[0] for _, picture in listed)
    cell_height = tallest + _CAPTION_PX + _GAP_PX
    size = (columns * (side + _GAP_PX) + _GAP_PX, math.ceil(len(listed) / columns) * cell_height)
    sheet = Image.new("RGB", (size[0], size[1] + _GAP_PX), _BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=11)
    for index, (caption, picture) in enumerate(listed):
        x = _GAP_PX + index % columns * (side + _GAP_PX)
        y = _GAP_PX + index // columns * cell_height
        free_x, free_y = side - picture.shape[1], tallest - picture.shape[0]
        sheet.paste(Image.fromarray(picture), (x + free_x // 2, y + free_y // 2))
        # The end of a name tells copies apart: its beginning is cut.
        pen.text((x, y + tallest + 1), caption[-side // 6 :], fill="white", font=font)
    return np.asarray(sheet, dtype=np.uint8)
