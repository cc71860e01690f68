"""Finds the model that ships with the project."""

from __future__ import annotations

from pathlib import Path

from lightning_plates import shipment
from lightning_plates.errors import InputError

PREFERRED = ("plate_finder_int8.onnx", "plate_finder.onnx")
"""Names in ``finder/``, best first: an INT8 file ships only where it was measured to find as many
plates as the FP32 one, and is then smaller and faster."""


def default_model() -> Path:
    """Path of the shipped plate finder: the first of :data:`PREFERRED` that is there.

    Raises:
        InputError: This copy of the project ships none of them.
    """
    for root in (shipment.CHECKOUT, shipment.PACKAGED):
        for name in PREFERRED:
            if (root / "finder" / name).is_file():
                return root / "finder" / name
    raise InputError(
        f"this copy ships no plate finder ({' or '.join(PREFERRED)} in artifacts/finder); "
        "name one with --model FILE"
    )
