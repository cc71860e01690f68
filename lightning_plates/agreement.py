"""How far two models agree, whatever their numbers: likeness of their answers to the same photos.

Reduced precision changes raw outputs everywhere a little; what matters is whether the answers are
the same, so those are compared, by the models' task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import task_of


@dataclass(frozen=True, slots=True)
class Agreement:
    """Comparison of two answers to each photo of a set."""

    photos: int
    """Number of photos compared."""
    answered: int
    """Photos in which at least one side answers anything; the others agree by answering nothing."""
    mean_likeness: float
    """Mean likeness of the two answers, 0–1, by the models' task."""
    max_score_difference: float
    """Largest difference between the scores of the best answers, 0–1; 0 without scores."""


def compare_answers(expected: Sequence[Any], got: Sequence[Any], spec: ModelSpec) -> Agreement:
    """Compare the answers of two models, photo by photo.

    Args:
        expected: Answers of the source, decoded by the task's ``bare`` spec, so that an answer
            that slips below a threshold is still compared.
        got: Answers of the other model, decoded by the same spec.
        spec: The models' convention; its threshold says which answers count.
    """
    task = task_of(spec)
    pairs = [task.agree(ours, theirs, spec) for ours, theirs in zip(expected, got, strict=True)]
    return Agreement(
        photos=len(pairs),
        answered=sum(pair.answered for pair in pairs),
        mean_likeness=float(np.mean([pair.value for pair in pairs])) if pairs else 1.0,
        max_score_difference=max((pair.score_difference for pair in pairs), default=0.0),
    )
