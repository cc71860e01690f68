"""The clock: wall and processor time of one piece of work. Nothing else reads the time to compare.

:mod:`lightning_plates.bench.measure` repeats work and summarises; a reading's own steps are in
:mod:`lightning_plates.clock`.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """What a piece of work took."""

    wall_ms: float
    """Milliseconds that passed."""
    cpu_ms: float
    """Milliseconds of all cores, of this process and of the programs it waited for."""


class Timer:
    """Runs from the moment it is made."""

    def __init__(self) -> None:
        self._cpu_s = _cpu_seconds()
        self._wall_s = time.perf_counter()

    def wall_ms(self) -> float:
        """Milliseconds since the timer was made."""
        return (time.perf_counter() - self._wall_s) * 1000

    def read(self) -> Span:
        """Time since the timer was made; it runs on."""
        wall_ms = self.wall_ms()
        return Span(wall_ms, (_cpu_seconds() - self._cpu_s) * 1000)


def _cpu_seconds() -> float:
    """Processor time of this process and of ended child processes, such as Tesseract's."""
    times = os.times()
    # os.times() counts in ticks of 10 ms on Linux; the process's own clock is finer.
    return time.process_time() + times.children_user + times.children_system
