import pytest

from lightning_plates.clock import Span
from lightning_plates.errors import InputError
from lightning_plates.reading.accuracy import (
    ReadSample,
    fold_zero,
    read_crop_labels,
    score_samples,
)
from lightning_plates.reading.characters import edit_distance

NO_TIME = Span(0.0, 0.0)


def sample(truth, read, iou=None):
    return ReadSample("photo.jpg", truth, read, NO_TIME, iou)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("BCR456", "BCR456", 0), ("BCR456", "BCR4S6", 1), ("BCR456", "CR4567", 2),
     ("", "BCR", 3)],
)  # fmt: skip
def test_edit_distance(first, second, distance):
    assert edit_distance(first, second) == distance


def test_shares_of_plates_with_a_text():
    score = score_samples(
        [sample("BCR456", "BCR456"), sample("BCR457", "BCR45"), sample("001AAA", "OO1AAA")]
    )
    assert score.plates == 3
    assert score.exact == pytest.approx(1 / 3)
    assert score.last_char == pytest.approx(2 / 3)
    assert score.last_digit == pytest.approx(1 / 2)  # 001AAA ends in a letter
    assert score.character_errors == pytest.approx(3 / 18)
    assert (score.iou50, score.mean_iou) == (None, None)


def test_boxes_count_without_texts():
    score = score_samples([sample("", "", 0.8), sample("", "", 0.6), sample("", "", 0.0)])
    assert (score.exact, score.last_digit, score.character_errors) == (None, None, None)
    assert score.iou50 == pytest.approx(2 / 3)
    assert score.iou70 == pytest.approx(1 / 3)
    assert score.mean_iou == pytest.approx(1.4 / 3)


def test_letter_o_becomes_a_zero_on_both_sides():
    folded = fold_zero(sample("AO0", "A0O"))
    assert folded.truth == folded.read == "A00"


def test_labels_are_read_without_separators(tmp_path):
    (tmp_path / "text.csv").write_text("file,text\na.png,bcr-456\n")
    assert list(read_crop_labels(tmp_path)) == [(tmp_path / "a.png", "BCR456")]


def test_the_mark_of_utf_8_before_a_table_is_no_matter(tmp_path):
    (tmp_path / "text.csv").write_text("file,text\na.png,ñ1\n", encoding="utf-8-sig")
    assert list(read_crop_labels(tmp_path)) == [(tmp_path / "a.png", "N1")]


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "no such file"), (b"a,b\n", "line 1"), (b"file,text\na.png\n", "line 2: expected"),
     (b"file,text\n,A1\n", "line 2: expected"), (b"file,text\n\n", "names no crop"),
     (b"file,text\na.png,\xe9\n", "not a table in UTF-8"),
     (b'file,text\na.png,"' + b"x" * 200_000, "not a table in UTF-8")],
)  # fmt: skip
def test_tables_that_cannot_be_used(tmp_path, text, message):
    if text is not None:
        (tmp_path / "text.csv").write_bytes(text)
    with pytest.raises(InputError, match=message):
        list(read_crop_labels(tmp_path))
