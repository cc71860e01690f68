import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


finite = st.floats(-1e6, 1e6)
any_box = st.tuples(finite, finite, finite, finite).map(lambda box: order_corners(np.array(box)))


@given(any_box, any_box)
def test_overlap_is_a_share_and_has_no_order(first, second):
    overlap = float(box_iou(first, second))
    assert 0 <= overlap <= 1
    assert overlap == pytest.approx(float(box_iou(second, first)))
    if box_areas(first) > 0:
        assert float(box_iou(first, first)) == pytest.approx(1)


@given(any_box, st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_clipped_box_lies_inside_both(box, width, height):
    x1, y1, x2, y2 = clip_boxes(box, width, height)
    assert 0 <= x1 <= x2 <= width
    assert 0 <= y1 <= y2 <= height
    assert box_areas(np.array([x1, y1, x2, y2])) <= box_areas(box) * (1 + 1e-9)
    np.testing.assert_array_equal(
        clip_boxes(np.array([x1, y1, x2, y2]), width, height), [x1, y1, x2, y2]
    )


@given(any_box, st.floats(0.1, 10), st.floats(0.1, 10))
def test_scaling_about_the_centre_can_be_undone(box, across, down):
    scaled = scale_about_centre(box, across, down)
    np.testing.assert_allclose(scaled[:2] + scaled[2:], box[:2] + box[2:], atol=1e-6)
    np.testing.assert_allclose(scale_about_centre(scaled, 1 / across, 1 / down), box, atol=1e-5)


@given(st.lists(st.tuples(any_box, st.floats(0, 1)), max_size=12), st.floats(0, 0.9))
def test_suppression_keeps_the_best_and_no_two_that_overlap(candidates, max_iou):
    boxes = np.array([box for box, _ in candidates]).reshape(-1, 4)
    scores = np.array([score for _, score in candidates])
    kept = suppress_overlaps(boxes, scores, max_iou)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for place, index in enumerate(kept):
        assert (box_iou(boxes[kept[:place]], boxes[index]) <= max_iou).all()
    for index in set(range(len(boxes))) - set(kept.tolist()):
        better = kept[scores[kept] >= scores[index]]
        assert (box_iou(boxes[better], boxes[index]) > max_iou).any()
