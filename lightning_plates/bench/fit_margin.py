"""Learns from a site's labels how its boxes differ from the network's, by a frame for instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lightning_plates.bench.finder_accuracy import FinderAnswer
from lightning_plates.boxes import FitMargin, FloatArray, box_iou
from lightning_plates.errors import InputError

MATCH_IOU = 0.3
"""A box that overlaps a label by this shows the same plate: a frame of a quarter of the plate's
height on every side still leaves 0.44 of a square plate and more of others."""
FEWEST_MATCHES = 8
"""With so few photos the share of IoU ≥ 0.7 varies by 2.5 points (standard deviation) with the
draw, with 20 by 1.6 and with 50 by 1.0; see docs/finder.md."""


@dataclass(frozen=True, slots=True)
class MatchedBoxes:
    """Plates that a finder found, and their labels."""

    found: FloatArray
    """Shape ``(M, 4)``, in pixels of their photos."""
    labels: FloatArray
    """Likewise."""


def match_boxes(answers: Sequence[FinderAnswer]) -> MatchedBoxes:
    """Pair every labelled plate with the box that overlaps it most, by :data:`MATCH_IOU` at least.

    Args:
        answers: Boxes as the network places them, without a margin.
    """
    pairs = []
    for answer in answers:
        boxes = np.array([plate.box for plate in answer.plates]).reshape(-1, 4)
        for label in answer.photo.boxes if len(boxes) else ():
            ious = box_iou(boxes, np.array(label.xyxy))
            if ious.max() >= MATCH_IOU:
                pairs.append((boxes[ious.argmax()], label.xyxy))
    both = np.array(pairs, dtype=np.float64).reshape(-1, 2, 4)
    return MatchedBoxes(both[:, 0], both[:, 1])


def label_ratios(matched: MatchedBoxes) -> tuple[float, float] | None:
    """Median width and height of the labels in those of the found boxes; ``None`` without any."""
    if not len(matched.found):
        return None
    across, down = _median_ratios(matched)
    return float(across), float(down)


def fit_margin(matched: MatchedBoxes) -> FitMargin:
    """The medians of the four ratios between labels and found boxes.

    Climbing to the margin of largest mean IoU gains a thousandth of IoU over them (measured over
    192 draws of 20 photos), which is not worth a search.

    Raises:
        InputError: There are fewer than :data:`FEWEST_MATCHES` boxes.
    """
    if len(matched.found) < FEWEST_MATCHES:
        raise InputError(
            f"a margin needs {FEWEST_MATCHES} labelled plates that are found (IoU ≥ "
            f"{MATCH_IOU:g}), these photos have {len(matched.found)}: label more, or raise --photos"
        )
    moved = _centres(matched.labels) - _centres(matched.found)
    shifts = np.median(moved / _sides(matched.found), axis=0)
    return FitMargin(*(round(float(value), 4) for value in (*_median_ratios(matched), *shifts)))


def _median_ratios(matched: MatchedBoxes) -> FloatArray:
    ratios: FloatArray = np.median(_sides(matched.labels) / _sides(matched.found), axis=0)
    return ratios


def _sides(boxes: FloatArray) -> FloatArray:
    return boxes[:, 2:] - boxes[:, :2]


def _centres(boxes: FloatArray) -> FloatArray:
    centres: FloatArray = (boxes[:, :2] + boxes[:, 2:]) / 2
    return centres
