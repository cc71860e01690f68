import dataclasses

import numpy as np
import pytest

from lightning_plates.boxes import Detection, FitMargin
from lightning_plates.finding.refine import locate, locate_bare, window_around
from lightning_plates.spec import ModelSpec

SPEC = ModelSpec("fake", width=8, height=8, task="detection")


class Finder:
    """Answers the next boxes of a script, the surest first."""

    spec = SPEC
    surest, lowest = 0.9, 0.6

    def __init__(self, *answers):
        self.answers = list(answers)
        self.scores = [None] * len(answers)
        self.calls = 0

    def run(self, feeds):
        boxes, scores = self.answers[self.calls], self.scores[self.calls]
        if scores is None:
            scores = np.linspace(self.surest, self.lowest, len(boxes))
        self.calls += 1
        return {
            "boxes": np.array([boxes], dtype=np.float32).reshape(1, -1, 4),
            "scores": np.array([scores], dtype=np.float32),
        }


PHOTO = np.zeros((100, 200, 3), np.uint8)


def test_one_look_is_the_models_answer():
    (plate,) = locate(Finder([[0.4, 0.4, 0.5, 0.5]]), PHOTO, 1)
    assert plate.box == pytest.approx((80, 40, 100, 50), abs=1e-3)


@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
def test_a_look_counts_by_how_much_larger_it_sees(resize):
    finder = Finder([[0.375, 0.375, 0.5, 0.5]], [[0.375, 0.375, 0.625, 0.625]])
    finder.spec = dataclasses.replace(SPEC, resize=resize)
    (plate,) = locate(finder, np.zeros((128, 128, 3), np.uint8), 2)
    assert window_around((48, 48, 64, 64), 128, 128) == (28, 28, 84, 84)
    # Both looks fill the input: the second sees everything 128 / 56 times as large.
    mean = [(one * 56 + other * 128) / 184 for one, other in ((48, 49), (64, 63))]
    assert plate.box == pytest.approx((mean[0], mean[0], mean[1], mean[1]), abs=1e-3)


def test_a_third_look_counts_beside_both_before():
    boxes = [[0.4, 0.4, 0.6, 0.6]]
    finder = Finder([[0.4, 0.4, 0.5, 0.5]], boxes, boxes)
    photo = np.zeros((200, 200, 3), np.uint8)
    (twice,) = locate(finder, photo, 2)
    finder.calls = 0
    (plate,) = locate(finder, photo, 3)
    second, third = (window_around(box, 200, 200) for box in ((80, 80, 100, 100), twice.box))
    weights = [1.0, *(200 / (window[2] - window[0]) for window in (second, third))]
    lefts = [80.0, *(w[0] + 0.4 * (w[2] - w[0]) for w in (second, third))]
    assert plate.box[0] == pytest.approx(np.average(lefts, weights=weights), abs=1e-3)


def test_an_unsure_box_is_an_answer_if_the_second_look_is_sure():
    answers = [[0.1, 0.4, 0.2, 0.5], [0.7, 0.4, 0.8, 0.5]], [[0.4, 0.4, 0.6, 0.6]]
    spec = SPEC.with_options(score_threshold=0.7)  # the second box has 0.6
    finder = Finder(*answers, [[0.4, 0.4, 0.6, 0.6]])
    finder.spec = spec
    assert [len(locate(finder, PHOTO, 2)), finder.calls] == [2, 3]
    finder = Finder(*answers, [])
    finder.spec = spec
    assert [len(locate(finder, PHOTO, 2)), finder.calls] == [1, 3]
    finder = Finder(*answers)
    finder.spec, finder.lowest = spec, 0.3  # under half the threshold
    assert [len(locate(finder, PHOTO, 2)), finder.calls] == [1, 2]


def test_the_surest_box_gets_its_look_at_a_quarter_of_the_threshold():
    first = [[0.4, 0.4, 0.5, 0.5], [0.7, 0.4, 0.8, 0.5]]
    again = [[0.4, 0.4, 0.6, 0.6], [0.0, 0.0, 0.1, 0.1]]
    for surest, found, calls in ((0.31, 1, 2), (0.19, 0, 1)):
        finder = Finder(first, again)
        finder.spec = SPEC.with_options(score_threshold=0.8)
        finder.surest, finder.lowest = surest, 0.18
        finder.scores = [None, [0.9, 0.1]]
        assert [len(locate(finder, PHOTO, 2)), finder.calls] == [found, calls]
    # The second box, as unsure as the first, gets no look: it is not the surest.
    finder = Finder(first, again, again)
    finder.spec = SPEC.with_options(score_threshold=0.8)
    finder.scores = [[0.31, 0.30], [0.9, 0.1], [0.9, 0.1]]
    assert [len(locate(finder, PHOTO, 2)), finder.calls] == [1, 2]


@pytest.mark.parametrize("neighbour", [[0.0, 0.4, 0.1, 0.6], [0.4, 0.0, 0.6, 0.1]])
def test_a_surer_neighbour_in_the_window_is_another_plate(neighbour):
    first, again = [[0.4, 0.4, 0.5, 0.5]], [0.4, 0.4, 0.6, 0.6]
    photo = np.zeros((200, 200, 3), np.uint8)
    (alone,) = locate(Finder(first, [again]), photo, 2)
    (beside,) = locate(Finder(first, [neighbour, again]), photo, 2)
    assert beside.box == alone.box


def test_a_window_that_shows_nothing_is_not_looked_at_twice():
    finder = Finder([[0.4, 0.4, 0.5, 0.5]], [])
    assert len(locate(finder, PHOTO, 3)) == 1
    assert finder.calls == 2


def test_two_first_answers_that_lead_to_one_plate_are_one():
    spec = SPEC.with_options(score_threshold=0.5)
    finder = Finder(
        [[0.40, 0.4, 0.50, 0.5], [0.46, 0.4, 0.56, 0.5]],
        [[0.35, 0.4, 0.65, 0.6]],
        [[0.25, 0.4, 0.55, 0.6]],
    )
    finder.spec = spec
    assert len(locate(finder, PHOTO, 2)) == 1
    assert finder.calls == 3


def test_each_of_several_plates_gets_its_own_second_look():
    finder = Finder([[0.1, 0.4, 0.2, 0.5], [0.7, 0.4, 0.8, 0.5]], *[[[0.4, 0.4, 0.6, 0.6]]] * 2)
    first, second = locate(finder, PHOTO, 2)
    assert first.box[2] < 60 < 130 < second.box[0]
    assert finder.calls == 3


def test_what_the_second_look_does_not_see_is_kept():
    finder = Finder([[0.4, 0.4, 0.5, 0.5]], [])
    assert locate(finder, PHOTO, 2)[0].box == pytest.approx((80, 40, 100, 50), abs=1e-3)


def test_a_neighbour_does_not_take_the_plates_place():
    finder = Finder([[0.4, 0.4, 0.5, 0.5]], [[0.0, 0.0, 0.1, 0.1], [0.4, 0.4, 0.6, 0.6]])
    (plate,) = locate(finder, PHOTO, 2)
    assert isinstance(plate, Detection)
    assert plate.box[0] < 90 < plate.box[2]


def test_no_plate_is_no_answer():
    assert locate(Finder([]), PHOTO, 2) == ()


def test_the_window_stays_inside_the_photo():
    assert window_around((0, 0, 10, 10), 200, 100) == (0, 0, 29, 29)
    assert window_around((190, 90, 260, 120), 200, 100) == (102, 0, 200, 100)


def test_a_margin_is_applied_once_and_after_the_last_look():
    answers = [[[0.4, 0.4, 0.5, 0.5]], [[0.4, 0.4, 0.6, 0.6]]]
    (bare,) = locate(Finder(*answers), PHOTO, 2)
    finder = Finder(*answers)
    finder.spec = SPEC.with_options(margin=FitMargin(1.5, 2.0, shift_x=0.1))
    (plate,) = locate(finder, PHOTO, 2)
    x1, y1, x2, y2 = bare.box
    width, height = x2 - x1, y2 - y1
    # The same window was looked at: only the last answer is scaled.
    wide = (x1 - 0.15 * width, y1 - 0.5 * height, x2 + 0.35 * width, y2 + 0.5 * height)
    assert plate.box == pytest.approx(wide, abs=1e-3)


def test_weaker_boxes_are_given_apart_as_the_first_look_saw_them():
    finder = Finder([[0.1, 0.4, 0.2, 0.5], [0.7, 0.4, 0.8, 0.5]], [[0.4, 0.4, 0.6, 0.6]], [])
    finder.spec = SPEC.with_options(score_threshold=0.7)  # the second one has 0.6
    answer = locate_bare(finder, PHOTO, 2, lowest_score=0.1)
    assert [len(answer.plates), len(answer.weaker), finder.calls] == [1, 1, 3]
    assert answer.weaker[0].box == pytest.approx((140, 40, 160, 50), abs=1e-3)
    finder.calls = 0
    assert locate_bare(finder, PHOTO, 1).weaker == ()


def test_a_look_that_confirms_the_box_is_the_last():
    first, photo = [[0.4, 0.4, 0.6, 0.6]], np.zeros((128, 128, 3), np.uint8)  # 51.2 to 76.8
    left, _, right, _ = window_around((51.2, 51.2, 76.8, 76.8), 128, 128)
    for edge, calls in ((0.72, 2), (0.68, 3)):  # of the box's side: what the second look sees
        low, high = ((64 + s * 12.8 * edge**0.5 - left) / (right - left) for s in (-1, 1))
        again = [[low, low, high, high]]
        finder = Finder(first, again, again)
        assert [len(locate(finder, photo, 3)), finder.calls] == [1, calls]


LARGE = [[0.1, 0.1, 0.7, 0.4]]  # 120 of 200 pixels wide


def test_a_plate_that_fills_the_photo_is_looked_at_from_further_away():
    # The photo shrinks to 8 x 4 pixels on a canvas of 18 x 10, from (5, 3) on.
    finder = Finder(LARGE, [[6 / 18, 0.4, 12 / 18, 0.6]])
    (plate,) = locate(finder, PHOTO, 2)
    assert plate.box == pytest.approx((25, 25, 175, 75), abs=1e-3)
    assert finder.calls == 2
    (cut,) = locate(Finder(LARGE, [[0.0, 0.0, 1.0, 1.0]]), PHOTO, 2)
    assert cut.box == (0, 0, 200, 100)
    finder.calls = 0
    (first,) = locate(finder, PHOTO, 1)
    assert first.box == pytest.approx((20, 10, 140, 40), abs=1e-3)
    assert finder.calls == 1


def test_what_is_seen_from_further_away_beside_the_photo_is_no_plate():
    beside = [0.0, 0.0, 3 / 18, 0.2]
    finder = Finder(LARGE, [beside, [6 / 18, 0.4, 12 / 18, 0.6]])
    assert len(locate(finder, PHOTO, 2)) == 1


def test_a_large_plate_that_is_not_seen_from_further_away_is_looked_at_as_any():
    finder = Finder(LARGE, [], [])
    (plate,) = locate(finder, PHOTO, 2)
    assert plate.box == pytest.approx((20, 10, 140, 40), abs=1e-3)
    assert finder.calls == 3
    finder = Finder([[0.1, 0.1, 0.59, 0.4]], [])  # 98 pixels wide: not large
    assert [len(locate(finder, PHOTO, 2)), finder.calls] == [1, 2]


def test_each_side_of_a_plate_seen_from_further_away_has_its_own_scale():
    # 200 x 90 pixels shrink to 8 x 4 on a canvas of 18 x 10, from (5, 3) on: 25 and 22.5 to one.
    finder = Finder(LARGE, [[6 / 18, 0.4, 12 / 18, 0.6]])
    (plate,) = locate(finder, np.zeros((90, 200, 3), np.uint8), 2)
    assert plate.box == pytest.approx((25, 22.5, 175, 67.5), abs=1e-3)


def test_what_lies_around_a_photo_seen_from_further_away_is_padding():
    finder, seen = Finder(LARGE, [], []), []
    answer = finder.run
    finder.run = lambda feeds: seen.append(feeds["image"]) or answer(feeds)
    locate(finder, PHOTO, 2)
    corner, below = seen[1][0, :, 0, 0], seen[1][0, :, -1, -1]
    assert corner.tolist() == below.tolist() != seen[0][0, :, 0, 0].tolist()


def test_the_score_is_that_of_the_first_look_and_orders_the_plates():
    boxes = [[0.1, 0.4, 0.2, 0.5], [0.7, 0.4, 0.8, 0.5]]
    finder = Finder(boxes, *[[[0.4, 0.4, 0.6, 0.6]]] * 2)
    finder.scores = [[0.9, 0.8], [0.5], [0.99]]  # a window shows the second one better
    assert [plate.confidence for plate in locate(finder, PHOTO, 2)] == pytest.approx([0.9, 0.8])


def test_a_plate_that_only_a_further_look_was_sure_of_keeps_its_low_score_and_comes_last():
    finder = Finder([[0.1, 0.4, 0.2, 0.5], [0.7, 0.4, 0.8, 0.5]], *[[[0.4, 0.4, 0.6, 0.6]]] * 2)
    finder.spec = SPEC.with_options(score_threshold=0.6)
    finder.scores = [[0.7, 0.4], [0.65], [0.99]]
    assert [plate.confidence for plate in locate(finder, PHOTO, 2)] == pytest.approx([0.7, 0.4])
