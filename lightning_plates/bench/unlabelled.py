"""Plates that a finder sees in a labelled photo and nobody labelled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from lightning_plates.boxes import BoxXyxy, box_areas, clip_boxes
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.finding.refine import locate
from lightning_plates.photos import load_or_skip
from runtimes import Runtime

MAX_COVERED = 0.1
"""Share of a box that a label may cover; above it, the box is another view of a labelled plate."""


def find_unlabelled(
    model: Runtime,
    annotations: AnnotationSet,
    photo: PhotoRecord,
    looks: int,
    least_confidence: float | None,
) -> PhotoRecord | None:
    """Ask a finder about a photo and keep what lies beside all labels.

    Args:
        model: An open finder.
        annotations: The set that the photo belongs to.
        photo: The photo with its labels.
        looks: As for :func:`~lightning_plates.finding.refine.locate`.
        least_confidence: Boxes below this score, 0–1, are left out; ``None`` keeps all answers.

    Returns:
        The photo with these boxes in place of its labels; ``None`` where it cannot be read, which
        standard error says.
    """
    image = load_or_skip(annotations.path_of(photo))
    if image is None:
        return None
    labels = [box.xyxy for box in photo.boxes]
    boxes = tuple(
        BoxRecord(*plate.box)
        for plate in locate(model, image, looks)
        if (plate.confidence is None or plate.confidence >= (least_confidence or 0.0))
        and covered_share(plate.box, labels) <= MAX_COVERED
    )
    return replace(photo, boxes=boxes)


def covered_share(box: BoxXyxy, labels: Iterable[BoxXyxy]) -> float:
    """The largest share of ``box`` that one of ``labels`` covers, 0–1."""
    corner = np.array([box[0], box[1]] * 2)
    inside = np.array(list(labels), dtype=np.float64).reshape(-1, 4) - corner
    covered = box_areas(clip_boxes(inside, box[2] - box[0], box[3] - box[1]))
    return float(covered.max(initial=0.0) / max(box_areas(np.array(box)), 1e-9))
