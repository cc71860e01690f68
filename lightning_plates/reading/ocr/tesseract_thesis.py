"""Tesseract as the thesis called it: ``--psm 10 --oem 3``, digits only, the crop as it is."""

from __future__ import annotations

from PIL import Image

from lightning_plates.photos import RgbImage
from lightning_plates.reading.characters import DIGITS, Belief
from lightning_plates.reading.ocr._base import OcrEngine
from lightning_plates.reading.ocr._tesseract import open_tesseract, recognise

CONFIG = f"--psm 10 --oem 3 -c tessedit_char_whitelist={DIGITS}"
"""psm 10: a single character, which a plate is not; kept to reproduce the thesis."""


class TesseractThesis(OcrEngine):
    """Runs Tesseract with the options of the thesis."""

    label, module, extra = "Tesseract, the thesis' call", "pytesseract", "tesseract"
    digits_only = True

    def _open(self, threads: int | None) -> None:
        self._library = open_tesseract(threads)

    def _read(self, row: RgbImage) -> Belief:
        return recognise(self._library, Image.fromarray(row), CONFIG)
