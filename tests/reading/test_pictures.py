"""Pictures of a photo with its answers, and of one whose plates nobody can read."""

import datetime as dt

import numpy as np
import pytest

from lightning_plates.boxes import Detection
from lightning_plates.reading.calibration import IDENTITY
from lightning_plates.reading.characters import believe
from lightning_plates.reading.pictures import annotate, redact
from lightning_plates.reading.pipeline import ReadingRules, interpret

BOX = (100.0, 60.0, 180.0, 100.0)


@pytest.fixture
def stripes():
    """A photo of vertical stripes, which any blur changes."""
    photo = np.zeros((160, 300, 3), np.uint8)
    photo[:, ::4] = 255
    return photo


def test_what_the_finder_cut_off_at_the_sides_is_hidden_too(stripes):
    changed = (redact(stripes, [BOX]) != stripes).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    # A character is a seventh of a plate's width; of its height, the edge of one.
    assert columns[0] <= 100 - 80 / 7
    assert columns[-1] >= 180 + 80 / 7 - 1
    assert rows[0] <= 60 - 4
    assert rows[-1] >= 100 + 4 - 1
    assert not changed[:, :60].any()
    assert not changed[:, 220:].any()


def test_boxes_over_the_edge_are_hidden_and_those_beside_the_photo_are_left(stripes):
    changed = redact(stripes, [(280.0, 140.0, 340.0, 170.0), (400.0, 10.0, 420.0, 20.0)])
    assert (changed[145:, 285:] != stripes[145:, 285:]).any()
    assert (changed[:100] == stripes[:100]).all()


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_day_is_on_the_picture(calendar, costa_rica, language):
    def drawn(rules):
        belief = believe("BCR456", [0.97] * 6)
        plate = interpret(belief, Detection(BOX, 0.9), rules, dt.datetime(2026, 11, 25, 7, 30))
        return (annotate(np.zeros((160, 300, 3), np.uint8), [plate], language) > 0).any(axis=2)

    with_day = drawn(ReadingRules(costa_rica, IDENTITY, calendar))
    without = drawn(ReadingRules(costa_rica, IDENTITY))
    lines = [int(picture.any(axis=1).sum()) for picture in (with_day, without)]
    assert lines[0] >= lines[1] + 10  # a line of at least ten pixels more
