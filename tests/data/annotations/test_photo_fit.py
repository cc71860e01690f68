"""Whoever reads labels gets boxes in pixels of the photo as it is decoded."""

import numpy as np
import pytest
from PIL import Image

from lightning_plates.data.annotations import read_annotations
from lightning_plates.errors import AnnotationError
from lightning_plates.photos import load_photo

ORIENTATION = 0x0112


def write_set(folder, width, height, box):
    cells = ",".join(str(value) for value in box)
    (folder / "boxes.csv").write_text(
        f"file,width,height,x1,y1,x2,y2,text\na.jpg,{width},{height},{cells},\n"
    )


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_labels_of_a_photo_before_its_rotation_are_turned(tmp_path, orientation):
    stored = np.zeros((64, 96, 3), dtype=np.uint8)
    stored[8:24, 16:40] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=95)
    write_set(tmp_path, 96, 64, (16, 8, 40, 24))

    (photo,) = read_annotations(tmp_path).photos

    upright = load_photo(tmp_path / "a.jpg")
    assert (photo.height, photo.width) == upright.shape[:2]
    x1, y1, x2, y2 = map(int, photo.boxes[0].xyxy)
    assert upright[y1:y2, x1:x2].mean() > 240
    assert upright.mean() * upright[..., 0].size == pytest.approx(255 * 24 * 16, rel=0.03)
    assert (x2 - x1) * (y2 - y1) == 24 * 16


def test_labels_of_a_larger_copy_are_scaled(tmp_path):
    Image.new("RGB", (96, 64)).save(tmp_path / "a.jpg")
    write_set(tmp_path, 960, 640, (100, 200, 300, 250))
    (photo,) = read_annotations(tmp_path).photos
    assert (photo.width, photo.height) == (96, 64)
    assert photo.boxes[0].xyxy == pytest.approx((10, 20, 30, 25))


def test_labels_of_another_shape_are_refused(tmp_path):
    Image.new("RGB", (96, 64)).save(tmp_path / "a.jpg")
    write_set(tmp_path, 100, 100, (10, 20, 30, 25))
    with pytest.raises(AnnotationError, match=r"a\.jpg: labelled as 100 x 100, but is 96 x 64"):
        read_annotations(tmp_path)
