"""Options of box models: the task's, with their types."""

from __future__ import annotations

from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import task_of
from lightning_plates.tasks._boxes import BoxOptions
from lightning_plates.tasks.detection import DetectionOptions


def box_options(spec: ModelSpec) -> BoxOptions:
    """Options of a model that answers boxes, scored or not."""
    options: BoxOptions = task_of(spec).options(spec)
    return options


def score_threshold(spec: ModelSpec) -> float:
    """Score below which a box is no answer; the default where boxes have none."""
    options = box_options(spec)
    return options.score_threshold if isinstance(options, DetectionOptions) else 0.5


def with_threshold(spec: ModelSpec, threshold: float) -> ModelSpec:
    """The same spec with another threshold; unchanged where boxes have no score."""
    if isinstance(box_options(spec), DetectionOptions):
        return spec.with_options(score_threshold=threshold)
    return spec
