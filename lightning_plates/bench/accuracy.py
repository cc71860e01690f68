"""How well boxes fit: one score a photo, and the shares that reports show."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lightning_plates.boxes import CLOSE_IOU, HIT_IOU, BoxXyxy, share_above
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes


@dataclass(frozen=True, slots=True)
class PhotoScore:
    """How well a predicted box fits the labelled one."""

    file: str
    """Path relative to the set's root, with ``/``."""
    iou: float
    """0–1."""
    centre_error_px: float
    """Distance of the boxes' centres, in pixels of the photo."""
    label: BoxXyxy
    """Pixels of the photo; ``x2`` and ``y2`` are exclusive."""
    prediction: BoxXyxy
    """Likewise."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Shares and means over a set of photos."""

    photos: int
    iou50: float
    """Share of photos with IoU ≥ 0.5, 0–1."""
    iou70: float
    """Share of photos with IoU ≥ 0.7, 0–1."""
    mean_iou: float
    """0–1."""
    centre_error_px: float
    """Mean distance of the centres, in pixels of the photos."""


def summarise(scores: Sequence[PhotoScore]) -> Accuracy | None:
    """Shares and means of ``scores``; ``None`` where there are none to speak of."""
    if not scores:
        return None
    ious = np.array([score.iou for score in scores])
    errors = np.array([score.centre_error_px for score in scores])
    return Accuracy(
        photos=len(scores),
        iou50=share_above(ious, HIT_IOU),
        iou70=share_above(ious, CLOSE_IOU),
        mean_iou=float(np.mean(ious)),
        centre_error_px=float(np.mean(errors)),
    )


def read_scores(file: Path) -> tuple[PhotoScore, ...]:
    """Read the ``per_photo.csv`` of a fit or a validation.

    Raises:
        InputError: The file is missing, or is not such a table; the line is named.
    """
    try:
        rows = list(csv.DictReader(read_bytes(file).decode().splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    scores = []
    for line, row in enumerate(rows, start=2):
        try:
            scores.append(_score(row))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{file} line {line}: not a row of per_photo.csv ({error})") from error
    return tuple(scores)


def _score(row: Mapping[str, str]) -> PhotoScore:
    iou, error = float(row["iou"]), float(row["centre_error_px"])
    return PhotoScore(row["file"], iou, error, _box(row, "true"), _box(row, "predicted"))


def _box(row: Mapping[str, str], name: str) -> BoxXyxy:
    x1, y1, x2, y2 = (float(row[f"{name}_{side}"]) for side in ("x1", "y1", "x2", "y2"))
    return x1, y1, x2, y2
