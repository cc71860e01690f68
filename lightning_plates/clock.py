"""The clock: wall and processor time of one piece of work. Nothing else reads the time to compare.

:mod:`lightning_plates.bench.measure` repeats work and summarises; a reading's own steps are in
:mod:`lightning_plates.clock`.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


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


def processor_name() -> str:
    """Name of the processor for people, as far as the system tells it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


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
