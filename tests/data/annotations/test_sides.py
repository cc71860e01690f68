"""A set that comes divided says so."""

import json

import pytest

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.sides import side_named, side_of_folder

HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("train", "train"), ("Training", "train"), ("val", "val"), ("valid", "val"),
        ("validation", "val"), ("val2017", "val"), ("test", "test"),
        ("instances_train2017", "train"), ("test-annotations-bbox", "test"), ("latest", ""),
        ("invalid", ""), ("contest", ""),
        ("train_test", ""), ("plates", ""), ("", ""),
    ],
)  # fmt: skip
def test_names_of_sides(name, side):
    assert side_named(name) == side


@pytest.mark.parametrize(
    ("file", "side"),
    [
        ("train/images/1.jpg", "train"), ("images/val2017/1.jpg", "val"), ("test.jpg", ""),
        ("train/val/1.jpg", ""), ("my_train/1.jpg", ""), ("1.jpg", ""),
    ],
)  # fmt: skip
def test_folders_of_sides(file, side):
    assert side_of_folder(file) == side


def sides(found):
    return {photo.file: photo.side for photo in found.annotations.photos}


def test_folders_divide_a_set(tmp_path, make_photo_set):
    files = ("train/a.jpg", "train/b.jpg", "valid/c.jpg")
    make_photo_set(tmp_path, dict.fromkeys(files, ()))
    rows = "".join(f"{file},96,64,p,1,2,30,20\n" for file in files)
    (tmp_path / "all.csv").write_text(HEADER + rows)
    found = read_labels(tmp_path)
    assert sides(found) == {"train/a.jpg": "train", "train/b.jpg": "train", "valid/c.jpg": "val"}
    assert found.division == "comes divided: train 2, val 1"


@pytest.mark.parametrize("files", [("train/a.jpg", "train/b.jpg"), ("a.jpg", "b.jpg")])
def test_one_side_alone_divides_nothing(tmp_path, make_photo_set, files):
    make_photo_set(tmp_path, dict.fromkeys(files, ()))
    rows = "".join(f"{file},96,64,p,1,2,30,20\n" for file in files)
    (tmp_path / "all.csv").write_text(HEADER + rows)
    found = read_labels(tmp_path)
    assert set(sides(found).values()) == {""}
    assert found.division == ""


def test_a_division_with_gaps_is_told_and_not_kept(tmp_path, make_photo_set):
    files = ("train/a.jpg", "valid/b.jpg", "c.jpg")
    make_photo_set(tmp_path, dict.fromkeys(files, ()))
    rows = "".join(f"{file},96,64,p,1,2,30,20\n" for file in files)
    (tmp_path / "all.csv").write_text(HEADER + rows)
    found = read_labels(tmp_path)
    assert set(sides(found).values()) == {""}
    assert found.division == "comes divided (train 1, val 1), but not 1 of its photos"


def test_label_files_of_each_side_are_parts_of_one_set(tmp_path, make_photo_set):
    make_photo_set(tmp_path / "img", {"a.jpg": (), "b.jpg": ()})
    for side, file in (("train", "a.jpg"), ("test", "b.jpg")):
        (tmp_path / f"{side}_labels.csv").write_text(f"{HEADER}{file},96,64,p,1,2,30,20\n")
    assert sides(read_labels(tmp_path)) == {"img/a.jpg": "train", "img/b.jpg": "test"}


def test_subsets_of_cvat_and_lists_of_voc_divide_a_set(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"a.jpg": (), "b.jpg": ()})
    images = "".join(
        f"<image id='{n}' name='{file}' subset='{side}' width='96' height='64'/>"
        for n, (file, side) in enumerate((("a.jpg", "Train"), ("b.jpg", "Validation")))
    )
    (tmp_path / "x.xml").write_text(f"<annotations>{images}</annotations>")
    assert sides(read_labels(tmp_path)) == {"a.jpg": "train", "b.jpg": "val"}

    (tmp_path / "x.xml").write_text(f"<annotations>{images}</annotations>".replace("subset", "job"))
    assert set(sides(read_labels(tmp_path)).values()) == {""}
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n")
    (lists / "val.txt").write_text("b 1\n")
    (lists / "trainval.txt").write_text("a\nb\n")
    assert sides(read_labels(tmp_path)) == {"a.jpg": "train", "b.jpg": "val"}


def test_coco_in_folders_of_sides(tmp_path, make_photo_set):
    for side in ("train", "valid"):
        make_photo_set(tmp_path / side, {f"{side}.jpg": ()})
        images = [{"id": 1, "file_name": f"{side}.jpg", "width": 96, "height": 64}]
        content = {"images": images, "annotations": []}
        (tmp_path / side / "_annotations.coco.json").write_text(json.dumps(content))
    assert sides(read_labels(tmp_path)) == {"train/train.jpg": "train", "valid/valid.jpg": "val"}
