import pytest

from lightning_plates.cli.evaluate_finder import score_photo, wilson_interval
from lightning_plates.data.annotations.record import BoxRecord, PhotoRecord
from lightning_plates.results import Detection

PHOTO = PhotoRecord("a.jpg", 100, 100, (BoxRecord(0, 0, 10, 10), BoxRecord(50, 50, 70, 60)))


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
    assert score.confidence is None


def test_wilson_interval_against_published_values():
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)
