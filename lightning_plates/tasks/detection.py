"""Scored boxes, any number a photo, of one class or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

from lightning_plates.boxes import (
    Detection,
    FloatArray,
    corners_of,
    order_corners,
    suppress_overlaps,
)
from lightning_plates.errors import ModelError
from lightning_plates.placement import Placement
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks._base import OutputMeaning, Shape
from lightning_plates.tasks._boxes import BoxOptions, BoxTask, Detections, require_numbers

MAX_CANDIDATES = 300
"""Best-scored boxes that enter non-maximum suppression."""


@dataclass(frozen=True)
class DetectionOptions(BoxOptions):
    """Options of the task ``detection``."""

    score_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """Boxes with a lower score are no answer."""
    max_overlap: Annotated[float, Meta(ge=0, le=1)] = 0.4
    """IoU above which the weaker of two boxes of a class is dropped."""


class ScoredBoxes(BoxTask):
    """Outputs ``boxes`` ``(N, A, 4)`` in 0–1 of the input and ``scores`` ``(N, A)``.

    A spec with two or more classes has a third output, ``classes`` ``(N, A)``: the number of each
    box's class in ``spec.classes``.
    """

    name = "detection"
    Options = DetectionOptions

    def outputs(self, spec: ModelSpec) -> Mapping[str, Shape]:
        """Two outputs, or three with several classes."""
        known: dict[str, Shape] = {"boxes": ("N", "A", 4), "scores": ("N", "A")}
        return {**known, "classes": ("N", "A")} if len(spec.classes) > 1 else known

    def bare(self, spec: ModelSpec) -> ModelSpec:
        """Every box whatever its score, without a margin."""
        return spec.with_options(score_threshold=0.0, margin=None)

    def _threshold(self, spec: ModelSpec) -> float:
        options: DetectionOptions = self.options(spec)
        return options.score_threshold

    def _decode_one(
        self,
        tensors: Sequence[FloatArray],
        spec: ModelSpec,
        options: DetectionOptions,
        placement: Placement,
    ) -> Detections:
        boxes, scores, *more = tensors
        require_numbers(scores, spec)
        candidates = np.flatnonzero(scores >= options.score_threshold)
        best = candidates[np.argsort(-scores[candidates], kind="stable")][:MAX_CANDIDATES]
        require_numbers(boxes[best], spec)
        classes = _class_numbers(more[0][best], spec) if more else np.zeros(len(best), np.intp)
        pixels = placement.to_photo(order_corners(boxes[best]))
        kept = _suppress_by_class(pixels, scores[best], classes, options.max_overlap)
        names = spec.classes if more else (None,)
        return tuple(
            Detection(corners_of(pixels[i]), float(scores[best][i]), names[classes[i]])
            for i in kept
        )

    def meaning(self, output: str, spec: ModelSpec) -> OutputMeaning:
        """What each of the outputs holds."""
        if output == "boxes":
            return OutputMeaning("Candidate boxes: x1, y1, x2, y2 in 0-1 of the input.", True)
        if output == "classes":
            return OutputMeaning("Number of each candidate's class in the label file.")
        threshold = self._threshold(spec)
        return OutputMeaning(
            f"Score of each candidate, 0-1; those below {threshold:g} are no answer."
        )


def _class_numbers(classes: FloatArray, spec: ModelSpec) -> np.typing.NDArray[np.intp]:
    require_numbers(classes, spec)
    numbers = np.rint(classes).astype(np.intp)
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(spec.classes)):
        raise ModelError(
            f"model {spec.name}: answers a class outside 0 to {len(spec.classes) - 1}; "
            "its spec names too few classes"
        )
    return numbers


def _suppress_by_class(
    boxes: FloatArray, scores: FloatArray, classes: np.typing.NDArray[np.intp], max_overlap: float
) -> list[int]:
    """Indices of the boxes that stay, best first; only boxes of one class suppress each other."""
    kept: list[int] = []
    for number in np.unique(classes):
        of_class = np.flatnonzero(classes == number)
        stays = suppress_overlaps(boxes[of_class], scores[of_class], max_overlap)
        kept += of_class[stays].tolist()
    return sorted(kept, key=lambda i: (-scores[i], i))
