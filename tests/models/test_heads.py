"""Where the soft-argmax head sees a plate."""

import pytest
import torch
from torch import nn

from lightning_plates.models.heads import SoftArgmaxHead, build_head


@pytest.fixture
def head():
    """Heat is the first feature; every cell proposes the middle of its ways to the edges."""
    head = SoftArgmaxHead(1, 4, 8)
    for layer in head.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
    with torch.no_grad():
        first, second = head.shared[0], head.shared[2]
        first.weight[0, 0], second.weight[0, 0, 1, 1], head.heat.weight[0, 0] = 1, 1, 1
    return head


def test_the_box_lies_around_the_hottest_cell(head):
    features = torch.zeros(1, 1, 4, 8)
    features[0, 0, 1, 6] = 100
    x, y = 6.5 / 8, 1.5 / 4
    expected = torch.tensor([[x / 2, y / 2, (1 + x) / 2, (1 + y) / 2]])
    torch.testing.assert_close(head(features), expected)


def test_equal_heat_gives_the_mean_of_the_proposals(head):
    middle = torch.tensor([[0.25, 0.25, 0.75, 0.75]])
    torch.testing.assert_close(head(torch.zeros(1, 1, 4, 8)), middle)


def test_it_learns_to_follow_a_spot_to_places_it_has_not_seen():
    torch.manual_seed(0)
    head = build_head("soft_argmax", (2, 6, 6))
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-3)

    def spots(places):
        features = torch.zeros(len(places), 2, 6, 6)
        boxes = torch.zeros(len(places), 4)
        for i, (row, column) in enumerate(places):
            features[i, :, row, column] = 3
            boxes[i] = torch.tensor([column, row, column + 1, row + 1]) / 6
        return features, boxes

    everywhere = [(row, column) for row in range(1, 5) for column in range(1, 5)]
    seen, unseen = everywhere[::2], everywhere[1::2]
    features, boxes = spots(seen)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.mse_loss(head(features), boxes).backward()
        optimizer.step()
    features, boxes = spots(unseen)
    centres = [(b[:, :2] + b[:, 2:]) / 2 for b in (head(features).detach(), boxes)]
    assert (centres[0] - centres[1]).abs().max() < 1 / 12
