"""Measures against values worked out by hand."""

import pytest
import torch

from lightning_plates.models.evaluation import (
    EvaluatedBatch,
    PhotoMeans,
    keras_accuracy,
    measure_boxes,
)


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


def test_means_count_photos_not_batches():
    means = PhotoMeans(["loss", "iou"])
    means.update({}, 0)
    assert means.compute() == {}
    means.update({"iou": 0.5, "loss": torch.tensor(2.0)}, 3)
    means.update({"iou": 1.0, "loss": torch.tensor(6.0)}, 1)
    assert {name: float(value) for name, value in means.compute().items()} == {
        "loss": 3.0,
        "iou": 0.625,
    }
    means.reset()
    means.update({"iou": 0.25, "loss": float("nan")}, 2)
    assert float(means.compute()["iou"]) == 0.25
    assert means.compute()["loss"].isnan()
