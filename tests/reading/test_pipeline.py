import datetime as dt

import pytest

from lightning_plates.boxes import Detection
from lightning_plates.reading.calibration import IDENTITY, Calibration
from lightning_plates.reading.characters import NOTHING, believe
from lightning_plates.reading.pipeline import LastDigit, ReadingRules, interpret
from lightning_plates.reading.plate_text import read_last_digit

MOMENT = dt.datetime(2026, 11, 25, 7, 30)
PLACE = Detection((0.0, 0.0, 40.0, 20.0), 0.9)


def last_digit(text, confidence, *, digits_only=False):
    rules = ReadingRules((), IDENTITY, min_confidence=0.9, digits_only=digits_only)
    belief = believe(text, [confidence] * len(text)) if text else NOTHING
    reading = interpret(belief, PLACE, rules, MOMENT)
    assert reading.verdict is None
    return reading.last_digit


@pytest.mark.parametrize("digits_only", [False, True])
@pytest.mark.parametrize(
    ("text", "confidence", "absent"),
    [("VACVAN", 0.97, True), ("VACVAN", 0.6, False), ("EVRS", 0.53, False), ("", 0.0, False)],
)
def test_only_a_sure_text_is_said_to_hold_no_digit(text, confidence, absent, digits_only):
    assert last_digit(text, confidence, digits_only=digits_only) == LastDigit(None, 0.0, absent)


def test_a_withheld_digit_is_not_an_absent_one():
    found = last_digit("BCR456", 0.6)
    assert (found.digit, found.absent) == (None, False)
    assert found.confidence > 0


COSTA_RICA = {"es": "Costa Rica", "en": "Costa Rica"}


def ask(costa_rica, calendar, text, **options):
    rules = ReadingRules(costa_rica, IDENTITY, calendar, countries=COSTA_RICA, **options)
    return interpret(believe(text, [0.97] * len(text)), PLACE, rules, MOMENT)


@pytest.mark.parametrize("text", ["4X4", "NISSAN", "DIESEL", "V8", "ABC1234", "RK906AJ"])
def test_what_fits_no_format_has_no_restriction_day_unless_it_is_asked_for(
    costa_rica, calendar, text
):
    reading = ask(costa_rica, calendar, text)
    assert (reading.known_format, reading.format, reading.verdict) == (False, None, None)
    has_digit = reading.last_digit.digit is not None
    judged = ask(costa_rica, calendar, text, any_format=True)
    assert judged.known_format is False
    assert (judged.verdict is not None) == has_digit


def test_what_fits_a_format_has_its_day(costa_rica, calendar):
    reading = ask(costa_rica, calendar, "BCR456")
    assert (reading.known_format, reading.verdict.weekday) == (True, 2)
    assert reading.countries == COSTA_RICA


def test_without_formats_none_is_judged_and_every_digit_has_its_day(calendar):
    reading = ask((), calendar, "4X4")
    assert (reading.known_format, reading.verdict.weekday) == (None, 1)


def test_what_cannot_be_read_fits_no_format_and_misses_none(costa_rica, calendar):
    assert ask(costa_rica, calendar, "").known_format is None


def test_a_digit_is_withheld_below_the_threshold_and_keeps_its_calibrated_confidence():
    calibration = Calibration(0.8, -0.5, 0.9)
    belief = believe("BCR456", [0.97] * 6)
    confidence = calibration.apply(read_last_digit(belief).probability)
    for threshold, digit in ((confidence, 6), (confidence + 1e-6, None)):
        rules = ReadingRules((), calibration, min_confidence=threshold)
        reading = interpret(belief, PLACE, rules, MOMENT)
        assert reading.last_digit == LastDigit(digit, confidence)
        assert reading.text.text == "BCR456"
