from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

pytest.importorskip("pycocotools", reason="the extra 'evaluate' is not installed")

from lightning_plates.bench.average_precision import average_precision
from lightning_plates.bench.finder_accuracy import FinderAnswer
from lightning_plates.boxes import Detection
from lightning_plates.data.annotations.record import BoxRecord, PhotoRecord


def answer(labels, plates, weaker=()):
    photo = PhotoRecord("a.jpg", 1000, 1000, tuple(BoxRecord(*box) for box in labels))
    found = tuple(Detection(box, score) for box, score in plates)
    return FinderAnswer(photo, found, tuple(Detection(box, score) for box, score in weaker))


LARGE, SMALL = (100.0, 100.0, 300.0, 200.0), (500.0, 500.0, 520.0, 510.0)


def test_perfect_boxes_are_worth_one_by_size():
    result = average_precision([answer([LARGE, SMALL], [(LARGE, 0.9), (SMALL, 0.8)])])
    assert (result.ap, result.ap50, result.ap75) == pytest.approx((1, 1, 1))
    assert (result.ap_small, result.ap_medium, result.ap_large) == (
        pytest.approx(1), None, pytest.approx(1)
    )  # fmt: skip


def test_a_box_of_iou_0_81_passes_seven_of_ten_thresholds():
    shorter = (100.0, 100.0, 262.0, 200.0)
    result = average_precision([answer([LARGE], [(shorter, 0.9)])])
    assert result.ap == pytest.approx(0.7)  # 0.50, 0.55 … 0.80
    assert (result.ap50, result.ap75) == pytest.approx((1, 1))


def test_boxes_below_the_threshold_and_photos_without_plates_count():
    plain = answer([LARGE], [], weaker=[(LARGE, 0.1)])
    assert average_precision([plain]).ap50 == pytest.approx(1)
    # A surer box where no plate is comes first: precision 1/2 at every recall.
    alarm = answer([], [((0.0, 0.0, 50.0, 50.0), 0.9)])
    assert average_precision([plain, alarm]).ap50 == pytest.approx(0.5)


def test_a_missed_plate_halves_the_recall():
    result = average_precision([answer([LARGE], [(LARGE, 0.9)]), answer([LARGE], [])])
    # COCO reads precision at 101 recalls: 0, 0.01 … 0.5 are reached.
    assert result.ap50 == pytest.approx(51 / 101)


def test_nothing_found_is_zero_and_nothing_labelled_is_no_figure():
    assert average_precision([answer([LARGE], [])]).ap == 0
    assert average_precision([answer([], [(LARGE, 0.9)])]).ap is None


def test_boxes_without_a_score_are_equally_sure(capsys):
    assert average_precision([answer([LARGE], [(LARGE, None)])]).ap == pytest.approx(1)
    assert capsys.readouterr().out == ""


numbers = st.integers(0, 900)


@st.composite
def answers(draw):
    """Photos with plates of 60 × 30 pixels, some of them found, and false alarms."""

    def boxes():
        corners = draw(st.lists(st.tuples(numbers, numbers), max_size=3, unique=True))
        return [(float(x), float(y), x + 60.0, y + 30.0) for x, y in corners]

    def one():
        labels = boxes()
        found = [box for box in labels if draw(st.booleans())] + boxes()
        return answer(labels, [(box, draw(st.floats(0.05, 1))) for box in found])

    made = [one() for _ in range(draw(st.integers(1, 4)))]
    assume(any(each.photo.boxes for each in made))
    return made


few_examples = settings(max_examples=25, deadline=None)


@few_examples
@given(answers())
def test_precision_is_a_share_and_stricter_thresholds_give_no_more(made):
    result = average_precision(made)
    ap, ap50, ap75 = result.ap, result.ap50, result.ap75
    assert 0 <= ap75 <= ap50 + 1e-9
    assert 0 <= ap <= ap50 + 1e-9
    assert ap50 <= 1 + 1e-9


@few_examples
@given(answers(), st.floats(0.1, 1))
def test_only_the_order_of_scores_counts(made, factor):
    def scaled(each):
        plates = tuple(replace(p, confidence=p.confidence * factor) for p in each.plates)
        return replace(each, plates=plates)

    before, after = average_precision(made), average_precision([scaled(each) for each in made])
    assert before.ap == pytest.approx(after.ap)


@few_examples
@given(answers())
def test_a_weak_false_alarm_and_an_empty_photo_change_nothing_at_the_top(made):
    before = average_precision(made)
    alarm = answer([], [((0.0, 0.0, 60.0, 30.0), 0.01)])
    # The alarm comes after everything that was found.
    assert average_precision([*made, alarm, answer([], [])]).ap50 == pytest.approx(before.ap50)


@few_examples
@given(answers())
def test_finding_every_plate_surest_is_worth_one(made):
    perfect = [
        replace(
            each,
            plates=(*(Detection(box.xyxy, 1.0) for box in each.photo.boxes),),
            weaker=tuple(replace(p, confidence=p.confidence / 2) for p in each.plates),
        )
        for each in made
    ]
    assert average_precision(perfect).ap == pytest.approx(1)
