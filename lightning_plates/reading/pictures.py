"""Photos with answers drawn on them, or with their plates made unreadable."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from lightning_plates.boxes import BoxXyxy
from lightning_plates.drawing import Mark, draw_marks
from lightning_plates.photos import RgbImage
from lightning_plates.reading.captions import caption
from lightning_plates.reading.pipeline import PlateReading

REDACTION_MARGIN = 0.15
"""Share of the box that is blurred around it: a finder may cut the outer characters."""

MOSAIC_COLUMNS = 4
"""Blocks across a blurred plate: fewer than its characters, so that none can be restored."""


def annotate(image: RgbImage, plates: Sequence[PlateReading], language: str) -> RgbImage:
    """Draw each plate's box and what there is to say about it: text, last digit, restriction day.

    Args:
        image: RGB, shape ``(H, W, 3)``.
        plates: What was read in it.
        language: ``es`` or ``en``.
    """
    marks = [
        Mark(plate.detection.box, caption="\n".join(caption(plate, language))) for plate in plates
    ]
    return draw_marks(image, marks)


def redact(image: RgbImage, boxes: Sequence[BoxXyxy]) -> RgbImage:
    """Make the plates in ``boxes`` (pixels of ``image``) unreadable.

    The plate is averaged to a few blocks first: a blur alone can be undone.
    """
    picture = Image.fromarray(image)
    for x1, y1, x2, y2 in boxes:
        dx, dy = REDACTION_MARGIN * (x2 - x1), REDACTION_MARGIN * (y2 - y1)
        left, top = max(0, int(x1 - dx)), max(0, int(y1 - dy))
        right, bottom = min(picture.width, int(x2 + dx) + 1), min(picture.height, int(y2 + dy) + 1)
        if right <= left or bottom <= top:
            continue
        size = (right - left, bottom - top)
        blocks = picture.crop((left, top, right, bottom)).resize(
            (MOSAIC_COLUMNS, 2), Image.Resampling.BOX
        )
        smooth = blocks.resize(size, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(2))
        picture.paste(smooth, (left, top))
    return np.asarray(picture, dtype=np.uint8)
