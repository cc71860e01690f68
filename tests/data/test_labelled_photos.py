import pytest

from lightning_plates.cli._photo_sets import choose_photos
from lightning_plates.data.annotations import boxes_csv
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.data.labelled_photos import read_divided
from lightning_plates.data.split import make_split, write_split
from lightning_plates.data.windows.photos import PhotoSet, divide_source
from lightning_plates.errors import InputError


@pytest.fixture
def photo_set(tmp_path, make_photo_set):
    boxes = {f"{number}.png": (BoxRecord(5, 5, 25, 15),) for number in range(10)}
    annotations = make_photo_set(tmp_path / "photos", boxes)
    boxes_csv.write(annotations, annotations.root)
    return annotations


def test_a_written_split_is_taken_by_its_path(tmp_path, photo_set):
    split = make_split(photo_set, "thesis", (0.6, 0.4, 0.0), seed=7)
    write_split(split, tmp_path / "mine.csv")
    divided = read_divided([photo_set.root], str(tmp_path / "mine.csv"))
    assert tuple(photo.file for photo in divided.sides["val"]) == split.files("val")
    assert len(divided.sides["val"]) == 4
    assert (divided.divisions[0].protocol, divided.divisions[0].seed) == ("thesis", 7)


def test_a_misspelt_protocol_names_the_known_ones(photo_set):
    with pytest.raises(InputError, match="'groupd' is none of auto, own, grouped, thesis, none"):
        read_divided([photo_set.root], "groupd")


def test_boxes_of_several_classes_are_told_before_they_are_trained_on(tmp_path, make_photo_set):
    boxes = (BoxRecord(0, 0, 90, 60, "car"), BoxRecord(10, 20, 40, 30, "licence"))
    names = [f"{number}.png" for number in range(10)]
    boxes_csv.write(make_photo_set(tmp_path, dict.fromkeys(names, boxes)), tmp_path)
    (division,) = read_divided([tmp_path]).divisions
    assert "all classes count as plates: 'car' 10, 'licence' 10" in division.description


@pytest.fixture
def divided(tmp_path, make_photo_set):
    """A set in folders of sides, without a ``split.csv``."""
    files = ("train/a.png", "train/b.png", "valid/c.png", "test/d.png")
    boxes = dict.fromkeys(files, (BoxRecord(5, 5, 25, 15),))
    boxes_csv.write(make_photo_set(tmp_path / "set", boxes), tmp_path / "set")
    return tmp_path / "set"


def test_a_set_that_comes_divided_is_trained_on_so(divided):
    sets = read_divided([divided])
    assert {side: [p.file for p in photos] for side, photos in sets.sides.items()} == {
        "train": ["train/a.png", "train/b.png"], "val": ["valid/c.png"], "test": ["test/d.png"],
    }  # fmt: skip
    assert sets.divisions[0].protocol == "own"
    assert "split own, as the set came" in sets.divisions[0].description
    assert read_divided([divided], "grouped").divisions[0].protocol == "grouped"


def test_windows_and_sides_of_a_set_that_comes_divided_are_its_own(divided):
    found = divide_source(PhotoSet(divided), seed=0)
    assert [photo.file for photo in found.sides["train"].photos] == ["train/a.png", "train/b.png"]
    assert [photo.file for photo in choose_photos(divided, None, "test").photos] == ["test/d.png"]
