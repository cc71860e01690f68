"""Milliseconds of the steps of one reading; comparisons between models are ``bench``'s."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

STEPS = ("decode", "preprocess", "locate", "ocr", "postprocess")
"""Steps of a reading, in order; their sum is not the total, which also counts the rest."""


class Stopwatch:
    """Adds up wall time by step; one for each photo."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._spent_ms = dict.fromkeys(STEPS, 0.0)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time of the ``with`` block to step ``name``."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._spent_ms[name] += (time.perf_counter() - begin) * 1000

    def stop(self) -> dict[str, float]:
        """Milliseconds by step, and ``total`` since the stopwatch was made."""
        total = (time.perf_counter() - self._begin) * 1000
        return {**self._spent_ms, "total": total}
