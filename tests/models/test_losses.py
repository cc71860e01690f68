"""Losses against values worked out by hand."""

import pytest
import torch

from lightning_plates.models.losses import LOSSES, SMOOTH_L1_BETA

BOX = torch.tensor([[0.0, 0.0, 0.4, 0.2]])
SHIFTED = torch.tensor([[0.2, 0.0, 0.6, 0.2]])
"""Half a width to the right: IoU 1/3, and the two fill their hull of 0.6 × 0.2."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", 2 * 0.2**2 / 4),
        ("smooth_l1", 2 * (0.2 - SMOOTH_L1_BETA / 2) / 4),
        ("giou", 1 - 1 / 3),
        # The squared centre distance over the hull's squared diagonal; aspects are equal.
        ("ciou", 1 - 1 / 3 + 0.2**2 / (0.6**2 + 0.2**2)),
    ],
)
def test_known_values(name, expected):
    assert LOSSES[name](SHIFTED, BOX).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_equal_boxes_cost_nothing_and_gradients_are_finite(name):
    assert LOSSES[name](BOX, BOX).item() == pytest.approx(0, abs=1e-5)
    inverted = torch.tensor([[0.7, 0.6, 0.3, 0.3]], requires_grad=True)
    LOSSES[name](inverted, BOX).backward()
    assert torch.isfinite(inverted.grad).all()
    assert inverted.grad.abs().sum() > 0
