"""The part that turns features into one box."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

HeadName: TypeAlias = Literal["flatten", "soft_argmax"]
"""``flatten``: the thesis' dense layers over all features. ``soft_argmax``: the place of a heat
map's peak, and a box around it."""

HIDDEN_UNITS = (128, 64, 64)
"""Widths of the hidden layers, as in the thesis."""
SOFT_ARGMAX_CHANNELS = 128
"""Width of the soft-argmax head."""


def build_head(name: HeadName, features: tuple[int, int, int]) -> nn.Module:
    """Build a head: features ``(N, C, h, w)`` → ``x1, y1, x2, y2`` in 0–1 of the input, ``(N, 4)``.

    Args:
        name: Which.
        features: ``C, h, w``.
    """
    return SoftArgmaxHead(*features) if name == "soft_argmax" else flatten_head(math.prod(features))


def flatten_head(features: int) -> nn.Sequential:
    """Three hidden layers and a sigmoid, as in the thesis.

    Args:
        features: Number of values that the backbone gives for one image. They are flattened in
            the order channels, rows, columns.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in zip((features, *HIDDEN_UNITS), HIDDEN_UNITS, strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(HIDDEN_UNITS[-1], 4), nn.Sigmoid())


class SoftArgmaxHead(nn.Module):
    """The mean of the boxes that all cells propose, weighted by a softmax over their heat.

    A plate is recognised in the same way wherever it lies, which dense layers would have to learn
    for every place (soft-argmax: arXiv:1711.08229).

    Args:
        channels: Channels of the features.
        rows: Their height.
        columns: Their width.
    """

    cells: Tensor

    def __init__(self, channels: int, rows: int, columns: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(
            nn.Conv2d(channels, SOFT_ARGMAX_CHANNELS, 1),
            nn.ReLU(),
            nn.Conv2d(SOFT_ARGMAX_CHANNELS, SOFT_ARGMAX_CHANNELS, 3, padding=1),
            nn.ReLU(),
        )
        self.heat = nn.Conv2d(SOFT_ARGMAX_CHANNELS, 1, 1)
        self.reach = nn.Conv2d(SOFT_ARGMAX_CHANNELS, 4, 1)
        x = (torch.arange(columns) + 0.5) / columns
        y = (torch.arange(rows) + 0.5) / rows
        grid = torch.meshgrid(y, x, indexing="ij")
        cells = torch.stack([grid[1], grid[0]] * 2).flatten(1)
        self.register_buffer("cells", cells[None], persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Boxes ``(N, 4)`` in 0–1 of features ``(N, C, h, w)``."""
        shared = self.shared(features)
        weights = functional.softmax(self.heat(shared).flatten(2), dim=2)
        # From the cell's middle an edge moves a share of the way to that edge of the image.
        reach = torch.sigmoid(self.reach(shared)).flatten(2)
        low = self.cells[:, :2] * (1 - reach[:, :2])
        high = self.cells[:, 2:] + (1 - self.cells[:, 2:]) * reach[:, 2:]
        return (torch.cat([low, high], dim=1) * weights).sum(dim=2)
