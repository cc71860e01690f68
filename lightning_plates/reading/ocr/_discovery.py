"""Which engines exist. An engine exists because its file does."""

from __future__ import annotations

from pathlib import Path

from lightning_plates.discovery import own_subclasses
from lightning_plates.errors import InputError
from lightning_plates.optional import is_installed
from lightning_plates.reading.ocr._base import OcrEngine


def list_engines() -> dict[str, type[OcrEngine]]:
    """Every engine of this folder by its file's name; none of their libraries is imported."""
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    return {file.stem: _engine_in(file.stem) for file in files}


def installed_engines() -> dict[str, type[OcrEngine]]:
    """The engines whose Python package is installed."""
    return {name: cls for name, cls in list_engines().items() if is_installed(cls.module)}


def open_engine(name: str, threads: int | None = None) -> OcrEngine:
    """Open an engine by name.

    Args:
        name: File name of the engine, e.g. ``"rapidocr"``.
        threads: Threads for one reading; ``None`` leaves the choice to the library.

    Raises:
        InputError: No engine of that name; the message lists them.
        MissingDependencyError: Its library is not installed; the message says what to install.
    """
    known = list_engines()
    if name not in known:
        raise InputError(f"unknown OCR engine {name!r} (choose from: {', '.join(known)})")
    return known[name](threads)


def _engine_in(name: str) -> type[OcrEngine]:
    own = own_subclasses(f"lightning_plates.reading.ocr.{name}", OcrEngine)
    if len(own) != 1:
        raise TypeError(f"ocr/{name}.py must define exactly one OcrEngine, found {len(own)}")
    return own[0]
