import math

import pytest
import torch

from lightning_plates.models.dense_head import CELL, GridOutput
from lightning_plates.models.dense_losses import (
    DenseTargets,
    box_loss,
    dense_loss,
    encode_targets,
    generalised_iou,
    heat_loss,
)

ROWS, COLUMNS = 8, 10
PLATE = torch.tensor([24.0, 24.0, 56.0, 40.0])  # centre (40, 32): cell x 5, y 4


def _targets(boxes, kinds):
    return encode_targets(torch.stack(boxes)[None], torch.tensor([kinds]), ROWS, COLUMNS)


def test_heat_is_one_at_the_cell_of_the_centre_and_falls_off():
    heat = _targets([PLATE], [1]).heat[0, 0]
    assert heat[4, 5] == 1.0
    assert (heat == 1.0).sum() == 1
    assert 0 < heat[4, 6] < 1
    assert heat[4, 6] > heat[5, 5]  # the plate is wider than high
    assert heat[0, 0] < 1e-6


def test_boxes_are_asked_of_the_nine_cells_around_the_centre():
    targets = _targets([PLATE], [1])
    assert targets.positive[0].sum() == 9
    assert targets.positive[0, 3:6, 4:7].all()
    assert targets.boxes[0, :, 3, 6].tolist() == (PLATE / CELL).tolist()


def test_cells_between_two_plates_belong_to_the_nearer_one():
    right = PLATE + torch.tensor([16.0, 0.0, 16.0, 0.0])  # centre in cell x 7
    targets = _targets([PLATE, right], [1, 1])
    assert targets.boxes[0, 0, 4, 5] == PLATE[0] / CELL
    assert targets.boxes[0, 0, 4, 7] == right[0] / CELL
    assert targets.positive[0].sum() == 15


def test_a_cell_between_two_plates_asks_for_the_nearer_whichever_comes_first():
    right = PLATE + torch.tensor([16.0, 0.0, 16.0, 0.0])  # centre two cells to the right
    below = PLATE + torch.tensor([0.0, 8.0, 0.0, 8.0])  # centre one cell below
    for plates in ([PLATE, right, below], [below, right, PLATE], [right, below, PLATE]):
        boxes = _targets(plates, [1, 1, 1]).boxes[0]
        assert boxes[:, 4, 5].tolist() == (PLATE / CELL).tolist()
        assert boxes[:, 4, 7].tolist() == (right / CELL).tolist()
        assert boxes[:, 5, 5].tolist() == (below / CELL).tolist()
        assert boxes[:, 3, 4].tolist() == (PLATE / CELL).tolist()
        assert boxes[:, 6, 5].tolist() == (below / CELL).tolist()


def test_the_heat_loss_is_that_of_the_paper():
    # One row of four cells: a centre, its surroundings at 0.8 and 0.3, and background.
    heat = torch.tensor([1.0, 0.8, 0.3, 0.0]).reshape(1, 1, 1, 4)
    probability = torch.tensor([0.6, 0.7, 0.2, 0.1], dtype=torch.float64)
    targets = DenseTargets(heat, torch.zeros(1, 4, 1, 4), heat[:, 0] == 1, torch.ones_like(heat))
    p = probability.tolist()
    # Penalty-reduced focal loss, arXiv:1904.07850, equation 1: alpha 2, beta 4, one centre.
    expected = -(
        (1 - p[0]) ** 2 * math.log(p[0])
        + (1 - 0.8) ** 4 * p[1] ** 2 * math.log(1 - p[1])
        + (1 - 0.3) ** 4 * p[2] ** 2 * math.log(1 - p[2])
        + p[3] ** 2 * math.log(1 - p[3])
    )
    logits = torch.logit(probability).reshape(heat.shape)
    assert float(heat_loss(logits, targets)) == pytest.approx(expected, rel=1e-5)


def test_empty_slots_and_uncounted_plates_are_not_asked_for():
    targets = _targets([PLATE, torch.zeros(4)], [-1, 0])
    assert targets.heat.max() == 0
    assert not targets.positive.any()
    assert targets.counted[0, 0, 4, 5] == 0
    assert targets.counted[0, 0, 0, 9] == 1


def test_uncounted_plates_cost_nothing():
    targets = _targets([PLATE], [-1])
    logits = torch.full((1, 1, ROWS, COLUMNS), -20.0)
    logits[0, 0, 4, 5] = 20.0
    assert heat_loss(logits, targets) == pytest.approx(0.0, abs=1e-4)


def test_a_perfect_answer_costs_nothing_and_a_missed_plate_much():
    targets = _targets([PLATE], [1])
    logits = torch.where(targets.heat == 1.0, 20.0, -20.0)
    heat, box = dense_loss(GridOutput(logits, targets.boxes), targets)
    assert heat == pytest.approx(0.0, abs=1e-4)
    assert box == pytest.approx(0.0, abs=1e-4)
    assert heat_loss(torch.full_like(logits, -20.0), targets) > 10


def test_a_batch_without_plates_has_a_box_loss_of_zero_that_can_be_differentiated():
    boxes = torch.rand(1, 4, ROWS, COLUMNS, requires_grad=True)
    loss = box_loss(boxes, _targets([torch.zeros(4)], [0]))
    loss.backward()
    assert loss == 0
    assert boxes.grad is not None


def test_generalised_iou_of_known_boxes():
    one = torch.tensor([[0.0, 0.0, 2.0, 2.0]] * 3)
    other = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [4.0, 0.0, 6.0, 2.0]])
    # same; half overlap: 2/6 in a hull that the union fills; apart: −(12 − 8)/12
    assert generalised_iou(one, other).tolist() == pytest.approx([1.0, 1 / 3, -1 / 3])
