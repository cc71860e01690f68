import numpy as np
import pytest

from lightning_plates.data.synthetic.lettering import STROKES, Typeface, draw_text

FACE = Typeface(stroke=0.12, gap=0.3)
PRINTED = sorted(set(STROKES) - {" "})


@pytest.mark.parametrize("character", PRINTED)
def test_a_character_fills_its_box_and_stays_inside(character: str):
    mask = draw_text(np.zeros((120, 100), np.uint8), character, (20, 30, 70, 110), FACE)
    rows, columns = np.nonzero(mask)
    margin = 30 if character == "É" else 2  # the accent stands above the letter
    assert rows.min() >= 30 - margin
    assert rows.max() <= 112
    assert columns.min() >= 17
    assert columns.max() <= 72
    if character not in "-I":
        assert np.ptp(rows) > 70


def test_all_characters_can_be_told_apart():
    pictures = {
        character: draw_text(np.zeros((100, 60), np.uint8), character, (5, 20, 55, 95), FACE)
        for character in PRINTED
    }
    pairs = [(a, b) for a in PRINTED for b in PRINTED if a < b and {a, b} != {"0", "O"}]
    different = {
        (a, b): (np.abs(pictures[a].astype(int) - pictures[b]) > 128).mean() for a, b in pairs
    }
    assert [pair for pair, share in different.items() if share < 0.02] == []


def test_the_given_mask_is_not_changed():
    mask = np.zeros((50, 50), np.uint8)
    draw_text(mask, "A", (5, 5, 45, 45), FACE)
    assert mask.max() == 0


def test_an_unknown_character_is_refused():
    with pytest.raises(KeyError, match="ß"):
        draw_text(np.zeros((50, 50), np.uint8), "ß", (5, 5, 45, 45), FACE)
