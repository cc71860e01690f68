import pytest

from lightning_plates.agreement import Agreement, compare_answers
from lightning_plates.boxes import Detection
from lightning_plates.spec import ModelSpec

SCORED = ModelSpec("finder", 8, 8, task="detection")


def plate(box, confidence=None):
    return (Detection(box, confidence),)


def test_the_best_boxes_are_compared():
    ours = [plate((0, 0, 10, 10)), plate((0, 0, 10, 10))]
    theirs = [plate((5, 0, 15, 10)), plate((0, 0, 10, 10))]
    assert compare_answers(ours, theirs, SCORED) == Agreement(2, 2, pytest.approx(2 / 3), 0.0)


def test_two_that_find_nothing_agree_and_one_that_finds_alone_does_not():
    weak, strong = plate((0, 0, 1, 1), 0.2), plate((5, 5, 6, 6), 0.7)
    assert compare_answers([weak], [()], SCORED) == Agreement(1, 0, 1.0, 0.2)
    assert compare_answers([strong], [()], SCORED) == Agreement(1, 1, 0.0, 0.7)


def test_a_box_that_slips_below_the_threshold_is_still_compared():
    ours, theirs = plate((0, 0, 10, 10), 0.51), plate((0, 0, 10, 10), 0.49)
    assert compare_answers([ours], [theirs], SCORED) == Agreement(1, 1, 1.0, pytest.approx(0.02))


def test_an_empty_box_agrees_with_itself():
    assert (
        compare_answers([plate((3, 3, 3, 3))], [plate((3, 3, 3, 3))], SCORED).mean_likeness == 1.0
    )


def test_a_score_at_the_threshold_is_an_answer():
    at, apart = plate((0, 0, 10, 10), 0.5), plate((50, 50, 60, 60), 0.4)
    assert compare_answers([at], [apart], SCORED) == Agreement(1, 1, 0.0, pytest.approx(0.1))


def test_the_largest_difference_of_scores_is_told():
    ours = [plate((0, 0, 10, 10), score) for score in (0.9, 0.9, 0.9)]
    theirs = [plate((0, 0, 10, 10), score) for score in (0.9, 0.6, 0.8)]
    assert compare_answers(ours, theirs, SCORED).max_score_difference == pytest.approx(0.3)
