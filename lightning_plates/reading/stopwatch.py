"""Milliseconds of the steps of one reading."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from lightning_plates.clock import Timer

STEPS = ("decode", "preprocess", "locate", "ocr", "postprocess")
"""Steps of a reading, in order; their sum is not the total, which also counts the rest."""


class Stopwatch:
    """Adds up wall time by step; one for each photo."""

    def __init__(self) -> None:
        self._total = Timer()
        self._spent_ms = dict.fromkeys(STEPS, 0.0)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time of the ``with`` block to step ``name``."""
        timer = Timer()
        try:
            yield
        finally:
            self._spent_ms[name] += timer.wall_ms()

    def stop(self) -> dict[str, float]:
        """Milliseconds by step, and ``total`` since the stopwatch was made."""
        return {**self._spent_ms, "total": self._total.wall_ms()}
