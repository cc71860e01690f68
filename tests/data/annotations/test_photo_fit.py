"""Whoever reads labels gets boxes in pixels of the photo as it is decoded."""

import numpy as np
import pytest
from PIL import Image

from lightning_plates.data.annotations import read_annotations, read_labels
from lightning_plates.errors import AnnotationError
from lightning_plates.photos import load_photo

ORIENTATION = 0x0112
STORED, UPRIGHT = (96, 64), (64, 96)
"""Sizes of photos that are turned by their EXIF rotation."""
ONLY_STORED, ONLY_UPRIGHT, EITHER = (70, 10, 90, 20), (10, 70, 30, 80), (10, 20, 30, 30)
"""Boxes by the frames that they fit."""


def write_set(folder, *photos):
    """Turned photos ``0.jpg``, ``1.jpg`` … with the size and the box of their label."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    rows = []
    for number, (size, box) in enumerate(photos):
        Image.new("RGB", STORED).save(folder / f"{number}.jpg", exif=exif)
        rows.append(",".join(map(str, [f"{number}.jpg", *size, *box, ""])))
    header = "file,width,height,x1,y1,x2,y2,text"
    (folder / "boxes.csv").write_text("\n".join([header, *rows]) + "\n")


def read_boxes(folder):
    return {photo.file: photo.boxes[0].xyxy for photo in read_labels(folder).annotations.photos}


def turned(box):
    """By hand for orientation 6, a quarter clockwise: x becomes 64 - y, y becomes x."""
    x1, y1, x2, y2 = box
    return (64 - y2, x1, 64 - y1, x2)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_labels_of_a_photo_before_its_rotation_are_turned(tmp_path, orientation):
    stored = np.zeros((64, 96, 3), dtype=np.uint8)
    stored[8:24, 16:40] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=95)
    text = "file,width,height,x1,y1,x2,y2,text\na.jpg,96,64,16,8,40,24,\n"
    (tmp_path / "boxes.csv").write_text(text)

    (photo,) = read_annotations(tmp_path).photos

    upright = load_photo(tmp_path / "a.jpg")
    assert (photo.height, photo.width) == upright.shape[:2]
    x1, y1, x2, y2 = map(int, photo.boxes[0].xyxy)
    assert upright[y1:y2, x1:x2].mean() > 240
    assert upright.mean() * upright[..., 0].size == pytest.approx(255 * 24 * 16, rel=0.03)
    assert (x2 - x1) * (y2 - y1) == 24 * 16


@pytest.mark.parametrize(
    ("size", "deciding", "expected"),
    [
        (STORED, ONLY_UPRIGHT, EITHER),  # sizes before the rotation, boxes as the photo is seen
        (STORED, ONLY_STORED, turned(EITHER)),
        (STORED, EITHER, turned(EITHER)),  # nothing contradicts the size
        (UPRIGHT, ONLY_STORED, turned(EITHER)),
        (UPRIGHT, ONLY_UPRIGHT, EITHER),
        (UPRIGHT, EITHER, EITHER),
        ((0, 0), ONLY_STORED, turned(EITHER)),
        ((0, 0), EITHER, EITHER),
        ((960, 640), tuple(10 * value for value in ONLY_UPRIGHT), EITHER),
    ],
)
def test_one_box_that_fits_only_one_way_decides_for_the_whole_set(
    tmp_path, size, deciding, expected
):
    other = tuple(10 * value for value in EITHER) if size == (960, 640) else EITHER
    write_set(tmp_path, (size, other), (size, deciding), (size, other))
    found = read_boxes(tmp_path)
    assert found["0.jpg"] == found["2.jpg"] == pytest.approx(expected)
    assert len(found) == 3


def test_what_was_decided_against_the_sizes_is_told(tmp_path, capsys):
    write_set(tmp_path, (STORED, EITHER), (STORED, ONLY_UPRIGHT))
    read_annotations(tmp_path)
    assert capsys.readouterr().err.startswith(f"note: {tmp_path}: 2 photos with an EXIF")
    (note,) = read_labels(tmp_path).notes
    assert note == (
        "2 photos with an EXIF rotation: their sizes are those of the photo before its EXIF "
        "rotation, but the boxes of 1 of them fit only the upright photo; all were read so"
    )
    assert read_labels(tmp_path).turned == 0


def test_a_set_that_fits_both_ways_keeps_what_is_sure(tmp_path):
    write_set(tmp_path, (STORED, ONLY_UPRIGHT), (STORED, ONLY_STORED), (STORED, EITHER))
    found = read_labels(tmp_path)
    assert read_boxes(tmp_path) == {"0.jpg": ONLY_UPRIGHT, "1.jpg": turned(ONLY_STORED)}
    (problem,) = found.problems
    assert problem.where.endswith("boxes.csv:4")
    assert "labelled in two ways" in found.notes[0]


def test_photos_whose_sizes_are_labelled_otherwise_are_decided_apart(tmp_path):
    write_set(tmp_path, (STORED, ONLY_UPRIGHT), (STORED, EITHER), (UPRIGHT, EITHER))
    found = read_boxes(tmp_path)
    assert (found["1.jpg"], found["2.jpg"]) == (EITHER, EITHER)
    write_set(tmp_path, (UPRIGHT, ONLY_STORED), (UPRIGHT, EITHER), (STORED, EITHER))
    found = read_boxes(tmp_path)
    assert (found["1.jpg"], found["2.jpg"]) == (turned(EITHER), turned(EITHER))


def test_labels_of_a_larger_copy_are_scaled(tmp_path):
    Image.new("RGB", (96, 64)).save(tmp_path / "a.jpg")
    text = "file,width,height,x1,y1,x2,y2,text\na.jpg,960,640,100,200,300,250,\n"
    (tmp_path / "boxes.csv").write_text(text)
    (photo,) = read_annotations(tmp_path).photos
    assert (photo.width, photo.height) == (96, 64)
    assert photo.boxes[0].xyxy == pytest.approx((10, 20, 30, 25))


def test_labels_of_another_shape_are_refused(tmp_path):
    Image.new("RGB", (96, 64)).save(tmp_path / "a.jpg")
    text = "file,width,height,x1,y1,x2,y2,text\na.jpg,100,100,10,20,30,25,\n"
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(AnnotationError, match=r"a\.jpg: labelled as 100 x 100, but is 96 x 64"):
        read_annotations(tmp_path)
