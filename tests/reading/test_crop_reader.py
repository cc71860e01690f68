import numpy as np
import pytest

from lightning_plates.reading.characters import believe
from lightning_plates.reading.crop_reader import CropReader, read_once
from lightning_plates.reading.rules.formats import load_formats, load_printed_words

CROP = np.arange(50 * 200 * 3, dtype=np.uint32).astype(np.uint8).reshape(50, 200, 3)
UNSURE, SURE = [0.7] * 6, [0.95] * 6


class Engine:
    """Reads what a script says, and keeps the rows that it was shown."""

    label = "fake"

    def __init__(self, *answers):
        self.answers = [believe(*answer) for answer in answers]
        self.rows = []

    def read(self, row):
        self.rows.append(row)
        return self.answers[len(self.rows) - 1]


def test_a_sure_reading_is_enough():
    engine = Engine(("BCR456", SURE))
    assert CropReader(engine).read(CROP).text == "BCR456"
    assert len(engine.rows) == 1


@pytest.mark.parametrize(("closer", "wider", "text"), [(0.8, 0.6, "AAA111"), (0.6, 0.8, "CCC333")])
def test_of_an_unsure_one_the_likeliest_of_three_framings_counts(closer, wider, text):
    engine = Engine(("BCR456", UNSURE), ("AAA111", [closer] * 6), ("CCC333", [wider] * 6))
    assert CropReader(engine).read(CROP).text == text
    whole, inner, outer = engine.rows
    assert whole is CROP
    assert np.array_equal(inner, CROP[3:47, 12:188])
    assert outer.shape == (56, 224, 3)
    assert np.array_equal(outer[3:53, 12:212], CROP)
    assert (outer[0] == outer[3]).all()


def test_a_reading_that_fits_the_country_is_believed_before_a_surer_one():
    formats, words = load_formats("costa_rica"), load_printed_words("costa_rica")
    answers = [("BCR4567", [0.99] * 7), ("BCR4567", [0.98] * 7), ("BCR456", UNSURE)]
    engine = Engine(*answers)
    assert CropReader(engine, formats, words).read(CROP).text == "BCR456"
    assert len(engine.rows) == 3
    assert CropReader(Engine(*answers)).read(CROP).text == "BCR4567"


def test_one_unsure_character_is_enough_to_read_again():
    engine = Engine(("BCR456", [*[0.99] * 5, 0.85]), ("BCR456", SURE), ("BCR456", SURE))
    CropReader(engine).read(CROP)
    assert len(engine.rows) == 3


def test_a_sure_reading_of_another_country_is_not_given_for_a_shorter_one():
    formats = load_formats("costa_rica")
    engine = Engine(("BCR45699", [0.96] * 8), ("BCR4569", [0.99] * 7), ("BCR456", UNSURE))
    # The third one fits; without it the first is what the plate says.
    assert CropReader(engine, formats).read(CROP).text == "BCR456"
    engine = Engine(("BCR45699", [0.96] * 8), ("BCR4569", [0.99] * 7), ("BCR4569", [0.99] * 7))
    assert CropReader(engine, formats).read(CROP).text == "BCR45699"


def test_an_unsure_slogan_is_no_reason_to_read_again():
    words = load_printed_words("costa_rica")
    slogan = words[0]
    engine = Engine((f"{slogan}BCR456", [*[0.6] * len(slogan), *SURE]))
    assert CropReader(engine, printed_words=words).read(CROP).text == f"{slogan}BCR456"
    assert len(engine.rows) == 1


def test_a_crop_of_a_few_pixels_is_read_once():
    engine = Engine(("A", [0.3]))
    CropReader(engine).read(np.zeros((8, 8, 3), np.uint8))
    assert len(engine.rows) == 1


def test_nothing_stays_nothing():
    engine = Engine(*[("", [])] * 3)
    assert len(CropReader(engine).read(np.zeros((0, 20, 3), np.uint8))) == 0


def test_a_squarish_plate_is_read_in_rows_too():
    engine = Engine(("X", [0.3]), ("MOT", [0.9] * 3), ("123", [0.9] * 3))
    assert read_once(engine, np.zeros((100, 120, 3), np.uint8)).text == "MOT123"
