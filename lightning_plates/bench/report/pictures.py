"""The best, the median and the worst prediction of a run, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lightning_plates.bench.accuracy import PhotoScore
from lightning_plates.bench.report.run_folder import RunResult
from lightning_plates.boxes import BoxXyxy
from lightning_plates.drafts import write_bytes
from lightning_plates.drawing import LABEL_COLOUR, PREDICTION_COLOUR, Mark, draw_marks
from lightning_plates.photos import RgbImage, encode_jpeg, load_photo

TILE_HEIGHT = 300
"""Pixels of a photo in the strip; its width follows."""
BANNER_HEIGHT = 28
"""Pixels of the line above each photo."""
GAP = 8
"""Pixels between two photos."""


def extremes(scores: Sequence[PhotoScore]) -> dict[str, PhotoScore]:
    """The best, the median and the worst of ``scores`` by IoU; equal ones by file name.

    Raises:
        ValueError: There are no scores.
    """
    ranked = sorted(scores, key=lambda score: (-score.iou, score.file))
    if not ranked:
        raise ValueError("no scores to choose from")
    return {"best": ranked[0], "median": ranked[len(ranked) // 2], "worst": ranked[-1]}


def write_strip(run: RunResult, target: Path) -> None:
    """Draw the extremes of a run as one JPEG: label in green, prediction in red.

    Args:
        run: It has at least one score.
        target: The ``.jpg`` file to write.

    Raises:
        PhotoError: A photo cannot be read.
    """
    chosen = extremes(run.scores)
    tiles = [_tile(load_photo(run.path_of(score)), score, name) for name, score in chosen.items()]
    gap = np.full((BANNER_HEIGHT + TILE_HEIGHT, GAP, 3), 255, dtype=np.uint8)
    strip = np.concatenate([tiles[0], gap, tiles[1], gap, tiles[2]], axis=1)
    write_bytes(target, encode_jpeg(strip, quality=85))


def _tile(image: RgbImage, score: PhotoScore, name: str) -> RgbImage:
    """Shrink first, then draw: lines stay visible whatever the photo's size."""
    height, width = image.shape[:2]
    scale = TILE_HEIGHT / height
    size = (max(1, round(width * scale)), TILE_HEIGHT)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    marks = [Mark(_scaled(score.label, scale), LABEL_COLOUR)]
    marks.append(Mark(_scaled(score.prediction, scale), PREDICTION_COLOUR))
    banner = _banner(f"{name}: IoU {score.iou:.2f}", size[0])
    return np.concatenate([banner, draw_marks(small, marks)], axis=0)


def _banner(text: str, width: int) -> RgbImage:
    # Above the photo, because a prediction may be anywhere, and even empty.
    canvas = Image.new("RGB", (width, BANNER_HEIGHT), "white")
    font = ImageFont.load_default(size=18)
    ImageDraw.Draw(canvas).text((2, 3), text, fill="black", font=font)
    return np.asarray(canvas, dtype=np.uint8)


def _scaled(box: BoxXyxy, scale: float) -> BoxXyxy:
    x1, y1, x2, y2 = (value * scale for value in box)
    return x1, y1, x2, y2
