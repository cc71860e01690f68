"""Measures against values worked out by hand."""

import pytest
import torch

from lightning_plates.models.evaluation import EvaluatedBatch, keras_accuracy, measure_boxes


def test_boxes_are_measured_in_pixels():
    true = torch.tensor([[0.0, 0.0, 40.0, 20.0]] * 3)
    predicted = torch.tensor(
        [[0.0, 0.0, 40.0, 20.0], [20.0, 0.0, 60.0, 20.0], [46.0, 28.0, 6.0, 8.0]]
    )
    quality = measure_boxes(EvaluatedBatch(torch.arange(3), predicted, true))
    # The third has swapped corners: 6–46 by 8–28 overlaps 34 × 12 of 800 each.
    assert quality.iou == pytest.approx([1, 1 / 3, 408 / (1600 - 408)])
    assert quality.centre_error_px == pytest.approx([0, 20, 10])
    assert quality.summary()["iou50"] == pytest.approx(1 / 3)


def test_keras_accuracy_compares_the_largest_coordinate():
    true = torch.tensor([[0.1, 0.2, 0.9, 0.3], [0.1, 0.2, 0.3, 0.9]])
    predicted = torch.tensor([[0.0, 0.0, 0.2, 0.1], [0.0, 0.0, 0.2, 0.1]])
    assert keras_accuracy(predicted, true) == 0.5
