"""How far a converted model's answers are from its source's, and how far they may be."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lightning_plates.agreement import compare_answers
from lightning_plates.errors import ConversionError, ParityError
from lightning_plates.placement import WHOLE
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import task_of

Outputs: TypeAlias = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Parity:
    """How far a converted model's answers are from its source's, on the same photos."""

    photos: int
    """Number of photos compared."""
    answered: int
    """Photos in which at least one of the two answers anything."""
    max_abs_difference: float
    """Largest difference of any output value (boxes and scores are in 0–1)."""
    mean_likeness: float
    """Mean likeness of both answers, 0–1, by the models' task: of boxes, their IoU."""
    max_score_difference: float
    """Largest difference between the scores of the best answers, 0–1."""
    likeness: str = "IoU"
    """What the task calls the likeness."""

    def describe(self) -> str:
        """One line for people."""
        return (
            f"{self.photos} photos: mean {self.likeness} {self.mean_likeness:.4f}, "
            f"largest output difference {self.max_abs_difference:.1e}, "
            f"score difference {self.max_score_difference:.3f}"
        )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Disagreement up to which a converted model is put in place."""

    max_abs_difference: float
    """Of any output value; infinite where only the answers are compared."""
    min_mean_likeness: float
    """0–1."""
    max_score_difference: float
    """0–1."""

    def as_json(self) -> dict[str, float | None]:
        """Values by name; ``None`` for infinity, which JSON does not have."""
        values: dict[str, float] = dataclasses.asdict(self)
        return {name: value if math.isfinite(value) else None for name, value in values.items()}


TOLERANCES: Mapping[str, Tolerance] = {
    "fp32": Tolerance(1e-3, 0.999, 1e-3),
    # From here on values differ everywhere a little, so that only the answers count.
    "fp16": Tolerance(float("inf"), 0.98, 0.05),
    "int8": Tolerance(float("inf"), 0.90, 0.25),
}
"""Loss that each precision may cost; ``--min-likeness`` replaces the second figure."""

PRECISIONS = tuple(TOLERANCES)
"""Precisions by name, the finest first."""


def measure_parity(source: Outputs, converted: Outputs, spec: ModelSpec) -> Parity:
    """Compare two answers to the same batch.

    Args:
        source: Outputs of the source model by name, batch first.
        converted: Outputs of the converted model by name, the same shapes.
        spec: How to decode both.

    Raises:
        ConversionError: An output is missing, has another shape, or is not finite.
    """
    largest = 0.0
    for name, expected in source.items():
        got = converted.get(name)
        if got is None or got.shape != expected.shape:
            shape = None if got is None else got.shape
            raise ConversionError(f"output {name!r}: expected shape {expected.shape}, got {shape}")
        difference = np.abs(expected.astype(np.float64) - got.astype(np.float64))
        if not np.isfinite(difference).all():
            raise ConversionError(f"output {name!r}: the converted model answers NaN or infinity")
        largest = max(largest, float(difference.max(initial=0.0)))
    task = task_of(spec)
    answers = [_decode_all(outputs, spec) for outputs in (source, converted)]
    found = compare_answers(answers[0], answers[1], spec)
    return Parity(
        found.photos, found.answered, largest, found.mean_likeness, found.max_score_difference,
        task.likeness,
    )  # fmt: skip


def broken_limits(parity: Parity, tolerance: Tolerance) -> list[str]:
    """Each figure of ``parity`` that is outside ``tolerance``, with its limit."""
    broken = []
    if parity.max_abs_difference > tolerance.max_abs_difference:
        broken.append(
            f"largest difference {parity.max_abs_difference:.2e} > "
            f"{tolerance.max_abs_difference:.0e}"
        )
    if parity.mean_likeness < tolerance.min_mean_likeness:
        broken.append(
            f"mean {parity.likeness} {parity.mean_likeness:.3f} < {tolerance.min_mean_likeness:g}"
        )
    if parity.max_score_difference > tolerance.max_score_difference:
        broken.append(
            f"score difference {parity.max_score_difference:.3f} > "
            f"{tolerance.max_score_difference:g}"
        )
    return broken


def require_agreement(target: Path, parity: Parity, tolerance: Tolerance) -> None:
    """Stop a conversion whose result answers differently.

    Raises:
        ParityError: A figure of ``parity`` is outside ``tolerance``; all of them are named.
    """
    broken = broken_limits(parity, tolerance)
    if broken:
        raise ParityError(
            f"{target}: not written, because the converted model answers differently: "
            f"{', '.join(broken)} over {parity.photos} photos "
            f"(mean {parity.likeness} {parity.mean_likeness:.3f})"
        )


def _decode_all(outputs: Outputs, spec: ModelSpec) -> list[Any]:
    """Answers in the input's own coordinates, weak ones included."""
    task = task_of(spec)
    places = [WHOLE] * len(outputs[next(iter(task.outputs(spec)))])
    return task.decode(outputs, task.bare(spec), places)
