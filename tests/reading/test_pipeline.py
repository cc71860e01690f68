import datetime as dt

import pytest

from lightning_plates.boxes import Detection
from lightning_plates.reading.calibration import IDENTITY
from lightning_plates.reading.characters import NOTHING, believe
from lightning_plates.reading.pipeline import LastDigit, ReadingRules, interpret

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
