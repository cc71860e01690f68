import numpy as np
import pytest

from lightning_plates.boxes import (
    box_areas,
    box_iou,
    clip_boxes,
    order_corners,
    scale_about_centre,
    suppress_overlaps,
)


def boxes(*rows):
    return np.array(rows, dtype=np.float64)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 15, 10), 50 / 150),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),
        ((0, 0, 10, 10), (2, 2, 4, 4), 4 / 100),
        ((0, 0, 0.1, 0.1), (0, 0, 0.1, 0.05), 0.5),  # of the image, as models answer
        ((3, 3, 3, 3), (3, 3, 3, 3), 0.0),
        ((10, 10, 0, 0), (0, 0, 10, 10), 0.0),
    ],
)
def test_iou_of_known_pairs(first, second, expected):
    assert box_iou(boxes(first), boxes(second)) == pytest.approx([expected])


def test_iou_broadcasts_to_a_matrix():
    a = boxes((0, 0, 2, 2), (0, 0, 4, 4))
    b = boxes((0, 0, 2, 2), (2, 2, 4, 4), (9, 9, 10, 10))
    assert box_iou(a[:, None], b[None]) == pytest.approx(np.array([[1, 0, 0], [0.25, 0.25, 0]]))


def test_areas_of_inverted_boxes_are_zero():
    assert box_areas(boxes((0, 0, 3, 2), (3, 2, 0, 0))).tolist() == [6, 0]


def test_clip_and_order_return_new_arrays():
    original = boxes((20, -5, -3, 7))
    ordered = order_corners(original)
    assert ordered.tolist() == [[-3, -5, 20, 7]]
    assert clip_boxes(ordered, 10, 6).tolist() == [[0, 0, 10, 6]]
    assert original.tolist() == [[20, -5, -3, 7]]


def test_scaling_keeps_the_centre():
    assert scale_about_centre(boxes((10, 10, 20, 14)), 2.0, 1.5).tolist() == [[5, 9, 25, 15]]


def test_suppression_keeps_the_better_of_two_and_the_far_one():
    candidates = boxes((0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60))
    kept = suppress_overlaps(candidates, np.array([0.6, 0.9, 0.5]), max_iou=0.4)
    assert kept.tolist() == [1, 2]


def test_boxes_that_overlap_by_just_the_limit_both_stay():
    halves = boxes((0, 0, 10, 10), (0, 0, 10, 5))
    assert suppress_overlaps(halves, np.array([0.9, 0.8]), max_iou=0.5).tolist() == [0, 1]


def test_suppression_of_nothing():
    assert suppress_overlaps(np.empty((0, 4)), np.empty(0), 0.4).size == 0
