import datetime as dt
from dataclasses import replace

import pytest

from lightning_plates.boxes import Detection
from lightning_plates.reading.captions import caption
from lightning_plates.reading.pipeline import LastDigit, PlateReading
from lightning_plates.reading.plate_text import PlateText
from lightning_plates.reading.rules.restrictions import PlateIdentity, judge

WEDNESDAY = dt.datetime(2026, 11, 25, 12, 0)


@pytest.fixture
def plate(costa_rica, calendar):
    series = next(one for one in costa_rica if one.matches("BCR456"))
    text = PlateText("BCR456", (0.9,) * 6, series)
    verdict = judge(PlateIdentity(6), WEDNESDAY, calendar)
    return PlateReading(Detection((0, 0, 40, 20), 0.9), text, LastDigit(6, 0.9), series, verdict)


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("es", ["BCR-456", "último dígito 6", "restricción los miércoles"]),
        ("en", ["BCR-456", "last digit 6", "restricted on Wednesdays"]),
    ],
)
def test_text_digit_and_day_in_the_language(plate, language, lines):
    assert caption(plate, language) == lines


def test_an_unsure_digit_has_no_day(plate):
    unsure = replace(plate, last_digit=LastDigit(None, 0.4), verdict=None)
    assert caption(unsure, "en") == ["BCR-456", "last digit unsure"]


def test_without_a_text_the_digit_and_the_day_stay(plate):
    assert caption(replace(plate, text=None), "en") == ["last digit 6", "restricted on Wednesdays"]


def test_a_plate_that_cannot_be_read_says_so(plate):
    unread = replace(plate, text=PlateText("", (), None), last_digit=LastDigit(None, 0.0),
                     verdict=None)  # fmt: skip
    assert caption(unread, "es") == ["Placa ilegible", "último dígito inseguro"]


def test_what_fits_no_format_says_so(plate):
    odd = replace(plate, known_format=False, verdict=None, countries={"es": "Costa Rica"})
    assert caption(odd, "es")[2:] == ["no tiene un formato conocido de Costa Rica"]
    assert caption(odd, "en")[2:] == ["fits no known format of this country"]
