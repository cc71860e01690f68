"""Measure a checkpoint on the test photos, which no decision was taken on.

The photos and settings are those of the checkpoint's run unless ``--data.path`` or ``--config``
names others; ``--data.split none`` takes all photos of a set.
"""

from __future__ import annotations

from lightning_plates.cli._evaluate import run_evaluation


def main(argv: list[str]) -> int:
    """Test."""
    return run_evaluation("test", argv, "test")
