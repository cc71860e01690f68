import numpy as np
import pytest

from lightning_plates.bench.finder_accuracy import FinderAnswer
from lightning_plates.bench.fit_margin import MatchedBoxes, fit_margin, match_boxes
from lightning_plates.boxes import Detection, FitMargin, box_iou, move_by_margin
from lightning_plates.data.annotations.record import BoxRecord, PhotoRecord
from lightning_plates.errors import InputError

FRAMED = FitMargin(1.2, 1.5, shift_x=-0.05, shift_y=0.1)


def boxes(count, seed=0):
    rng = np.random.default_rng(seed)
    corner, sides = rng.uniform(0, 500, (count, 2)), rng.uniform(20, 200, (count, 2))
    return np.concatenate([corner, corner + sides], axis=1)


def test_the_convention_that_made_the_labels_is_found_again():
    found = boxes(9)
    fitted = fit_margin(MatchedBoxes(found, move_by_margin(found, FRAMED)))
    assert fitted == FRAMED


def test_a_third_of_wild_labels_does_not_matter():
    found, noise = boxes(60), np.random.default_rng(1).normal(1, 0.02, (60, 1))
    labels = move_by_margin(found, FRAMED) * noise
    labels[:20] = move_by_margin(found[:20], FitMargin(0.7, 2.5, 0.3, -0.4))
    moved = move_by_margin(found, fit_margin(MatchedBoxes(found, labels)))
    truth = move_by_margin(found, FRAMED)
    assert box_iou(moved, truth).min() > 0.85


def test_each_label_is_paired_with_the_box_that_overlaps_it_most():
    photo = PhotoRecord("a.jpg", 100, 100, (BoxRecord(0, 0, 20, 10), BoxRecord(60, 60, 80, 70)))
    near, same = Detection((0, 0, 20, 8), 0.9), Detection((0, 0, 20, 9), 0.5)
    far = Detection((75, 60, 95, 70), 0.9)  # overlaps the second label by 1/7
    matched = match_boxes([FinderAnswer(photo, (near, far, same), ()), FinderAnswer(photo, (), ())])
    assert matched.found.tolist() == [[0, 0, 20, 9]]
    assert matched.labels.tolist() == [[0, 0, 20, 10]]


@pytest.mark.parametrize("count", [0, 7])
def test_too_few_matched_boxes_are_one_clear_line(count):
    few = boxes(count)
    with pytest.raises(
        InputError, match=f"a margin needs 8 labelled plates .* these photos have {count}:"
    ):
        fit_margin(MatchedBoxes(few, few))
