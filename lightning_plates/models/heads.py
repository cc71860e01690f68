"""The part that turns features into one box."""

from __future__ import annotations

from torch import nn

HIDDEN_UNITS = (128, 64, 64)
"""Widths of the hidden layers, as in the thesis."""


def box_head(features: int) -> nn.Sequential:
    """Three hidden layers and a sigmoid: features → ``x1, y1, x2, y2`` in 0–1 of the input.

    Args:
        features: Number of values that the backbone gives for one image. They are flattened in
            the order channels, rows, columns.

    Returns:
        A module from ``(N, C, h, w)`` to ``(N, 4)``.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in zip((features, *HIDDEN_UNITS), HIDDEN_UNITS, strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(HIDDEN_UNITS[-1], 4), nn.Sigmoid())
