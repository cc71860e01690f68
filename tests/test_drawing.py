import numpy as np
import pytest

from lightning_plates.drawing import LABEL_COLOUR, Mark, draw_marks


def test_the_outline_is_inside_the_box_and_the_photo_unchanged():
    photo = np.zeros((60, 100, 3), dtype=np.uint8)
    drawn = draw_marks(photo, [Mark((10, 20, 50, 40), LABEL_COLOUR)])
    assert photo.max() == 0
    ys, xs = np.nonzero(drawn.any(axis=2))
    assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (10, 20, 50, 40)
    assert drawn[20, 10].tolist() == list(LABEL_COLOUR)
    assert drawn[30, 30].max() == 0


def test_captions_and_empty_boxes_do_not_fail_at_the_edges():
    photo = np.zeros((30, 40, 3), dtype=np.uint8)
    drawn = draw_marks(photo, [Mark((0, 0, 0, 0), caption="BCR456"), Mark((39, 29, 40, 30))])
    assert drawn.any()


def test_a_caption_at_the_right_edge_is_moved_into_the_picture():
    photo = np.zeros((200, 300, 3), dtype=np.uint8)

    def filled_columns(box):
        drawn = draw_marks(photo, [Mark(box, LABEL_COLOUR, "probability 0.93")])
        above = (drawn[: int(box[1])] == LABEL_COLOUR).all(axis=2).any(axis=0)
        return int(above.sum())

    assert filled_columns((280, 100, 299, 120)) == filled_columns((10, 100, 29, 120)) > 60


def test_a_caption_at_the_top_edge_stands_below_its_box():
    photo = np.zeros((200, 300, 3), dtype=np.uint8)

    def rows_of_caption(box):
        plain = draw_marks(photo, [Mark(box, LABEL_COLOUR)])
        rows = (draw_marks(photo, [Mark(box, LABEL_COLOUR, "0.93")]) != plain).any(axis=(1, 2))
        return np.flatnonzero(rows)

    top, middle = rows_of_caption((10, 0, 60, 30)), rows_of_caption((10, 100, 60, 130))
    assert top.min() == 30
    assert middle.max() == 99
    assert min(len(top), len(middle)) > 10


def test_every_line_of_a_caption_is_drawn_even_where_the_box_leaves_no_room():
    photo = np.zeros((90, 300, 3), dtype=np.uint8)
    heights = []
    for caption in ("one", "one\ntwo\nthree"):
        drawn = draw_marks(photo, [Mark((0, 0, 300, 90), LABEL_COLOUR, caption)])
        heights.append(int((drawn == LABEL_COLOUR).all(axis=2)[:, 8].sum()))
    assert heights[1] > 2 * heights[0] > 20


@pytest.mark.parametrize(("plain", "accented"), [("digito", "dígito"), ("manana", "mañana")])
def test_spanish_accents_are_drawn_above_the_letters(plain, accented):
    photo = np.zeros((200, 300, 3), dtype=np.uint8)
    first, second = (
        (draw_marks(photo, [Mark((10, 100, 200, 150), LABEL_COLOUR, text)]) > 120).all(axis=2)
        for text in (plain, accented)
    )
    new = second & ~first
    assert not (first & ~second).any()  # the letters are the same
    assert new.sum() >= 3
    assert np.flatnonzero(new.any(axis=1)).max() < np.flatnonzero(first.any(axis=1)).max() - 3
