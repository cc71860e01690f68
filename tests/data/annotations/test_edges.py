"""Boxes that reach over the edge of their photo."""

import pytest

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.edges import EdgeTolerance

HEADER = "file,width,height,x1,y1,x2,y2,text\n"


@pytest.fixture
def read(tmp_path, make_photo_set):
    """Reads one photo of 400 × 300 pixels with this box."""
    make_photo_set(tmp_path, {"a.jpg": ()}, size=(400, 300))

    def read(cells, tolerance=None):
        (tmp_path / "boxes.csv").write_text(f"{HEADER}a.jpg,400,300,{cells},\n")
        return read_labels(tmp_path, tolerance=tolerance)

    return read


@pytest.mark.parametrize(
    ("cells", "box", "clipped"),
    [
        ("300,10,401.5,50", (300, 10, 400, 50), 1),
        ("300,10,400.9,50", (300, 10, 400, 50), 0),  # a rounding
        ("300,10,404,50", (300, 10, 400, 50), 1),
        ("-3,-3,40,303", (0, 0, 40, 300), 1),
        ("1,2,30,40", (1, 2, 30, 40), 0),
    ],
)
def test_a_small_overhang_is_cut_and_counted(read, cells, box, clipped):
    found = read(cells)
    assert found.annotations.photos[0].boxes[0].xyxy == box
    assert (found.problems, found.clipped) == ((), clipped)


@pytest.mark.parametrize(
    "cells", ["300,10,404.1,50", "10,10,40,303.1", "-3,10,2,50", "400,10,403,50"]
)
def test_what_lies_outside_keeps_its_photo_out(read, cells):
    found = read(cells)
    assert (found.annotations.photos, found.problems[0].kind) == ((), "box outside its photo")
    assert "outside its photo of 400 x 300" in str(found.problems[0])


def test_the_tolerance_is_the_users(read):
    assert read("300,10,420,50", EdgeTolerance(20, 0)).clipped == 1
    assert read("300,10,420,50", EdgeTolerance(0, 0.05)).clipped == 1
    assert read("300,10,420,50", EdgeTolerance(19, 0.04)).problems
    assert read("300,10,401,50", EdgeTolerance(0, 0)).problems == ()  # roundings are always cut


def test_shares_of_one_are_measured_in_pixels(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"a.jpg": ()}, size=(400, 300))
    (tmp_path / "a.txt").write_text("0 0.9 0.5 0.2075 0.5\n")  # ends at 1.00375 of 400 pixels
    found = read_labels(tmp_path)
    assert found.annotations.photos[0].boxes[0].xyxy == pytest.approx((318.5, 75, 400, 225))
    assert found.clipped == 1
