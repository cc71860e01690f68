"""Measure a checkpoint on the validation photos: validate runs/mobilenet_v2/best.ckpt.

The photos and settings are those of the checkpoint's run unless ``--data.path`` or ``--config``
names others; ``--data.split none`` takes all photos of a set.
"""

from __future__ import annotations

from lightning_plates.cli._evaluate import run_evaluation


def main(argv: list[str]) -> int:
    """Validate."""
    return run_evaluation("validate", argv, "val")
