"""Photos on which a table of conversions is measured, with the plates in them where they are known.

Likeness to the hub says how alike two files are; labels say how good both are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from conversion._calibration import has_labels, read_photos
from conversion._comparison import answer_photos
from conversion._parity import Outputs
from lightning_plates import processing
from lightning_plates.boxes import FloatArray, box_iou
from lightning_plates.data.annotations import read_annotations
from lightning_plates.errors import InputError
from lightning_plates.photos import RgbImage
from lightning_plates.results import Detection
from lightning_plates.spec import ModelSpec
from runtimes import open_model

Labels: TypeAlias = tuple[FloatArray, ...]
"""Boxes of the plates in each photo, shape ``(N, 4)``, in its pixels."""
HIT_IOU = 0.5
"""Overlap with a labelled plate from which on a photo counts as answered rightly."""


@dataclass(frozen=True, slots=True)
class Judges:
    """Photos to measure on."""

    photos: tuple[RgbImage, ...]
    labels: Labels | None
    """``None`` where nobody said where the plates are."""

    def digest(self) -> str:
        """SHA-256 of pixels and labels, in hexadecimal: other photos give other figures."""
        found = hashlib.sha256()
        arrays: list[NDArray[Any]] = [*self.photos, *(self.labels or ())]
        for array in arrays:
            found.update(str(array.shape).encode())
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model answered."""

    outputs: Outputs
    spec: ModelSpec
    hits: float | None
    """Share of photos whose best box overlaps a labelled plate by :data:`HIT_IOU`, 0–1."""


def load_labelled(path: Path, count: int) -> Judges | None:
    """Pick ``count`` photos evenly from an annotated set, those without a plate left out.

    Returns:
        ``None`` where ``path`` holds photos alone.

    Raises:
        InputError: The labels are unsound or name no plate, or no photo can be read.
    """
    if not has_labels(path):
        return None
    annotations = read_annotations(path)
    records = [photo for photo in annotations.photos if photo.boxes]
    if not records:
        raise InputError(f"{path}: no photo of this set shows a plate")
    count = min(count, len(records))
    chosen = [records[number * len(records) // count] for number in range(count)]
    labels = {annotations.path_of(photo): photo.boxes for photo in chosen}
    found = list(read_photos(labels))
    if not found:
        raise InputError(f"{path}: none of the {count} photos chosen can be read")
    return Judges(
        tuple(photo for _, photo in found),
        tuple(np.array([b.xyxy for b in labels[file]], dtype=np.float64) for file, _ in found),
    )


def judge(model: Path, judges: Judges, runtime: str | None, device: str | None = None) -> Judged:
    """Let a model answer the photos.

    Args:
        model: The file.
        judges: At least one photo.
        runtime: What opens it; ``None`` chooses by its ending.
        device: What runs it; ``None`` takes the runtime's first.
    """
    with open_model(model, runtime, device) as opened:
        outputs, spec = answer_photos(opened, judges.photos), opened.spec
    sizes = [photo.shape[1::-1] for photo in judges.photos]
    placements = [processing.place(width, height, spec) for width, height in sizes]
    found = processing.decode(outputs, spec, placements)
    return Judged(outputs, spec, share_of_hits(found, judges.labels))


def share_of_hits(found: Sequence[Sequence[Detection]], labels: Labels | None) -> float | None:
    """Share of photos whose best box overlaps a labelled plate, 0–1; ``None`` without labels."""
    if labels is None:
        return None
    pairs = zip(found, labels, strict=True)
    return float(np.mean([bool(answer) and _hits(answer[0], boxes) for answer, boxes in pairs]))


def _hits(best: Detection, boxes: FloatArray) -> bool:
    return bool((box_iou(np.array(best.box), boxes) >= HIT_IOU).any())
