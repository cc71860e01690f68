"""How good predicted boxes are; every network that finds plates is measured by this."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor

from lightning_plates.boxes import (
    CLOSE_IOU,
    HIT_IOU,
    FloatArray,
    box_iou,
    order_corners,
    share_above,
)

EVALUATED = "evaluated"
"""Key under which a validation or test step returns its :class:`EvaluatedBatch`."""


class EvaluatedBatch(NamedTuple):
    """One batch of a validation or test step; tables and pictures are made from it."""

    numbers: Tensor
    """Number of each photo in its data set, shape ``(N,)``."""
    predicted: Tensor
    """Best box a photo in its pixels, ``x1, y1, x2, y2``, shape ``(N, 4)``."""
    true: Tensor
    """Labelled box, likewise."""


class BoxQuality(NamedTuple):
    """Agreement of predicted with true boxes, one value a photo."""

    iou: FloatArray
    """Intersection over union, 0–1, shape ``(N,)``."""
    centre_error_px: FloatArray
    """Distance of the centres in pixels of the photo, shape ``(N,)``."""

    def summary(self) -> dict[str, float]:
        """Means over the photos, by the names under which they are logged."""
        return {
            "iou50": share_above(self.iou, HIT_IOU),
            "iou70": share_above(self.iou, CLOSE_IOU),
            "mean_iou": float(np.mean(self.iou)),
            "centre_error_px": float(np.mean(self.centre_error_px)),
        }


def measure_boxes(batch: EvaluatedBatch) -> BoxQuality:
    """Compare the boxes of ``batch``; corners that are swapped are put in order first."""
    predicted = order_corners(_array(batch.predicted))
    true = _array(batch.true)
    offset = (predicted[:, :2] + predicted[:, 2:] - true[:, :2] - true[:, 2:]) / 2
    return BoxQuality(box_iou(predicted, true), np.hypot(offset[:, 0], offset[:, 1]))


def keras_accuracy(predicted: Tensor, true: Tensor) -> float:
    """Keras' "accuracy" of the thesis: do the largest of the four numbers stand at the same place?

    It treats the coordinates ``(N, 4)`` as scores of four classes. For most photos the largest is
    ``x2`` or ``y2``, so a model that ignores the photo already scores well: it says little about
    boxes and exists to be compared with the thesis' tables.
    """
    return float((predicted.argmax(dim=1) == true.argmax(dim=1)).float().mean())


def _array(boxes: Tensor) -> FloatArray:
    return boxes.detach().double().cpu().numpy()
