"""What holds for any boxes; known answers are in ``test_boxes.py``."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lightning_plates.boxes import (
    box_areas,
    box_iou,
    clip_boxes,
    order_corners,
    scale_about_centre,
    suppress_overlaps,
)

numbers = st.floats(-1e4, 1e4, width=32).map(lambda value: round(value, 3))
any_box = arrays.arrays(np.float64, 4, elements=numbers)
several = st.integers(1, 12).flatmap(
    lambda count: arrays.arrays(np.float64, (count, 4), elements=numbers)
)
box = any_box.map(order_corners)


@given(any_box, any_box)
def test_iou_is_symmetric_and_a_share(first, second):
    iou = box_iou(first, second)
    assert 0 <= iou <= 1 + 1e-9
    assert iou == box_iou(second, first)


@given(box)
def test_a_box_that_is_not_empty_overlaps_itself_wholly(one):
    assert np.isclose(box_iou(one, one), 1.0 if box_areas(one) > 0 else 0.0)


@given(box, box, st.floats(0.01, 100), st.floats(-1000, 1000))
def test_iou_stays_when_both_are_scaled_and_moved(first, second, scale, shift):
    assume(min(box_areas(first), box_areas(second)) > 1)
    moved = box_iou(first * scale + shift, second * scale + shift)
    assert np.isclose(box_iou(first, second), moved, atol=1e-6)


@given(box, box)
def test_boxes_apart_do_not_overlap(first, second):
    second[[0, 2]] += first[2] - second[0]
    assert np.isclose(box_iou(first, second), 0.0, atol=1e-6)


@given(box, st.floats(0.1, 0.9))
def test_the_iou_with_a_part_is_its_share_of_the_area(one, share):
    part = one.copy()
    part[2] = one[0] + share * (one[2] - one[0])
    assume(box_areas(part) > 1)
    assert np.isclose(box_iou(one, part), box_areas(part) / box_areas(one))


@given(several, st.floats(1, 5000), st.floats(1, 5000))
def test_clipped_boxes_lie_inside_and_stay_when_clipped_again(boxes, width, height):
    clipped = clip_boxes(boxes, width, height)
    assert (clipped >= 0).all()
    assert (clipped[:, ::2] <= width).all()
    assert (clipped[:, 1::2] <= height).all()
    assert (clip_boxes(clipped, width, height) == clipped).all()
    assert (box_areas(clipped) <= box_areas(boxes) + 1e-6).all()


@given(several)
def test_ordered_boxes_have_positive_sides_and_the_same_numbers(boxes):
    ordered = order_corners(boxes)
    assert (ordered[:, 2:] >= ordered[:, :2]).all()
    assert (np.sort(ordered[:, ::2]) == np.sort(boxes[:, ::2])).all()
    assert (order_corners(ordered) == ordered).all()


@given(box, st.floats(0.1, 10), st.floats(0.1, 10))
def test_scaling_keeps_the_centre_and_multiplies_the_sides(one, x, y):
    scaled = scale_about_centre(one, x, y)
    assert np.allclose(scaled[:2] + scaled[2:], one[:2] + one[2:], atol=1e-3)
    assert np.allclose(scaled[2:] - scaled[:2], (one[2:] - one[:2]) * (x, y), atol=1e-3)
    assert np.allclose(scale_about_centre(scaled, 1 / x, 1 / y), one, atol=1e-2)


@st.composite
def scored(draw):
    boxes = order_corners(draw(several) / 100)
    scores = draw(arrays.arrays(np.float64, len(boxes), elements=st.floats(0, 1)))
    return boxes, scores, draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))


@given(scored())
def test_suppression_keeps_the_best_and_nothing_that_overlaps_it(case):
    boxes, scores, limit = case
    kept = suppress_overlaps(boxes, scores, limit)
    assert scores[kept[0]] == scores.max()
    assert (np.diff(scores[kept]) <= 0).all()
    overlap = box_iou(boxes[kept][:, None], boxes[kept][None])
    assert (overlap[~np.eye(len(kept), dtype=bool)] <= limit).all()


@given(scored())
def test_what_is_suppressed_overlaps_a_better_one_that_stays(case):
    boxes, scores, limit = case
    kept = set(suppress_overlaps(boxes, scores, limit).tolist())
    for dropped in set(range(len(boxes))) - kept:
        better = [one for one in kept if scores[one] >= scores[dropped]]
        assert max(box_iou(boxes[one], boxes[dropped]) for one in better) > limit


@given(scored())
def test_suppressing_twice_drops_nothing_more(case):
    boxes, scores, limit = case
    kept = suppress_overlaps(boxes, scores, limit)
    again = suppress_overlaps(boxes[kept], scores[kept], limit)
    assert again.tolist() == list(range(len(kept)))
