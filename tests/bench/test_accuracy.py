"""Shares of photos by IoU: a box at the bound counts, in every table alike."""

import pytest

from lightning_plates.bench.accuracy import PhotoScore, read_scores, summarise
from lightning_plates.bench.finder_accuracy import FinderAnswer
from lightning_plates.bench.finder_table import summarise_answers
from lightning_plates.boxes import Detection
from lightning_plates.data.annotations.record import BoxRecord, PhotoRecord
from lightning_plates.errors import InputError

LABEL = (0.0, 0.0, 10.0, 10.0)


def test_boxes_at_the_bounds_count():
    scores = [PhotoScore("a.jpg", iou, 1.0, LABEL, LABEL) for iou in (0.3, 0.5, 0.7, 1.0)]
    accuracy = summarise(scores)
    assert (accuracy.iou50, accuracy.iou70) == (0.75, 0.5)
    assert (accuracy.mean_iou, accuracy.photos) == (pytest.approx(0.625), 4)
    assert summarise([]) is None


@pytest.mark.parametrize(("height", "counts"), [(4.9, (0, 0)), (5, (1, 0)), (7, (1, 1))])
def test_answers_at_the_bounds_count(height, counts):
    photo = PhotoRecord("a.jpg", 100, 100, (BoxRecord(*LABEL),))
    answer = FinderAnswer(photo, (Detection((0.0, 0.0, 10.0, float(height)), 0.9),), ())
    row = summarise_answers("set", 1, None, [answer], None)
    assert (row.iou50.count, row.iou70.count) == counts


def test_a_damaged_row_is_named_by_its_line(tmp_path):
    file = tmp_path / "per_photo.csv"
    names = ("x1", "y1", "x2", "y2")
    columns = [
        "file",
        "iou",
        "centre_error_px",
        *(f"{k}_{n}" for k in ("true", "predicted") for n in names),
    ]
    row = ",".join(["a.jpg", *"1234567890"])
    file.write_text("\n".join([",".join(columns), row, row.replace("4", "four")]) + "\n")
    with pytest.raises(InputError, match=r"per_photo\.csv line 3: not a row of per_photo\.csv"):
        read_scores(file)
