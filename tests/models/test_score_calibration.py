import numpy as np
import pytest
import torch

from lightning_plates.errors import InputError
from lightning_plates.models.backbones import build_backbone
from lightning_plates.models.dense_head import attach_dense_head
from lightning_plates.models.score_calibration import (
    ScoreScaling,
    fit_scaling,
    match_candidates,
    scale_scores,
    to_logits,
)


def test_the_scaling_that_made_the_data_is_found_again():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(0.6 * logits + 0.8)))
    fitted = fit_scaling(1 / (1 + np.exp(-logits)), right)
    assert fitted.scale == pytest.approx(0.6, abs=0.03)
    assert fitted.shift == pytest.approx(0.8, abs=0.06)


def test_scores_that_separate_perfectly_still_give_a_finite_scaling():
    fitted = fit_scaling(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
    assert 0 < fitted.scale < 20


def test_only_right_candidates_cannot_be_calibrated():
    with pytest.raises(InputError, match="3 of 3 candidates"):
        fit_scaling(np.array([0.5, 0.6, 0.7]), np.ones(3, dtype=bool))


def test_a_plate_is_found_once():
    label = np.array([[0.0, 0.0, 10.0, 10.0]])
    boxes = np.array([[50.0, 0.0, 60.0, 10.0], [0.0, 0.0, 10.0, 9.0], [0.0, 0.0, 10.0, 10.0]])
    assert match_candidates(boxes, label).tolist() == [False, True, False]
    assert match_candidates(boxes, np.zeros((0, 4))).tolist() == [False] * 3


def test_the_scaled_network_answers_the_scaled_probability():
    torch.manual_seed(0)
    detector = attach_dense_head(build_backbone("mobilenet_v2"), "mobilenet_v2", 16).eval()
    image, scaling = torch.rand(1, 3, 64, 64), ScoreScaling(0.7, 1.5, 100)
    with torch.no_grad():
        before = detector(image).scores.double().numpy()
        scale_scores(detector, scaling)
        after = detector(image).scores.double().numpy()
    np.testing.assert_allclose(to_logits(after), 0.7 * to_logits(before) + 1.5, atol=1e-4)


def test_a_scaling_that_turns_the_order_round_is_refused():
    detector = attach_dense_head(build_backbone("mobilenet_v2"), "mobilenet_v2", 16)
    with pytest.raises(InputError, match="order"):
        scale_scores(detector, ScoreScaling(-0.1, 0.0, 5))
