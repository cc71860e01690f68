from pathlib import Path

import numpy as np
import pytest

from lightning_plates.data.windows.photos import PhotoPool, PhotoSet, WindowPhoto
from lightning_plates.data.windows.sampling import (
    PLATE,
    UNCOUNTED,
    WindowRanges,
    cut_window,
    draw_window,
    warp_boxes,
)
from lightning_plates.processing import PADDING_GREY

PLAIN = WindowRanges(size=64, mosaic=0.0, empty=0.0, close_up=0.0, angle_deg=0.0)
BOX = (200.0, 120.0, 280.0, 140.0)


@pytest.fixture(scope="module")
def pool():
    """One black photo with a white plate, and its halved copies."""
    full = np.zeros((240, 400, 3), dtype=np.uint8)
    full[120:140, 200:280] = 255
    levels = tuple(np.ascontiguousarray(full[::step, ::step]) for step in (1, 2, 4))
    photo = WindowPhoto(levels, np.array([BOX]), "a.png")
    return PhotoPool((photo,), PhotoSet(Path("a")))


def _white_box(image):
    rows, columns = np.nonzero(image[..., 0] > 200)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_boxes_stay_on_their_plates_whatever_the_window(pool):
    rng = np.random.default_rng(0)
    checked = 0
    for _ in range(60):
        window = draw_window(pool, PLAIN, rng)
        x1, _, x2, _ = window.boxes[0]
        if window.kinds[0] != PLATE or x1 <= 0 or x2 >= 64 or x2 - x1 < 10:
            continue
        # The grey padding is darker than the plate; a pixel of blur is left on each side.
        np.testing.assert_allclose(_white_box(window.image), window.boxes[0], atol=1.6)
        checked += 1
    assert checked > 20


def test_plates_fill_the_share_that_was_asked_for(pool):
    ranges = WindowRanges(
        size=64, mosaic=0, empty=0, close_up=0, angle_deg=0, plate_share=(0.3, 0.4)
    )
    rng = np.random.default_rng(1)
    widths = [np.diff(draw_window(pool, ranges, rng).boxes[0, [0, 2]])[0] for _ in range(40)]
    # Stretching by up to sqrt(1.4) comes on top.
    assert min(widths) >= 0.3 * 64 / 1.2
    assert max(widths) <= 0.4 * 64 * 1.2


def test_the_same_seed_draws_the_same_window(pool):
    ranges = WindowRanges(size=64)
    one, other = (draw_window(pool, ranges, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.boxes, other.boxes)


def test_a_mosaic_has_the_size_of_a_window_and_keeps_its_boxes_apart(pool):
    ranges = WindowRanges(size=64, mosaic=1.0, empty=0.0)
    window = draw_window(pool, ranges, np.random.default_rng(2))
    assert window.image.shape == (64, 64, 3)
    assert len(window.boxes) >= 3
    assert window.boxes.max() > 32


def test_a_plate_that_is_mostly_cut_off_does_not_count(pool):
    # The window begins at x = 260: a quarter of the plate is left.
    matrix = np.array([[1.0, 0.0, -260.0], [0.0, 1.0, -100.0]])
    window = cut_window(pool.photos[0], matrix, PLAIN, 64)
    assert window.kinds.tolist() == [UNCOUNTED]
    assert window.boxes.tolist() == [[0.0, 20.0, 20.0, 40.0]]


def test_plates_outside_are_dropped_and_outside_is_padding(pool):
    matrix = np.array([[1.0, 0.0, 500.0], [0.0, 1.0, 500.0]])
    window = cut_window(pool.photos[0], matrix, PLAIN, 64)
    assert len(window.boxes) == 0
    assert (window.image == PADDING_GREY).all()


def test_a_window_that_shrinks_the_photo_uses_a_smaller_copy(pool):
    matrix = np.array([[0.25, 0.0, 0.0], [0.0, 0.25, 0.0]])
    window = cut_window(pool.photos[0], matrix, PLAIN, 64)
    np.testing.assert_array_equal(window.image[:60, :], pool.photos[0].levels[2][:, :64])


def test_a_turned_box_encloses_its_corners():
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    assert warp_boxes(np.array([[1.0, 2.0, 4.0, 3.0]]), quarter).tolist() == [
        [-3.0, 1.0, -2.0, 4.0]
    ]


def test_plates_that_the_labels_leave_out_do_not_count(pool):
    photo = pool.photos[0]
    labelled, other = np.array([(20.0, 20.0, 60.0, 30.0)]), np.array([BOX])
    both = WindowPhoto(photo.levels, labelled, "a.png", unlabelled=other)
    window = cut_window(both, np.eye(2, 3), WindowRanges(size=400), 400)
    assert window.kinds.tolist() == [PLATE, UNCOUNTED]
    np.testing.assert_array_equal(window.boxes, [*labelled, BOX])
    # Nor is a window ever placed around one.
    assert len(PhotoPool((both,), PhotoSet(Path("a"))).plates) == 1
