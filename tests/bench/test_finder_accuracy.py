import pytest

from lightning_plates.bench.finder_accuracy import (
    FinderAnswer,
    count_false_alarms,
    score_photo,
    wilson_interval,
)
from lightning_plates.boxes import Detection, FitMargin
from lightning_plates.data.annotations.record import BoxRecord, PhotoRecord

PHOTO = PhotoRecord("a.jpg", 100, 100, (BoxRecord(0, 0, 10, 10), BoxRecord(50, 50, 70, 60)))
EMPTY = PhotoRecord("b.jpg", 100, 100, ())


def test_the_first_answer_is_compared_with_the_plate_it_overlaps_most():
    found = (Detection((50, 50, 60, 60), 0.9), Detection((0, 0, 10, 10), 0.8))
    score = score_photo(PHOTO, found)
    assert score.box.iou == pytest.approx(0.5)
    assert score.box.label == (50, 50, 70, 60)
    assert score.box.centre_error_px == pytest.approx(5.0)
    assert score.confidence == 0.9


def test_nothing_found_scores_zero():
    score = score_photo(PHOTO, ())
    assert score.box.iou == 0
    assert (score.confidence, score.found) == (None, False)


def test_an_answer_without_a_score_is_found_all_the_same():
    assert score_photo(PHOTO, (Detection((0, 0, 10, 10), None),)).found


def test_a_margin_moves_strong_and_weak_boxes():
    answer = FinderAnswer(
        PHOTO, (Detection((50, 50, 60, 60), 0.9),), (Detection((95, 20, 99, 24), 0.1),)
    )
    moved = answer.with_margin(FitMargin(2.0, 1.0))
    assert moved.plates[0].box == pytest.approx((45, 50, 65, 60))
    assert moved.weaker[0].box == pytest.approx((93, 20, 100, 24))  # cut at the edge
    assert answer.with_margin(None) == answer


def test_false_alarms_are_counted_in_photos_without_plates_alone():
    seen = (Detection((0, 0, 5, 5), 0.9), Detection((20, 0, 25, 5), 0.6))
    answers = [
        FinderAnswer(PHOTO, seen, ()),
        FinderAnswer(EMPTY, seen, ()),
        FinderAnswer(EMPTY, (), seen),
        FinderAnswer(EMPTY, seen[:1], ()),
    ]
    alarms = count_false_alarms(answers)
    assert (alarms.photos, alarms.alarmed, alarms.boxes) == (3, 2, 3)
    assert count_false_alarms(answers[:1]) is None


def test_wilson_interval_against_published_values():
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)
