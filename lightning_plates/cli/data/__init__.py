"""Photos and boxes: import, check, look at, augment, synthesise and split data sets."""

from __future__ import annotations

from pathlib import Path

from lightning_plates.cli._dispatch import dispatch


def main(argv: list[str]) -> int:
    """Run ``data SUBCOMMAND``; each subcommand is a module of this folder."""
    return dispatch(__name__, Path(__file__).parent, argv, "lightning-plates data")
