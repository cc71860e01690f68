"""Types of command-line arguments that argparse checks while parsing, and shared options."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence

from lightning_plates import files
from lightning_plates.data.annotations.edges import EdgeTolerance

MOST_THREADS = max(64, 4 * (os.cpu_count() or 1))
"""Threads, processes or photos at a time beyond which nothing gets faster, and memory runs out."""


def positive_int(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return value


def worker_count(text: str) -> int:
    """How many threads, processes or photos at a time: 1 to :data:`MOST_THREADS`."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= MOST_THREADS:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from 1 to {MOST_THREADS}, got {text[:20]!r}"
        )
    return value


class _FileLimit(argparse.Action):
    """Sets the limit for this run, and for the processes that it starts."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)
        if isinstance(values, float):
            files.set_photo_limit(values)


def add_file_limit(parser: argparse._ActionsContainer) -> None:
    """Declare ``--max-file-mb`` for a command that reads photos."""
    parser.add_argument(
        "--max-file-mb", type=positive_number, action=_FileLimit, metavar="MB",
        help=f"largest photo that is read, in MB (default: {files.LIMIT_VARIABLE}, or else "
        f"{files.DEFAULT_LIMIT_MB})",
    )  # fmt: skip


def add_runtime_options(parser: argparse._ActionsContainer) -> None:
    """Declare ``--runtime`` and ``--device``, both ``None`` where the model decides.

    Args:
        parser: A parser, or a group of its options.
    """
    parser.add_argument(
        "--runtime", metavar="NAME", help="runtime to use (default: by the file's ending)"
    )
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="what runs the model: cpu, cuda, tensorrt, … by runtime, and nothing else in its "
        "place (default: the runtime's first, nearly always cpu)",
    )


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text!r}")
    return value


def positive_number(text: str) -> float:
    """A number above 0."""
    value = _parse_number(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def non_negative_number(text: str) -> float:
    """A number of at least 0."""
    value = _parse_number(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text!r}")
    return value


def edge_tolerance(text: str) -> EdgeTolerance:
    """Pixels, ``5``, or per cent of the photo, ``2%``."""
    value = _parse_number(text.removesuffix("%"))
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"expected pixels or per cent, 5 or 2%, got {text!r}")
    return EdgeTolerance(0.0, value / 100) if text.endswith("%") else EdgeTolerance(value, 0.0)


def _parse_number(text: str) -> float:
    """The number in ``text``; NaN, which no comparison accepts, where there is no finite one."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
