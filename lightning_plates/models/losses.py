"""Losses between predicted and true boxes, by the name that a config gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional
from torchvision import ops

LossName = Literal["mse", "smooth_l1", "giou", "ciou"]
BoxLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Predicted and true boxes, both ``(N, 4)`` as ``x1, y1, x2, y2`` in 0–1 → a scalar."""

SMOOTH_L1_BETA = 0.05
"""Error (0–1 of the image) below which smooth L1 is quadratic; about half a small plate's width."""


def order_corners(boxes: Tensor) -> Tensor:
    """Swap coordinates of ``(N, 4)`` boxes where needed so that ``x1 <= x2`` and ``y1 <= y2``."""
    low = torch.minimum(boxes[:, :2], boxes[:, 2:])
    high = torch.maximum(boxes[:, :2], boxes[:, 2:])
    return torch.cat([low, high], dim=1)


def _mse(predicted: Tensor, true: Tensor) -> Tensor:
    return functional.mse_loss(predicted, true)


def _smooth_l1(predicted: Tensor, true: Tensor) -> Tensor:
    return functional.smooth_l1_loss(predicted, true, beta=SMOOTH_L1_BETA)


def _giou(predicted: Tensor, true: Tensor) -> Tensor:
    # The overlap losses expect ordered corners, which a head does not promise.
    loss: Tensor = ops.generalized_box_iou_loss(order_corners(predicted), true, reduction="mean")
    return loss


def _ciou(predicted: Tensor, true: Tensor) -> Tensor:
    loss: Tensor = ops.complete_box_iou_loss(order_corners(predicted), true, reduction="mean")
    return loss


LOSSES: Mapping[LossName, BoxLoss] = {
    "mse": _mse,
    "smooth_l1": _smooth_l1,
    "giou": _giou,
    "ciou": _ciou,
}
"""MSE is the thesis'. Smooth L1: Girshick, Fast R-CNN, 2015. GIoU: Rezatofighi et al., 2019.
CIoU: Zheng et al., Distance-IoU Loss, 2020."""
