"""Trained, small, checked licence-plate readers for devices at the roadside.

::

    from lightning_plates import PlateReader

    reading = PlateReader.open().read("photo.jpg")
    reading.plates[0].text, reading.plates[0].last_digit, reading.plates[0].restriction
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_plates.silence import silence

if TYPE_CHECKING:
    from lightning_plates.api import PlateFinder, PlateReader, convert, load_model

__version__ = "0.2.0"
__all__ = ["PlateFinder", "PlateReader", "__version__", "convert", "load_model"]

silence()  # before anything of ours can import what reports home


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- whatever the front door has
    """Load the front door when one of its names is asked for: the import alone is free."""
    if name in __all__:
        from lightning_plates import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
