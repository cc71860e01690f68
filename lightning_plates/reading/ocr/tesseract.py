"""Tesseract as it wants to be called: one line, upscaled, black on white."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from lightning_plates.photos import RgbImage
from lightning_plates.reading.characters import ALPHABET, Belief
from lightning_plates.reading.ocr._band import cut_band
from lightning_plates.reading.ocr._base import OcrEngine
from lightning_plates.reading.ocr._tesseract import open_tesseract, recognise

CONFIG = f"--psm 7 --oem 3 -c tessedit_char_whitelist={ALPHABET}"
"""psm 7: a single line of text."""

LINE_HEIGHT = 64
"""Height to which a row is scaled, in pixels; capitals of 30–40 pixels suit Tesseract best."""

BORDER = 10
"""White margin around the row, in pixels; Tesseract drops characters that touch the edge."""


class Tesseract(OcrEngine):
    """Runs Tesseract 5 through ``pytesseract`` on a thresholded row."""

    label, module, extra = "Tesseract, thresholded line", "pytesseract", "tesseract"

    def _open(self, threads: int | None) -> None:
        self._library = open_tesseract(threads)

    def _read(self, row: RgbImage) -> Belief:
        return recognise(self._library, black_on_white(cut_band(row)), CONFIG)


def black_on_white(row: RgbImage) -> Image.Image:
    """Scale a row, split it at Otsu's threshold and make the larger part white."""
    grey = Image.fromarray(row).convert("L")
    width = max(1, round(grey.width * LINE_HEIGHT / grey.height))
    values = np.asarray(grey.resize((width, LINE_HEIGHT), Image.Resampling.BICUBIC))
    bright = values > otsu_threshold(values)
    paper = bright if bright.mean() >= 0.5 else ~bright
    image = Image.fromarray(np.where(paper, 255, 0).astype(np.uint8))
    return ImageOps.expand(image, BORDER, fill=255)


def otsu_threshold(values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> int:
    """Grey level that separates ``values`` into the two most different groups (Otsu 1979)."""
    share = np.bincount(values.ravel(), minlength=256) / max(values.size, 1)
    weight = np.cumsum(share)
    mass = np.cumsum(share * np.arange(256))
    spread = weight * (1.0 - weight)
    between = np.divide(
        (mass[-1] * weight - mass) ** 2, spread, out=np.zeros(256), where=spread > 0
    )
    return int(between.argmax())
