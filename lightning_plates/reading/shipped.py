"""Finds the model that ships with the project."""

from __future__ import annotations

from pathlib import Path

from lightning_plates.errors import InputError

CHECKOUT = Path(__file__).parent.parent.parent / "artifacts"
"""Where models lie in a checkout."""

PACKAGED = Path(__file__).parent.parent / "artifacts"
"""Where an installed distribution keeps them."""


def default_model() -> Path:
    """Path of the shipped plate finder, ``finder/*.onnx``; the first by name of several.

    Raises:
        InputError: This copy of the project ships none.
    """
    for root in (CHECKOUT, PACKAGED):
        found = sorted((root / "finder").glob("*.onnx"))
        if found:
            return found[0]
    raise InputError(
        "this copy ships no plate finder in artifacts/finder; name one with --model FILE"
    )
