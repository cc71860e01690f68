"""From a plate's crop to its characters, looking again where they are unsure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lightning_plates.photos import RgbImage
from lightning_plates.reading.characters import Belief, join
from lightning_plates.reading.crops import split_rows
from lightning_plates.reading.ocr import OcrEngine
from lightning_plates.reading.plate_text import settle_number
from lightning_plates.reading.rules.formats import PlateFormat

SURE = 0.9
"""Probability of the least sure character from which one reading is enough. Measured on the crops
``us`` and ``ar``, of which it repeats 18 %: repeating 31 % (0.98) gains nothing more."""

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

        An unsure number, or one that fits no format, is read again on the crop cut closer and
        framed wider; the likeliest of the three counts. A sure one only gives way to one that fits.
        """
        first = self._judge(read_once(self.engine, crop))
        if first.sure and first.fits:
            return first.belief
        others = [self._judge(read_once(self.engine, again)) for again in _reframed(crop)]
        rivals = [other for other in others if other.fits] if first.sure else others
        return max((first, *rivals), key=lambda one: (one.fits, one.likelihood)).belief

    def _judge(self, belief: Belief) -> _Reading:
        number, plate_format = settle_number(belief, self.formats, self.printed_words)
        return _Reading(
            belief,
            number.likelihood,
            sure=min(number.confidences, default=0.0) >= SURE,
            fits=not self.formats or plate_format is not None,
        )


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of a crop, and how far its number can be believed."""

    belief: Belief
    likelihood: float
    sure: bool
    fits: bool


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
    """The crop cut closer, and framed by its own edge; nothing where it is too small for that."""
    height, width = crop.shape[:2]
    dx, dy = round(REFRAMED_BY * width), round(REFRAMED_BY * height)
    if dx or dy:
        yield crop[dy : height - dy, dx : width - dx]
        yield np.pad(crop, ((dy, dy), (dx, dx), (0, 0)), mode="edge")
