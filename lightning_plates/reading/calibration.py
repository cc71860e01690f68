"""From an engine's belief in the last digit to the share of such answers that are right."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lightning_plates.reading.rules.config_file import Entry, find_config, read_config

LIMIT = 1e-6
"""Beliefs closer than this to 0 or 1 count as this close; their logarithm is infinite."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling: P(right) = σ(slope × logit(belief) + intercept)."""

    slope: float
    intercept: float
    min_confidence: float
    """Calibrated confidence below which the answer is "unsure"."""

    def apply(self, belief: float) -> float:
        """Calibrated confidence, 0–1, of an engine's ``belief``, 0–1."""
        return 1.0 / (1.0 + math.exp(-(self.slope * logit(belief) + self.intercept)))


IDENTITY = Calibration(1.0, 0.0, 0.9)
"""For engines that nobody has calibrated: their own belief."""


def logit(probability: float) -> float:
    """log(p / (1 − p)), finite for every ``p`` in 0–1."""
    p = min(max(probability, LIMIT), 1.0 - LIMIT)
    return math.log(p / (1.0 - p))


def load_calibration(engine: str) -> Calibration:
    """Calibration of an engine from ``configs/reading/calibration.yaml``.

    Args:
        engine: File name of the engine, e.g. ``"rapidocr"``.

    Returns:
        :data:`IDENTITY` where the file does not list the engine.

    Raises:
        ConfigError: The file contradicts itself.
    """
    top = read_config(find_config("reading", "calibration")).fields({"made_by", "data", "engines"})
    for name in ("made_by", "data"):
        top[name].text()
    engines = top["engines"].fields()
    return _read(engines[engine]) if engine in engines else IDENTITY


def _read(entry: Entry) -> Calibration:
    fields = entry.fields({"slope", "intercept", "min_confidence"}, {"samples", "right"})
    values = {name: fields[name].number() for name in ("slope", "intercept", "min_confidence")}
    for name in {"samples", "right"} & set(fields):
        fields[name].integer()
    if values["slope"] <= 0 or not 0 <= values["min_confidence"] <= 1:
        raise entry.error("expected a positive slope and a min_confidence from 0 to 1")
    return Calibration(**values)
