import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_plates.reading.characters import (
    ALPHABET,
    INDEX,
    NOTHING,
    Belief,
    believe,
    confusable_with,
    join,
    normalise,
)
from lightning_plates.reading.plate_text import (
    drop_printed_words,
    read_last_digit,
    read_plate,
    settle,
)
from lightning_plates.reading.rules.formats import PlateFormat, load_formats, load_printed_words

FORMATS = load_formats("costa_rica,argentina,brazil,spain")


def read(text, countries="costa_rica", confidence=0.9):
    return read_plate(believe(text, [confidence] * len(text)), load_formats(countries))


@pytest.mark.parametrize(
    ("seen", "text", "series"),
    [
        ("BCR456", "BCR456", "private"),
        ("8CR4S6", "BCR456", "private"),
        ("BCRI23", "BCR123", "private"),
        ("BCRO0D", "BCR000", "private"),
        ("ZCR4Z6", "ZCR426", "private"),
        ("8I2345", "812345", "private_numeric"),
        ("M0T1234S6", "MOT123456", "motorcycle"),
        ("TSJ1Z34", "TSJ1234", "taxi"),
        ("5JB12345", "SJB12345", "bus"),
        ("CLI23456", "CL123456", "light_cargo"),
    ],
)
def test_lookalikes_are_resolved_by_the_format(seen, text, series):
    plate = read(seen)
    assert plate.text == text
    assert plate.format.name == f"costa_rica/{series}"


def test_what_no_format_explains_stays_as_it_was_read():
    plate = read("JPU238")
    assert (plate.text, plate.format) == ("JPU238", None)


def test_any_country_changes_nothing():
    assert read("0O1I8B", "any").text == "0O1I8B"


def test_nothing_read_is_no_plate():
    plate = read_plate(NOTHING, load_formats("costa_rica"))
    assert (plate.text, plate.confidence, plate.format) == ("", 0.0, None)
    assert read_last_digit(NOTHING) is None


def test_a_resolved_lookalike_keeps_the_doubt_about_its_kind():
    belief = believe("BCR45S", [0.9] * 6)
    confidences = read_plate(belief, load_formats("costa_rica")).confidences
    assert len(confidences) == 6
    assert all(0.5 < value <= 1.0 for value in confidences)


plates = st.text(ALPHABET, min_size=1, max_size=9)


@given(plates, st.data())
def test_confusable_characters_never_cross_a_format(text, data):
    confidences = data.draw(
        st.lists(st.floats(0, 1), min_size=len(text), max_size=len(text)), label="confidences"
    )
    plate = read_plate(believe(text, confidences), FORMATS)
    if plate.format is None:
        assert plate.text == text
    else:
        assert plate.format.matches(plate.text)
    for before, after in zip(text, plate.text, strict=True):
        assert after == before or after in confusable_with(before)
    assert all(0.0 <= value <= 1.0 for value in plate.confidences)


@given(st.sampled_from(FORMATS), st.data())
def test_a_plate_with_lookalikes_swapped_fits_a_format_again(plate, data):
    text = "".join(data.draw(st.sampled_from(allowed)) for allowed in plate.positions)
    swapped = "".join(data.draw(st.sampled_from([c, *sorted(confusable_with(c))])) for c in text)
    found = read_plate(believe(swapped, [0.9] * len(text)), [plate])
    assert found.format == plate
    assert plate.matches(found.text)


def test_what_is_allowed_stays_although_its_lookalike_is_allowed_too():
    either = PlateFormat("x/any", "private", ("B8", "B8"), ())
    assert read_plate(believe("B8", [0.9, 0.9]), [either]).text == "B8"


def test_of_two_formats_that_fit_the_likelier_is_taken_whatever_their_order():
    letters = PlateFormat("x/letters", "private", ("B", "C"), ())
    mixed = PlateFormat("x/mixed", "private", ("8", "C"), ())
    belief = believe("8C", [0.9, 0.9])
    for formats in ([letters, mixed], [mixed, letters]):
        assert read_plate(belief, formats).format == mixed


def test_a_character_keeps_the_doubt_about_others_that_the_format_allows():
    confidences = read("BCR456", confidence=0.6).confidences
    assert max(confidences) < 0.95


def test_the_table_decides_between_two_formats():
    table = np.zeros((7, 36))
    for row, character in enumerate("BRA2E19"):
        table[row, INDEX[character]] = 1.0
    assert settle(Belief(table), FORMATS)[1].name == "brazil/car_mercosur"


def test_the_last_digit_of_a_plate_that_ends_in_a_letter_is_the_one_before():
    assert read_last_digit(believe("AD054JI", [0.99] * 7)).digit == 4
    assert read_last_digit(believe("VACVAN", [0.99] * 6)) is None


def test_the_last_digit_carries_the_doubt_of_its_own_position():
    sure = read_last_digit(believe("BCR456", [0.6] * 5 + [0.99]))
    unsure = read_last_digit(believe("BCR456", [0.99] * 5 + [0.6]))
    assert sure.digit == unsure.digit == 6
    assert sure.probability == pytest.approx(0.99, abs=0.01)
    assert unsure.probability < 0.75


@pytest.mark.parametrize(
    ("seen", "text"),
    [("bcr·456", "BCR456"), ("ＢＣＲ４５６", "BCR456"), ("ВСР-12", "BCP12"), ("ñé 1", "NE1")],
)
def test_normalise(seen, text):
    assert normalise(seen) == text


def test_two_lines_are_joined_from_top_to_bottom():
    assert join([believe("MOT", [0.9] * 3), believe("123", [0.9] * 3)]).text == "MOT123"
    assert len(join([])) == 0


@pytest.mark.parametrize(
    ("seen", "number"),
    [
        ("COSTARICA9036", "9036"),
        ("RSTARICA5201", "5201"),  # cut off
        ("OCOSTAR1CA05916", "05916"),
        ("BCR456CENTROAMERICA", "BCR456"),
        ("COSTARICABCR456CENTR0AMERCA", "BCR456"),
        ("BCR456", "BCR456"),
        ("COSTARICA", "COSTARICA"),  # nothing else was read: say so
        ("STA123456", "STA123456"),
    ],
)
def test_the_countrys_name_is_no_part_of_the_number(seen, number):
    belief = believe(seen, [0.9] * len(seen))
    assert drop_printed_words(belief, load_printed_words("costa_rica")).text == number


def test_words_are_those_of_the_country():
    assert load_printed_words("any") == load_printed_words("spain") == ()
    assert "COSTARICA" in load_printed_words("spain,costa_rica")
