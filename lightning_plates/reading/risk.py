"""How often confident answers are wrong: Platt scaling and the risk–coverage curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lightning_plates.errors import InputError
from lightning_plates.reading.calibration import logit

FloatArray: TypeAlias = NDArray[np.float64]

STEPS = 100
"""Newton steps at most; the convex problem of two parameters settles in about ten."""


@dataclass(frozen=True, slots=True)
class RiskCurve:
    """What is wrong among the answers given, by how many are given."""

    thresholds: FloatArray
    """Least confidence that is answered, descending; shape ``(N,)``."""
    coverage: FloatArray
    """Share of plates that are answered, 0–1, ascending; shape ``(N,)``."""
    risk: FloatArray
    """Share of wrong ones among the answers, 0–1; shape ``(N,)``."""

    def threshold_for(self, max_risk: float) -> float:
        """Least threshold whose answers are wrong at most at ``max_risk``; 1 if there is none."""
        good = np.flatnonzero(self.risk <= max_risk)
        return float(self.thresholds[good[-1]]) if good.size else 1.0


def fit_platt(beliefs: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """Fit P(right) = σ(slope × logit(belief) + intercept) by maximum likelihood.

    Targets are drawn in a little, as Platt (1999) does, so that a set without errors does not
    answer certainty.

    Args:
        beliefs: What the engine believed, 0–1.
        right: Whether it was right.

    Returns:
        Slope and intercept.

    Raises:
        InputError: The answers are all right or all wrong, or belief says nothing about them.
    """
    labels = np.asarray(right, dtype=np.float64)
    positives = float(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        raise InputError(
            f"cannot calibrate: {positives:.0f} right and {negatives:.0f} wrong answers; "
            "give crops of both kinds"
        )
    targets = np.where(labels > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    inputs = np.stack([[logit(belief) for belief in beliefs], np.ones(len(labels))], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(STEPS):
        change = _newton_step(inputs, targets, weights)
        weights = weights - change
        if float(np.abs(change).max()) < 1e-9:
            break
    if weights[0] <= 0:
        raise InputError(
            "cannot calibrate: wrong answers are believed as much as right ones; give more crops"
        )
    return float(weights[0]), float(weights[1])


def _newton_step(inputs: FloatArray, targets: FloatArray, weights: FloatArray) -> FloatArray:
    """What to subtract from ``weights``; halved until the fit gets better, or nothing."""
    predicted = 0.5 * (1.0 + np.tanh(inputs @ weights / 2))  # the logistic without overflow
    gradient = inputs.T @ (predicted - targets)
    curvature = (inputs * (predicted * (1 - predicted))[:, None]).T @ inputs
    step = np.asarray(np.linalg.solve(curvature + 1e-6 * np.eye(2), gradient), dtype=np.float64)
    before = _log_loss(inputs, targets, weights)
    for _ in range(STEPS):
        if _log_loss(inputs, targets, weights - step) <= before:
            return step
        step = step / 2
    return np.zeros(2)


def _log_loss(inputs: FloatArray, targets: FloatArray, weights: FloatArray) -> float:
    scores = inputs @ weights
    return float((np.logaddexp(0.0, scores) - targets * scores).sum())


def risk_curve(confidences: Sequence[float], right: Sequence[bool]) -> RiskCurve:
    """Risk at every threshold at which the answers given change.

    Args:
        confidences: One a plate, 0–1; a plate without an answer has 0 and counts as wrong.
        right: Whether the answer was right.
    """
    order = np.argsort(-np.asarray(confidences, dtype=np.float64), kind="stable")
    sorted_confidences = np.asarray(confidences, dtype=np.float64)[order]
    wrong = 1.0 - np.asarray(right, dtype=np.float64)[order]
    answered = np.arange(1, len(order) + 1)
    # Plates of equal confidence are answered together: only the last of them is a point.
    last = np.append(np.diff(sorted_confidences) != 0, True)
    return RiskCurve(
        thresholds=sorted_confidences[last],
        coverage=(answered / len(order))[last],
        risk=(np.cumsum(wrong) / answered)[last],
    )
