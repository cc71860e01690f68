"""Frozen results that travel between the packages."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_plates.boxes import BoxXyxy


@dataclass(frozen=True, slots=True)
class Detection:
    """A plate located in one image."""

    box: BoxXyxy
    """``x1, y1, x2, y2`` in pixels of the original image; ``x2`` and ``y2`` are exclusive."""
    confidence: float | None
    """Probability that the box holds a plate, 0–1; ``None`` where the model gives none."""
