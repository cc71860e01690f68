"""Photos on which a table of conversions is measured, with their labels where they are known.

Likeness to the hub says how alike two files are; labels say how good both are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.gate.comparison import answer_photos
from conversion.gate.parity import Outputs
from conversion.int8.calibration import has_labels
from lightning_plates.data.targets._base import target_reader
from lightning_plates.errors import InputError
from lightning_plates.photos import RgbImage, load_photo
from lightning_plates.placement import place
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import task_of
from runtimes import open_model


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Photos to measure on."""

    photos: tuple[RgbImage, ...]
    labels: tuple[Any, ...] | None
    """One label a photo, of the kind that the model's task is measured on; ``None``: unlabelled."""

    def digest(self) -> str:
        """SHA-256 of pixels and labels, in hexadecimal: other photos give other figures."""
        found = hashlib.sha256()
        arrays: list[NDArray[Any]] = [*self.photos, *map(np.asarray, self.labels or ())]
        for array in arrays:
            found.update(str(array.shape).encode())
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Answers of a model to an :class:`EvaluationSet`."""

    outputs: Outputs
    spec: ModelSpec
    score: float | None
    """Headline of the model's task, 0–1; ``None`` without labels."""


def load_labelled(path: Path, count: int, target: str = "boxes") -> EvaluationSet | None:
    """Pick ``count`` photos evenly from a labelled set, those that show nothing left out.

    Args:
        path: The set.
        count: Number of photos, at most.
        target: Kind of labels.

    Returns:
        ``None`` where ``path`` holds photos alone.

    Raises:
        InputError: The labels are unsound or name nothing.
    """
    if not has_labels(path):
        return None
    labelled = target_reader(target).read(path)
    if not labelled:
        raise InputError(f"{path}: no photo of this set shows a plate")
    count = min(count, len(labelled))
    chosen = [labelled[number * len(labelled) // count] for number in range(count)]
    return EvaluationSet(
        tuple(load_photo(file) for file, _ in chosen), tuple(label for _, label in chosen)
    )


def evaluate(
    model: Path, photos: EvaluationSet, runtime: str | None, device: str | None = None
) -> Evaluation:
    """Let a model answer the photos, and score the answers where labels are known.

    Args:
        model: The file.
        photos: At least one photo.
        runtime: Runtime that opens it; ``None`` chooses by its ending.
        device: Device that runs it; ``None`` takes the runtime's first.
    """
    with open_model(model, runtime, device) as opened:
        outputs, spec = answer_photos(opened, photos.photos), opened.spec
    if photos.labels is None:
        return Evaluation(outputs, spec, None)
    task = task_of(spec)
    placements = [place(photo.shape[1], photo.shape[0], spec) for photo in photos.photos]
    answers = task.decode(outputs, spec, placements)
    return Evaluation(outputs, spec, task.score(answers, photos.labels).headline)
