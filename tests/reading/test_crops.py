import numpy as np
import pytest

from lightning_plates.reading.crops import cut_plate, rectify, split_rows

PHOTO = np.arange(100 * 200 * 3, dtype=np.uint32).astype(np.uint8).reshape(100, 200, 3)


def test_the_margin_is_a_share_of_the_box():
    assert cut_plate(PHOTO, (50, 40, 100, 60), margin=0.1).shape == (24, 60, 3)
    assert cut_plate(PHOTO, (50, 40, 100, 60)).shape == (22, 54, 3)  # 2 and 0.8 pixels


def test_a_plate_cut_by_the_edge_keeps_what_is_inside():
    crop = cut_plate(PHOTO, (180, 90, 240, 120), margin=0)
    assert crop.shape == (10, 20, 3)
    np.testing.assert_array_equal(crop, PHOTO[90:, 180:])


@pytest.mark.parametrize("box", [(300, 10, 320, 20), (-50, 10, -20, 20), (10, 10, 10, 10)])
def test_a_box_without_pixels_gives_an_empty_crop(box):
    assert cut_plate(PHOTO, box, margin=0).size == 0


def test_rectify_turns_a_tilted_plate_upright():
    image = np.zeros((80, 80, 3), np.uint8)
    image[20:40, 10:50] = (255, 0, 0)
    image[30:40, 10:50] = (0, 255, 0)
    turned = np.rot90(image, -1).copy()  # clockwise: the plate's top is on the right
    corners = [(60, 10), (60, 50), (40, 50), (40, 10)]
    upright = rectify(turned, corners)
    assert upright.shape == (20, 40, 3)
    assert upright[4, 20].tolist() == [255, 0, 0]
    assert upright[15, 20].tolist() == [0, 255, 0]


def test_car_plates_stay_whole():
    assert len(split_rows(np.zeros((40, 80, 3), np.uint8))) == 1


def test_motorcycle_plates_are_cut_between_their_rows():
    plate = np.full((60, 60, 3), 255, np.uint8)
    plate[5:22, 5:55:4] = 0
    plate[34:55, 5:55:4] = 0
    top, bottom = split_rows(plate)
    assert 22 < top.shape[0] < 40
    assert len(top) + len(bottom) == 60 + 2 * 4  # each keeps 6 % of the other
    assert (top[5:22] == 0).any()
    assert (top[30:] == 255).all()
    assert (bottom == 0).any()
