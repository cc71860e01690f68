"""YOLO's text files and the ``data.yaml`` of a set, as programs write them."""

import pytest
from only_label import only_box

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.errors import InputError

BOX = BoxRecord(36, 16, 60, 48)
"""``0.5 0.5 0.25 0.5`` of 96 × 64."""


@pytest.fixture
def folder(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"a.jpg": ()})
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.25 0.5", "0.0 0.5 0.5 0.25 0.5",
        "0.000000000000000000e+00 5.000000000000000000e-01 0.5 2.5e-01 0.5",
        "0,0.5,0.5,0.25,0.5", "0, 0.5, 0.5, 0.25, 0.5", "0;0,5;0,5;0,25;0,5;", "0 0,5 0,5 0,25 0,5",
        "0 0.5 0.5 0.25 -0.5", "0 0.5 0.5 -0.25 0.5", "0 0.5 0.5 0.25 0.5 0.913",
        "0\t.5\t.5\t.25\t.5",
    ],
)  # fmt: skip
def test_lines_as_programs_write_them(folder, line):
    (folder / "a.txt").write_text(line + "\n")
    assert only_box(folder) == BOX


def test_confidences_are_told(folder):
    (folder / "a.txt").write_text("0 0.5 0.5 0.25 0.5 0.9\n0 0.25 0.25 0.1 0.1 0.8\n")
    (note,) = read_labels(folder).notes
    assert note.startswith("2 boxes: have a confidence")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.25", "expected 5 numbers, got 4"),
        ("0.5 0.5 0.5 0.25 0.5", "class is not a whole number: '0.5'"),
        ("-1 0.5 0.5 0.25 0.5", "class is not a whole number: '-1'"),
        ("² 0.5 0.5 0.25 0.5", "not a number: '²'"),
        (f"{'9' * 5000} 0.5 0.5 0.25 0.5", "class is not a whole number"),
        ("0 0.5 0.5 0.25 0.5 913", "a confidence from 0 to 1: '913'"),
        ("0 0.5 0.5 0.25 nan", "coordinate that is no number"),
        ("0 0_5 0.5 0.25 0.5", "not a number: '0_5'"),
    ],
)
def test_a_line_that_is_none_is_one_problem(folder, line, message):
    (folder / "a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    found = read_labels(folder)
    assert found.annotations.photos == ()
    (problem,) = found.problems
    assert message in str(problem)
    assert len(str(problem)) < 300


@pytest.fixture
def export(tmp_path, make_photo_set):
    """A set as Roboflow writes it, with the same name on every side."""
    for side, x in (("train", 0.25), ("valid", 0.5), ("test", 0.75)):
        make_photo_set(tmp_path / side / "images", {"1.jpg": ()})
        (tmp_path / side / "labels").mkdir()
        (tmp_path / side / "labels" / "1.txt").write_text(f"0 {x} 0.5 0.25 0.5\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "2.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnames: [placa]\n",
        "path: .\ntrain: train/images\nval: [valid/images]\ntest: test/images/\nnames: {0: placa}",
        "train: train.txt\nval: valid/images\ntest: test/images\nnames: ['placa']\n",
    ],
)
def test_a_description_names_photos_sides_and_classes(export, text):
    (export / "train.txt").write_text("./train/images/1.jpg\n")
    (export / "data.yaml").write_text(text)
    found = read_labels(export / "data.yaml")
    assert found.problems == ()
    photos = {photo.file: photo for photo in found.annotations.photos}
    assert {file: photo.side for file, photo in photos.items()} == {
        "train/images/1.jpg": "train", "valid/images/1.jpg": "val", "test/images/1.jpg": "test",
    }  # fmt: skip
    assert [photo.boxes[0].x1 for photo in photos.values()] == [60, 12, 36]
    assert {photo.boxes[0].label for photo in photos.values()} == {"placa"}


def test_a_description_with_names_alone_stands_for_its_folder(export):
    (export / "data.yaml").write_text("names: [placa]\n")
    assert len(read_labels(export / "data.yaml").annotations.photos) == 3


def test_photos_on_two_sides_are_on_none(export):
    (export / "data.yaml").write_text("train: train/images\nval: train/images\n")
    (photo,) = read_labels(export / "data.yaml").annotations.photos
    assert photo.side == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: nowhere\n", r"data\.yaml: train: no such folder or list: 'nowhere'"),
        ("train: [[a]]\n", r"data\.yaml: train\[0\]: expected `str`, got `array`"),
        ("names: 3\n", r"data\.yaml: names: expected"),
        ("names: [{a: 1}]\n", r"data\.yaml: names\[0\]: expected"),
        ("- train\n", r"data\.yaml: expected `object`, got `array`"),
        ("names: [\n", r"data\.yaml: not YAML"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]\n", r"data\.yaml: names\[0\]: expected"),
        (f"names: {{{'9' * 5000}: a}}\n", r"data\.yaml: not YAML"),
    ],
)
def test_a_description_that_is_none_is_one_line(export, text, message):
    (export / "data.yaml").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_labels(export / "data.yaml")
    assert "\n" not in str(caught.value)
    if "names" in text:
        with pytest.raises(InputError, match=message):
            read_labels(export / "train")
