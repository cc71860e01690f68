"""From a plate's crop to its characters, looking again where they are unsure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lightning_plates.photos import RgbImage
from lightning_plates.reading.characters import Belief, join
from lightning_plates.reading.crops import split_rows
from lightning_plates.reading.formats import PlateFormat
from lightning_plates.reading.ocr import OcrEngine
from lightning_plates.reading.plate_text import drop_printed_words, settle

SURE = 0.9
"""Probability of the least sure character from which one reading is enough. Measured on the crops
``us`` and ``ar``: reading all of them again instead of these 18 % gains nothing that counts."""

REFRAMED_BY = 0.06
"""Share of the crop's width and height by which it is cut and widened on every side."""


@dataclass(frozen=True, slots=True)
class CropReader:
    """Reads crops with one engine; safe to call from several threads."""

    engine: OcrEngine
    formats: Sequence[PlateFormat] = ()
    """Series that are allowed; a reading that fits one is believed before one that fits none."""
    printed_words: Sequence[str] = ()
    """Names and slogans beside the number, which are no part of it."""

    def read(self, crop: RgbImage) -> Belief:
        """Read a plate's crop, RGB of shape ``(H, W, 3)``.

        A reading with an unsure character, or one that fits no format, is repeated on the crop cut
        closer and framed wider; the likeliest of the three counts.
        """
        belief = read_once(self.engine, crop)
        if min(belief.confidences, default=0.0) >= SURE and self._fits(belief):
            return belief
        others = (read_once(self.engine, again) for again in _reframed(crop))
        return max((belief, *others), key=lambda one: (self._fits(one), one.likelihood))

    def _fits(self, belief: Belief) -> bool:
        number = drop_printed_words(belief, self.printed_words)
        return not self.formats or settle(number, self.formats)[1] is not None


def read_once(engine: OcrEngine, crop: RgbImage) -> Belief:
    """Read a plate's crop, RGB of shape ``(H, W, 3)``.

    A squarish crop is a plate of two rows, or one of a single row that hangs askew or is seen from
    the side. It is read both ways and the likelier text counts.
    """
    whole = engine.read(crop)
    rows = split_rows(crop)
    if len(rows) == 1:
        return whole
    return max(whole, join([engine.read(row) for row in rows]), key=lambda text: text.likelihood)


def _reframed(crop: RgbImage) -> Iterator[RgbImage]:
    """The crop cut closer, and framed by its own edge."""
    height, width = crop.shape[:2]
    dx, dy = round(REFRAMED_BY * width), round(REFRAMED_BY * height)
    yield crop[dy : height - dy, dx : width - dx]
    yield np.pad(crop, ((dy, dy), (dx, dx), (0, 0)), mode="edge") if crop.size else crop
