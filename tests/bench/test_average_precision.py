import pytest

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
