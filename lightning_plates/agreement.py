"""How far two models' answers to the same photos are apart: whatever was converted is judged by it.

Tensors of compressed models differ everywhere a little; what matters is whether the best box of
each photo is the same, so that is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lightning_plates.boxes import Detection, box_iou

Answer: TypeAlias = Sequence[Detection]
"""What a model found in one photo, best first, weak boxes included."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Comparison of two answers to each photo of a set."""

    photos: int
    """Number of photos compared."""
    answered: int
    """Photos in which at least one side finds a plate; the others agree by finding none."""
    mean_iou: float
    """Mean overlap of the two best boxes, 0–1; 1 for a photo in which both sides find none."""
    max_score_difference: float
    """Largest difference between the scores of the best boxes, 0–1; 0 without scores."""


def compare_answers(
    expected: Sequence[Answer], got: Sequence[Answer], score_threshold: float
) -> Agreement:
    """Compare the best boxes of two models, photo by photo.

    Args:
        expected: Answers of the source, decoded without a threshold, so that a box that slips
            below it is still compared.
        got: Answers of the other model, likewise.
        score_threshold: A best box with a lower score counts as no plate found.
    """
    pairs = [(_best(ours), _best(theirs)) for ours, theirs in zip(expected, got, strict=True)]
    answered = [any(_counts(side, score_threshold) for side in pair) for pair in pairs]
    ious = [_overlap(*pair) if asked else 1.0 for pair, asked in zip(pairs, answered, strict=True)]
    differences = [abs(_score(ours) - _score(theirs)) for ours, theirs in pairs]
    return Agreement(
        photos=len(pairs),
        answered=sum(answered),
        mean_iou=float(np.mean(ious)) if ious else 1.0,
        max_score_difference=max(differences, default=0.0),
    )


def _best(answer: Answer) -> Detection | None:
    return answer[0] if answer else None


def _counts(best: Detection | None, score_threshold: float) -> bool:
    return best is not None and (best.confidence is None or best.confidence >= score_threshold)


def _score(best: Detection | None) -> float:
    return 0.0 if best is None or best.confidence is None else best.confidence


def _overlap(first: Detection | None, second: Detection | None) -> float:
    if first is None or second is None:
        return 0.0
    if first.box == second.box:  # an empty box overlaps nothing, not even itself
        return 1.0
    return float(box_iou(np.array(first.box), np.array(second.box)))
