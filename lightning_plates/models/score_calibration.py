"""Turns a detector's scores into probabilities, without another layer in the graph.

A focal loss ranks well but is over- or underconfident. Platt scaling (Platt 1999) fits
``sigmoid(scale · logit + shift)`` on photos that were not trained on; both numbers go into the
last convolution of the heat map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lightning_plates.boxes import FloatArray, box_iou
from lightning_plates.errors import InputError
from lightning_plates.models.dense_head import PlateDetector

MATCH_IOU = 0.5
"""A candidate that overlaps a labelled plate by at least this is right."""
NEWTON_STEPS = 50
PRIOR_COUNT = 2.0
"""Weight of the prior that keeps the fit finite where right and wrong do not mix."""


@dataclass(frozen=True, slots=True)
class ScoreScaling:
    """Parameters of ``sigmoid(scale · logit + shift)``."""

    scale: float
    shift: float
    candidates: int
    """Boxes that it was fitted on."""

    def apply(self, scores: FloatArray) -> FloatArray:
        """Probabilities of ``scores``, 0–1, same shape."""
        scaled: FloatArray = 1 / (1 + np.exp(-(self.scale * to_logits(scores) + self.shift)))
        return scaled


def to_logits(scores: FloatArray) -> FloatArray:
    """Inverse of the sigmoid; scores of exactly 0 or 1 stay finite."""
    inside = np.clip(scores, 1e-7, 1 - 1e-7)
    return np.log(inside) - np.log1p(-inside)


def match_candidates(boxes: FloatArray, labels: FloatArray) -> NDArray[np.bool_]:
    """Say which candidates are right; each label makes only its first candidate right.

    Args:
        boxes: Candidates, best first, shape ``(A, 4)``.
        labels: Plates, shape ``(M, 4)``.

    Returns:
        Shape ``(A,)``.
    """
    right = np.zeros(len(boxes), dtype=np.bool_)
    waiting = np.ones(len(labels), dtype=np.bool_)
    for index, box in enumerate(boxes):
        ious = np.where(waiting, box_iou(labels, box), 0.0)
        if len(ious) and ious.max() >= MATCH_IOU:
            waiting[ious.argmax()] = False
            right[index] = True
    return right


def fit_scaling(scores: FloatArray, right: NDArray[np.bool_]) -> ScoreScaling:
    """Fit scale and shift by Newton's method.

    Args:
        scores: Scores of candidates, 0–1, shape ``(A,)``.
        right: Whether each is a plate, shape ``(A,)``.

    Raises:
        InputError: All candidates are right, or all are wrong.
    """
    if right.all() or not right.any():
        raise InputError(
            f"{int(right.sum())} of {len(right)} candidates are plates; "
            "calibration needs photos on which the finder is right and wrong"
        )
    design = np.stack([to_logits(scores), np.ones(len(scores))], axis=1)
    target, start = right.astype(np.float64), np.array([1.0, 0.0])
    solution = start.copy()
    for _ in range(NEWTON_STEPS):
        probability = 1 / (1 + np.exp(-design @ solution))
        gradient = design.T @ (probability - target) + PRIOR_COUNT * (solution - start)
        spread = probability * (1 - probability)
        hessian = (design * spread[:, None]).T @ design + PRIOR_COUNT * np.eye(2)
        solution = solution - np.linalg.solve(hessian, gradient)
    return ScoreScaling(float(solution[0]), float(solution[1]), len(scores))


def scale_scores(detector: PlateDetector, scaling: ScoreScaling) -> None:
    """Put ``scaling`` into the last convolution of the detector's heat map.

    Raises:
        InputError: The scale is not positive: the scores would rank the other way round.
    """
    if scaling.scale <= 0:
        raise InputError(f"scale {scaling.scale:.3f} would turn the scores' order round")
    last = detector.head.heat[-1]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    with torch.no_grad():
        last.weight.mul_(scaling.scale)
        last.bias.mul_(scaling.scale).add_(scaling.shift)
