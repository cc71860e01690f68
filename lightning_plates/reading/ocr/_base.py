"""The contract that every text recognition engine keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from lightning_plates.errors import InputError
from lightning_plates.photos import RgbImage
from lightning_plates.reading.characters import NOTHING, Belief


class OcrEngine(ABC):
    """Reads one row of characters; safe to call from several threads.

    Args:
        threads: Threads for one reading; ``None`` leaves the choice to the library.

    Raises:
        InputError: ``threads`` is below 1.
        MissingDependencyError: The library is not installed.
        ModelError: The library's program or weights are missing.
    """

    label: ClassVar[str]
    """Name for people, e.g. ``"RapidOCR"``."""
    module: ClassVar[str]
    """Python package that does the work; needed when an engine is opened."""
    extra: ClassVar[str]
    """Extra of this distribution that installs it; empty where every installation has it."""
    digits_only: ClassVar[bool] = False
    """Whether it answers digits and nothing else."""

    def __init__(self, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise InputError(f"threads is {threads}, expected 1 or more")
        self._open(threads)

    @abstractmethod
    def _open(self, threads: int | None) -> None:
        """Load the library and its weights."""

    @abstractmethod
    def _read(self, row: RgbImage) -> Belief:
        """Read a row that is at least 4 pixels wide and high."""

    def read(self, row: RgbImage) -> Belief:
        """Read one row of characters.

        Args:
            row: RGB crop around the row, shape ``(H, W, 3)``.

        Returns:
            What it says, left to right; nothing where the crop is too small to hold text.
        """
        if min(row.shape[:2]) < SMALLEST:
            return NOTHING
        return self._read(row)


SMALLEST = 4
"""Pixels of a side below which no character can be told from another."""
