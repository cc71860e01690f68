"""Which photos of a set a command takes."""

import pytest

from lightning_plates.cli._photo_sets import choose_photos
from lightning_plates.data.annotations import boxes_csv
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.data.split import make_split, read_split, write_split
from lightning_plates.errors import InputError


@pytest.fixture
def photos(tmp_path, make_photo_set):
    boxes = {f"{number}.png": [BoxRecord(10, 20, 40, 30)] for number in range(10)}
    made = make_photo_set(tmp_path, boxes)
    boxes_csv.write(made, tmp_path)
    return made


@pytest.mark.parametrize("side", ["train", "val", "test"])
def test_a_side_is_that_of_the_split_on_disk(photos, side):
    write_split(make_split(photos, seed=3, fractions=(0.5, 0.3, 0.2)), photos.root)
    expected = set(read_split(photos.root).files(side))
    for path in (photos.root, photos.root / "boxes.csv"):
        assert {photo.file for photo in choose_photos(path, None, side).photos} == expected
    assert len(choose_photos(photos.root, None).photos) == 10
    one = min(expected)
    assert [p.file for p in choose_photos(photos.root, one, side).photos] == [one]


def test_a_side_of_a_set_that_was_not_divided_is_refused(photos):
    with pytest.raises(InputError, match=r"no split\.csv, so nothing says which photos are val"):
        choose_photos(photos.root, None, "val")
    write_split(make_split(photos, fractions=(1.0, 0.0, 0.0)), photos.root)
    with pytest.raises(InputError, match="leaves no val photos"):
        choose_photos(photos.root, None, "val")
