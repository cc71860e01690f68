"""How good predicted boxes are; every network that finds plates is measured by this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_plates.boxes import (
    CLOSE_IOU,
    HIT_IOU,
    FloatArray,
    box_iou,
    order_corners,
)

EVALUATED = "evaluated"
"""Key under which a validation or test step returns its :class:`EvaluatedBatch`."""

QUALITY_NAMES = ("iou50", "iou70", "mean_iou", "centre_error_px")
"""Of the values in :meth:`BoxQuality.summary`."""


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
        values = (self.iou >= HIT_IOU, self.iou >= CLOSE_IOU, self.iou, self.centre_error_px)
        means = (float(np.mean(value)) for value in values)
        return dict(zip(QUALITY_NAMES, means, strict=True))


def measure_boxes(batch: EvaluatedBatch) -> BoxQuality:
    """Compare the boxes of ``batch``; corners that are swapped are put in order first."""
    predicted = order_corners(_array(batch.predicted))
    true = _array(batch.true)
    offset = (predicted[:, :2] + predicted[:, 2:] - true[:, :2] - true[:, 2:]) / 2
    return BoxQuality(box_iou(predicted, true), np.hypot(offset[:, 0], offset[:, 1]))


class PhotoMeans(Metric):
    """Means over the photos of all batches and processes, each photo counted once.

    Lightning's own mean over processes is wrong where they have different numbers of photos: it
    averages these numbers, too, and rounds that average down (2.6).

    Args:
        names: Of the means.
    """

    sums: Tensor
    photos: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.add_state("sums", torch.zeros(len(self.names)), dist_reduce_fx="sum")
        self.add_state("photos", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, means: Mapping[str, Tensor | float], photos: int) -> None:
        """Add a batch.

        Args:
            means: Of the batch, by name; not looked at where it has no photos.
            photos: Number of photos in it.
        """
        if photos:
            values = [torch.as_tensor(means[name]).to(self.sums) for name in self.names]
            self.sums = self.sums + photos * torch.stack(values).detach()
            self.photos = self.photos + photos

    def compute(self) -> dict[str, Tensor]:
        """The means by name; none where there was no photo."""
        if not self.photos:
            return {}
        return dict(zip(self.names, self.sums / self.photos, strict=True))


def keras_accuracy(predicted: Tensor, true: Tensor) -> float:
    """Keras' "accuracy" of the thesis: do the largest of the four numbers stand at the same place?

    It treats the coordinates ``(N, 4)`` as scores of four classes. For most photos the largest is
    ``x2`` or ``y2``, so a model that ignores the photo already scores well: it says little about
    boxes and exists to be compared with the thesis' tables.
    """
    return float((predicted.argmax(dim=1) == true.argmax(dim=1)).float().mean())


def _array(boxes: Tensor) -> FloatArray:
    return boxes.detach().cpu().double().numpy()  # Apple's GPUs have no double
