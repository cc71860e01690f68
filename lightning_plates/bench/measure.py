"""Times work: warm-up, repetition, percentiles, processor time beside wall time, machine load."""

from __future__ import annotations

import io
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from lightning_plates.clock import Span, Timer, processor_name

WARM_UP_S = 0.5
"""Seconds of work that are not counted: caches fill, lazy initialisation ends."""

AT_LEAST_S = 2.0
"""Seconds of work that are counted at least."""

YARDSTICK_SIZE = (1280, 960)
"""Width and height of the picture of :func:`measure_yardstick`."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What one piece of work takes, over many runs of it."""

    runs: int
    wall_p50_ms: float
    wall_p90_ms: float
    wall_p99_ms: float
    cpu_ms: float
    """Mean of all cores' time together; it hardly depends on what else the machine does."""


def summarise_spans(spans: Sequence[Span]) -> Timing:
    """Percentiles of ``spans``, of which there is at least one."""
    wall = [span.wall_ms for span in spans]
    p50, p90, p99 = (float(value) for value in np.percentile(wall, (50, 90, 99)))
    return Timing(len(spans), p50, p90, p99, float(np.mean([span.cpu_ms for span in spans])))


def measure(
    work: Callable[[], object], *, warm_up_s: float = WARM_UP_S, at_least_s: float = AT_LEAST_S
) -> Timing:
    """Repeat ``work`` and time every run.

    Args:
        work: What is timed; called at least twice.
        warm_up_s: Seconds of runs that are not counted; one run is never counted.
        at_least_s: Seconds of runs that are counted.
    """
    _repeat(work, warm_up_s)
    return summarise_spans(_repeat(work, at_least_s))


def measure_yardstick(at_least_s: float = AT_LEAST_S) -> Timing:
    """Time decoding one fixed JPEG: a measure of the machine that times can be divided by.

    It uses one core, no library beside Pillow, and the same pixels everywhere.
    """
    width, height = YARDSTICK_SIZE
    coarse = np.random.default_rng(0).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    picture = Image.fromarray(coarse).resize(YARDSTICK_SIZE, Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90)
    return measure(partial(_decode, stream.getvalue()), at_least_s=at_least_s)


def describe_machine() -> str:
    """Processor, cores, load and Python on one line, e.g. for the foot of a table."""
    return (
        f"{processor_name()}, {os.cpu_count()} cores, load {_load()}, "
        f"{platform.system()}, Python {platform.python_version()}"
    )


def _repeat(work: Callable[[], object], seconds: float) -> list[Span]:
    total = Timer()
    spans: list[Span] = []
    while not spans or total.wall_ms() < seconds * 1000:
        timer = Timer()
        work()
        spans.append(timer.read())
    return spans


def _decode(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.load()


def _load() -> str:
    """Mean number of running processes over the last minute, where the system counts them."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
