import numpy as np
import pytest

from conversion.int8.entropy import BINS, best_range


def histogram(values):
    limit = np.abs(values).max()
    counts, edges = np.histogram(values, BINS, range=(-limit, limit))
    return counts, edges, float(values.min()), float(values.max())


def test_a_lone_outlier_does_not_stretch_the_range():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 200_000), [40.0]])
    low, high = best_range(*histogram(values))
    assert 3 < high < 20
    assert low == pytest.approx(values.min(), rel=0.01) or -20 < low < -3


def test_what_is_spread_evenly_is_not_cut():
    values = np.random.default_rng(0).uniform(0, 6, 100_000)
    low, high = best_range(*histogram(values))
    assert low == 0
    assert high > 5.9


def test_both_sides_of_zero_are_kept_within_what_was_seen():
    values = np.random.default_rng(0).uniform(-1, 4, 100_000)
    low, high = best_range(*histogram(values))
    assert low == pytest.approx(values.min())
    assert high > 3.9


def test_the_zeros_behind_a_relu_do_not_hide_what_is_strong():
    rng = np.random.default_rng(0)
    strong = rng.uniform(0, 6, 10_000)
    low, high = best_range(*histogram(np.concatenate([np.zeros(1_000_000), strong])))
    assert low == 0
    assert high > 5.9
