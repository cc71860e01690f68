import re

import numpy as np
import pytest

from lightning_plates.data.synthetic.lettering import STROKES
from lightning_plates.data.synthetic.plate_look import clean, random_look, render_plate
from lightning_plates.data.synthetic.plates import (
    CLASSES,
    PRIVATE,
    Plate,
    PlateClass,
    random_plate,
)

FORMATS = {
    "private": r"[BCDFGHJ-NP-TV-Z]{3}\d{3}",
    "numeric": r"[1-9]\d{2,5}",
    "light goods": r"CL[1-9]\d{4,5}",
    "heavy goods": r"C[1-9]\d{4,5}",
    "taxi": r"T(SJ|A|C|H|G|P|L)[1-9]\d{2,3}",
    "bus": r"(SJ|A|C|H|G|P|L)B[1-9]\d{3,4}",
    "special equipment": r"EE[1-9]\d{4}",
    "diplomatic": r"(CD|MI|CC)[1-9]\d{2}",
    "motorcycle": r"(MOT|M)[1-9]\d{5}|M[BCDFGHJ-NP-TV-Z]{3}\d{3}",
}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.name)
def test_texts_have_the_format_of_their_class(kind: PlateClass):
    rng = np.random.default_rng(1)
    texts = {random_plate(rng, (kind,)).text for _ in range(300)}
    assert [text for text in texts if not re.fullmatch(FORMATS[kind.name], text)] == []
    assert len(texts) > 100


def test_private_plates_use_every_consonant_and_no_vowel():
    rng = np.random.default_rng(2)
    letters = {letter for _ in range(400) for letter in random_plate(rng, (PRIVATE,)).text[:3]}
    assert letters == set("BCDFGHJKLMNPQRSTVWXYZ")


def test_every_class_is_drawn_and_private_ones_most():
    rng = np.random.default_rng(3)
    names = [random_plate(rng).kind.name for _ in range(2000)]
    assert set(names) == {kind.name for kind in CLASSES}
    assert max(set(names), key=names.count) == "private"


def test_the_same_generator_state_gives_the_same_plate():
    assert random_plate(np.random.default_rng(4)) == random_plate(np.random.default_rng(4))


def test_text_leaves_out_separators_and_joins_lines():
    assert Plate(PRIVATE, ("BCR-123",)).text == "BCR123"
    assert Plate(CLASSES[-1], ("MOT", "123456")).text == "MOT123456"


def test_the_alphabet_has_every_character_that_is_printed():
    assert set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789- É") <= set(STROKES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.name)
def test_a_plate_has_the_proportions_of_its_class_and_clear_corners(kind: PlateClass):
    rng = np.random.default_rng(5)
    plate = random_plate(rng, (kind,))
    picture = render_plate(plate, random_look(rng, plate), 300, rng)
    assert picture.shape == (300 * kind.size_mm[1] // kind.size_mm[0], 300, 4)
    assert picture[0, 0, 3] == 0
    assert picture[picture.shape[0] // 2, 150, 3] == 255


def test_a_clean_plate_is_dark_print_on_a_light_sheet():
    rng = np.random.default_rng(6)
    plate = Plate(PRIVATE, ("BBB-888",))
    picture = render_plate(plate, clean(random_look(rng, plate)), 400, rng)
    middle = picture[60:150, 60:340, :3].astype(int)
    luma = middle.mean(axis=-1)
    share_of_print = (luma < 110).mean()
    assert 0.2 < share_of_print < 0.7
    assert np.median(luma[luma > 150]) > 180
    ink = middle[luma < 110].mean(axis=0)
    assert ink[2] > ink[0] + 30, "private plates are printed in blue"


def test_different_texts_look_different_and_the_country_stays():
    rng = np.random.default_rng(7)
    first, second = Plate(PRIVATE, ("BCR-123",)), Plate(PRIVATE, ("XYZ-789",))
    look = clean(random_look(rng, first))
    pictures = [
        render_plate(plate, look, 300, np.random.default_rng(8))[..., :3].astype(int)
        for plate in (first, second)
    ]
    difference = np.abs(pictures[0] - pictures[1]).max(axis=-1)
    assert (difference[40:110] > 60).mean() > 0.1
    assert (difference[:30] > 60).sum() == 0
