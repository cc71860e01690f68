"""Targets and losses of the dense detector."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from lightning_plates.models.dense_head import CELL, GridOutput

SIGMA_SHARE = 1 / 6
"""Width of the Gaussian on the heat map, as a share of the box."""
MIN_SIGMA_CELLS = 0.5
"""Smallest width, so that a tiny plate still warms its nearest cell."""
FOCAL_POWER = 2.0
"""Alpha of the penalty-reduced focal loss (arXiv:1904.07850)."""
REDUCTION_POWER = 4.0
"""Beta of the same: how much the surroundings of a centre are forgiven."""
EDGE_WEIGHT = 0.5
"""Weight of the edge distance beside GIoU, which alone hardly tells good boxes from better."""


class DenseTargets(NamedTuple):
    """What the grid should say."""

    heat: Tensor
    """1 at plate centres, falling off as a Gaussian; shape ``(N, 1, h, w)``."""
    boxes: Tensor
    """The box that each positive cell should give, in cells, shape ``(N, 4, h, w)``."""
    positive: Tensor
    """Cells of the 3 × 3 around a centre, boolean, shape ``(N, h, w)``."""
    counted: Tensor
    """0 where plates may or may not be (too small, mostly cut), else 1; ``(N, 1, h, w)``."""


def encode_targets(boxes: Tensor, kinds: Tensor, rows: int, columns: int) -> DenseTargets:
    """Draw the plates of a batch on the grid.

    Args:
        boxes: ``x1, y1, x2, y2`` in pixels of the input, shape ``(N, M, 4)``.
        kinds: 1 a plate, -1 a place to leave out of the loss, 0 an empty slot; ``(N, M)``.
        rows: Rows of the grid.
        columns: Columns of the grid.
    """
    cells = boxes.float() / CELL
    centre = (cells[..., :2] + cells[..., 2:]) / 2
    size = (cells[..., 2:] - cells[..., :2]).clamp(min=1e-3)
    x = torch.arange(columns, dtype=torch.float32, device=boxes.device) + 0.5
    y = torch.arange(rows, dtype=torch.float32, device=boxes.device) + 0.5
    # Distance of every cell to the cell that holds the centre: exactly 0 at that cell.
    home = centre.floor() + 0.5
    dx = x[None, None, None, :] - home[..., 0, None, None]
    dy = y[None, None, :, None] - home[..., 1, None, None]
    heat = _gaussian(dx, dy, size) * (kinds == 1)[..., None, None]
    near = (dx.abs() < 1.5) & (dy.abs() < 1.5) & (kinds == 1)[..., None, None]
    owner = torch.where(near, dx**2 + dy**2, torch.inf).min(dim=1).indices
    taken = cells.gather(1, owner.flatten(1)[..., None].expand(-1, -1, 4))
    return DenseTargets(
        heat.amax(dim=1, keepdim=True),
        taken.transpose(1, 2).reshape(len(boxes), 4, rows, columns),
        near.any(dim=1),
        1.0 - _covered(x, y, cells, kinds == -1),
    )


def heat_loss(logits: Tensor, targets: DenseTargets) -> Tensor:
    """Penalty-reduced focal loss a plate, a scalar."""
    logits = logits.float()
    probability = torch.sigmoid(logits)
    is_centre = targets.heat > 0.999
    hit = functional.logsigmoid(logits) * (1 - probability) ** FOCAL_POWER
    miss = functional.logsigmoid(-logits) * probability**FOCAL_POWER
    miss = miss * (1 - targets.heat) ** REDUCTION_POWER
    total = -(torch.where(is_centre, hit, miss) * targets.counted).sum()
    return total / is_centre.sum().clamp(min=1)


def box_loss(boxes: Tensor, targets: DenseTargets, giou_weight: float = 1.0) -> Tensor:
    """GIoU and edge distance over the positive cells, a scalar; 0 in a batch without plates."""
    predicted = boxes.permute(0, 2, 3, 1)[targets.positive]
    wanted = targets.boxes.permute(0, 2, 3, 1)[targets.positive]
    if not len(wanted):
        return boxes.sum() * 0.0
    side = (wanted[:, 2:] - wanted[:, :2]).clamp(min=0.5).repeat(1, 2)
    edges = functional.smooth_l1_loss(predicted / side, wanted / side, beta=0.05)
    overlap = (1 - generalised_iou(predicted, wanted)).mean()
    return giou_weight * overlap + EDGE_WEIGHT * 4 * edges


def dense_loss(
    grid: GridOutput, targets: DenseTargets, giou_weight: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Losses of the heat map and of the boxes, two scalars."""
    return heat_loss(grid.heat_logits, targets), box_loss(grid.boxes, targets, giou_weight)


def teacher_loss(grid: GridOutput, teacher: GridOutput) -> Tensor:
    """Distance from what a trained detector says of the same images, a scalar.

    Cross-entropy with its heat map and edge distance, in cells, from its boxes, both over as many
    cells as it is sure of (distillation, arXiv:1503.02531).
    """
    sure = torch.sigmoid(teacher.heat_logits.float())
    cells = sure.sum().clamp(min=1)
    heat = functional.binary_cross_entropy_with_logits(
        grid.heat_logits.float(), sure, reduction="sum"
    )
    edges = (sure * (grid.boxes - teacher.boxes).abs()).sum() / 4
    return (heat + edges) / cells


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """GIoU (arXiv:1902.09630) of paired boxes ``(P, 4)``, shape ``(P,)``, −1 to 1."""
    inner = torch.minimum(first[:, 2:], second[:, 2:]) - torch.maximum(first[:, :2], second[:, :2])
    outer = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    shared = inner.clamp(min=0).prod(dim=1)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=0).prod(dim=1) for box in (first, second)]
    union = (areas[0] + areas[1] - shared).clamp(min=1e-6)
    hull = outer.clamp(min=0).prod(dim=1).clamp(min=1e-6)
    return shared / union - (hull - union) / hull


def _gaussian(dx: Tensor, dy: Tensor, size: Tensor) -> Tensor:
    sigma = (size * SIGMA_SHARE).clamp(min=MIN_SIGMA_CELLS)[..., None, None]
    return torch.exp(
        -(dx**2) / (2 * sigma[..., 0, :, :] ** 2) - dy**2 / (2 * sigma[..., 1, :, :] ** 2)
    )


def _covered(x: Tensor, y: Tensor, cells: Tensor, chosen: Tensor) -> Tensor:
    """1 where a chosen box, one cell wider all around, covers a cell; shape ``(N, 1, h, w)``."""
    low, high = cells[..., :2] - 1, cells[..., 2:] + 1
    inside_x = (x >= low[..., :1]) & (x <= high[..., :1])
    inside_y = (y >= low[..., 1:]) & (y <= high[..., 1:])
    inside = inside_y[..., :, None] & inside_x[..., None, :] & chosen[..., None, None]
    return inside.any(dim=1, keepdim=True).float()
