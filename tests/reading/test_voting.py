import pytest

from lightning_plates.reading.video.voting import PlateRead, similarity, vote


def read(text, confidence=0.9, digit=None, digit_confidence=0.0, series=None):
    return PlateRead(text, (confidence,) * len(text), series, digit, digit_confidence)


def test_majority_wins_and_the_agreeing_frames_are_counted():
    voted = vote([read("BCR456"), read("BCR456"), read("8CR456")])

    assert voted.text == "BCR456"
    assert (voted.frames_agreeing, voted.frames) == (2, 3)


def test_positions_are_voted_apart():
    # No frame read the whole plate right; each position is right in two of three.
    voted = vote([read("XCR456"), read("BXR456"), read("BCX456")])

    assert voted.text == "BCR456"
    assert voted.frames_agreeing == 0


def test_one_sharp_frame_outweighs_three_blurred_ones():
    voted = vote([read("BCR4S6", 0.3)] * 3 + [read("BCR456", 0.95)])

    assert voted.text == "BCR456"


def test_confidence_is_the_mean_of_agreeing_frames_and_never_grows_with_their_number():
    assert vote([read("AB1", 0.6)]).text_confidence == pytest.approx(0.6)
    assert vote([read("AB1", 0.6)] * 50).text_confidence == pytest.approx(0.6)


def test_disagreement_lowers_the_confidence_by_its_share_of_the_weight():
    voted = vote([read("B", 0.8), read("B", 0.8), read("B", 0.8), read("8", 0.8)])

    assert voted.text == "B"
    assert voted.text_confidence == pytest.approx(0.8 * 3 / 4)


def test_lengths_do_not_mix():
    voted = vote([read("BCR45", 0.5), read("BCR456"), read("BCR456")])

    assert voted.text == "BCR456"
    assert (voted.frames_agreeing, voted.frames) == (2, 3)


def test_series_do_not_mix_although_the_length_is_equal():
    voted = vote(
        [read("BCR456", series="private")] * 2 + [read("123456", series="old")],
    )

    assert (voted.text, voted.series) == ("BCR456", "private")
    assert voted.text_confidence == pytest.approx(0.9)


def test_last_digit_is_voted_by_every_frame_even_those_whose_text_lost():
    voted = vote(
        [
            read("BCR458", 0.9, digit=8, digit_confidence=0.5),
            read("BCR458", 0.9, digit=8, digit_confidence=0.5),
            read("CR456", 0.4, digit=6, digit_confidence=0.99),
            read("", digit=6, digit_confidence=0.99),
        ]
    )

    assert voted.text == "BCR458"
    assert voted.last_digit == 6
    weight = 2 * 0.99**2
    assert voted.last_digit_confidence == pytest.approx(0.99 * weight / (weight + 2 * 0.25))


def test_digits_alone_are_voted_where_no_text_is_kept():
    voted = vote([read("", digit=4, digit_confidence=0.9)] * 3 + [read("")])

    assert (voted.text, voted.last_digit) == ("", 4)
    assert (voted.frames_agreeing, voted.frames) == (3, 3)


@pytest.mark.parametrize("reads", [[], [PlateRead()], [PlateRead(), PlateRead()]])
def test_nothing_read_is_no_answer(reads):
    voted = vote(reads)

    assert (voted.text, voted.last_digit) == ("", None)
    assert (voted.text_confidence, voted.last_digit_confidence) == (0.0, 0.0)
    assert (voted.frames, voted.frames_agreeing) == (0, 0)


def test_zero_confidence_is_a_vote_without_weight():
    assert vote([read("AB1", 0.0)]).text_confidence == 0.0


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("BCR456", "BCR456", 1.0), ("BCR456", "BCR458", 5 / 6), ("AB", "ABC", 0.0), ("", "", 0.0)],
)
def test_similarity(first, second, expected):
    assert similarity(first, second) == pytest.approx(expected)
