"""Labels go to the photo they were made for, or that photo is left out: never to be "no plate"."""

import json

import pytest

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.errors import AnnotationError

BOX = [10, 20, 30, 10]
HEADER = "file,width,height,x1,y1,x2,y2,text\n"


@pytest.fixture
def folder(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"a.jpg": (), "b.jpg": (), "c.jpg": ()})
    return tmp_path


def write_coco(folder, images, annotations, categories=()):
    content = {
        "images": [{"id": i, "file_name": f, "width": 96, "height": 64} for i, f in images],
        "annotations": [{"image_id": i, "category_id": c, "bbox": b} for i, c, b in annotations],
        "categories": [{"id": i, "name": n} for i, n in categories],
    }
    (folder / "x.json").write_text(json.dumps(content))


def boxes(found):
    return {photo.file: len(photo.boxes) for photo in found.annotations.photos}


@pytest.mark.parametrize(
    ("written", "meant"), [("1", 1), (1, "1"), (1.0, "1"), ("001", 1), (" 1 ", 1), ("x", "x")]
)
def test_ids_are_compared_as_text_where_their_types_differ(folder, written, meant):
    write_coco(folder, [(written, "a.jpg")], [(meant, meant, BOX)], [(written, "placa")])
    found = read_labels(folder)
    assert found.problems == ()
    assert found.annotations.photos[0].boxes == (BoxRecord(10, 20, 40, 30, "placa"),)


def test_ids_of_both_types_are_told_apart(folder):
    write_coco(
        folder, [("1", "a.jpg"), (1, "b.jpg")], [("1", 0, BOX), (1, 0, BOX), (1, 0, [1, 2, 3, 4])]
    )
    assert boxes(read_labels(folder)) == {"a.jpg": 1, "b.jpg": 2}


def test_ids_that_occur_twice_keep_both_photos_out(folder):
    write_coco(folder, [(1, "a.jpg"), (1, "b.jpg"), (2, "c.jpg")], [(1, 0, BOX), (2, 0, BOX)])
    found = read_labels(folder)
    assert boxes(found) == {"c.jpg": 1}
    assert {problem.photo for problem in found.problems} == {"a.jpg", "b.jpg"}
    assert "a.jpg: 2 images have the id 1" in str(found.problems[0])


@pytest.mark.parametrize("identity", [9, "nine", None, [1], {"x": 1}, True])
def test_boxes_of_no_image_leave_no_photo_to_be_without_a_plate(folder, identity):
    write_coco(folder, [(1, "a.jpg"), (2, "b.jpg")], [(1, 0, BOX), (identity, 0, BOX)])
    found = read_labels(folder)
    assert boxes(found) == {"a.jpg": 1}
    assert any("b.jpg: has no box, but 1 entries belong to no known photo" in str(p)
               for p in found.problems)  # fmt: skip


def test_a_file_of_images_alone_says_nothing_of_plates(folder):
    (folder / "x.json").write_text('{"images": [{"id": 1, "file_name": "a.jpg"}]}')
    with pytest.raises(AnnotationError, match="missing required field `annotations`"):
        read_labels(folder)


def test_a_class_of_two_names_keeps_the_photo_out(folder):
    classes = [(1, "car"), (1, "plate"), (2, "plate")]
    write_coco(folder, [(1, "a.jpg"), (2, "b.jpg")], [(1, 1, BOX), (2, 2, BOX)], classes)
    found = read_labels(folder, classes=["plate"])
    assert boxes(found) == {"b.jpg": 1}
    assert "category_id 1 is car and plate" in str(found.problems[0])


def test_two_entries_of_one_name_that_differ_may_be_two_photos(folder):
    other = [1, 2, 3, 4]
    write_coco(
        folder,
        [(1, "a.jpg"), (7, "a.jpg"), (2, "b.jpg")],
        [(1, 0, BOX), (7, 0, other), (2, 0, BOX)],
    )
    found = read_labels(folder)
    assert boxes(found) == {"b.jpg": 1}
    assert "a.jpg: has other boxes here" in str(found.problems[0])


def test_two_entries_that_agree_are_one(folder):
    write_coco(folder, [(1, "a.jpg"), (7, "a.jpg")], [(1, 0, BOX), (7, 0, BOX)])
    found = read_labels(folder)
    assert boxes(found) == {"a.jpg": 1}
    assert [problem.row_only for problem in found.problems] == [True]


def test_a_key_that_occurs_twice_is_refused(folder):
    photo = '"a.jpg7": {"filename": "a.jpg", "regions": []}'
    (folder / "via.json").write_text("{" + photo + "," + photo + "}")
    with pytest.raises(AnnotationError, match=r"via\.json: the key 'a\.jpg7' occurs twice"):
        read_labels(folder)


def test_photos_of_one_name_and_two_lengths_in_via_may_be_two(folder):
    rect = {"name": "rect", "x": 10, "y": 20, "width": 5, "height": 6}
    region = {"shape_attributes": rect, "region_attributes": {}}
    content = {
        "a.jpg7": {"filename": "a.jpg", "regions": [region]},
        "a.jpg8": {"filename": "a.jpg", "regions": []},
    }
    (folder / "via.json").write_text(json.dumps(content))
    assert boxes(read_labels(folder)) == {}


def test_a_name_that_fits_several_photos_spoils_them_all(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"x/a.jpg": (), "y/a.jpg": (), "b.jpg": ()})
    rows = "a.jpg,96,64,1,2,30,20,\nx/a.jpg,96,64,,,,,\nb.jpg,96,64,,,,,\n"
    (tmp_path / "boxes.csv").write_text(HEADER + rows)
    found = read_labels(tmp_path)
    assert boxes(found) == {"b.jpg": 0}
    assert "fits several photos (x/a.jpg, y/a.jpg)" in str(found.problems[0])


def test_two_label_files_of_one_photo_that_differ_keep_it_out(folder):
    for place, line in (("one", "0 0.5 0.5 0.2 0.2"), ("two", "0 0.5 0.5 0.3 0.3")):
        (folder / "labels" / place).mkdir(parents=True)
        (folder / "labels" / place / "a.txt").write_text(line)
    assert boxes(read_labels(folder / "labels")) == {}


@pytest.mark.parametrize(
    ("label", "photo"),
    [
        ("se\u00f1al.jpg", "sen\u0303al.jpg"),
        ("sen\u0303al.jpg", "se\u00f1al.jpg"),
        ("fotos/se%C3%B1al%20%231.jpg", "se\u00f1al #1.jpg"),
        ("images\\0f6142f0-IMG_0.jpg", "IMG_0.jpg"),
        ("0f6142f0-IMG_0.png", "IMG_0.jpg"),
        ("100%.jpg", "100%.jpg"),
    ],
)
def test_names_as_tools_and_systems_write_them(tmp_path, make_photo_set, label, photo):
    make_photo_set(tmp_path, {photo: (), "other.jpg": ()})
    (tmp_path / "boxes.csv").write_text(f"{HEADER}{label},96,64,1,2,30,20,\n")
    assert [one.file for one in read_labels(tmp_path).annotations.photos] == [photo]


def test_a_name_is_first_taken_as_it_stands(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"0f6142f0-a.jpg": (), "a.jpg": ()})
    (tmp_path / "boxes.csv").write_text(f"{HEADER}0f6142f0-a.jpg,96,64,1,2,30,20,\n")
    assert read_labels(tmp_path).annotations.photos[0].file == "0f6142f0-a.jpg"


def test_uploads_of_two_photos_of_one_name_are_not_joined(folder):
    rows = "0f6142f0-a.jpg,96,64,1,2,30,20,\n1f6142f0-a.jpg,96,64,5,6,30,20,\n"
    (folder / "boxes.csv").write_text(HEADER + rows)
    assert boxes(read_labels(folder)) == {}


def test_what_macos_leaves_in_an_archive_is_nothing(tmp_path, make_photo_set):
    make_photo_set(tmp_path / "images", {"a.jpg": ()})
    for place in ("labels", "__MACOSX/labels"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "labels" / "._a.txt").write_bytes(b"\0\5\x16\7")
    (tmp_path / "__MACOSX" / "labels" / "._a.txt").write_bytes(b"\0\5\x16\7")
    (tmp_path / "images" / "._a.jpg").write_bytes(b"\0\5\x16\7")
    found = read_labels(tmp_path)
    assert (found.problems, found.unlabelled, boxes(found)) == ((), (), {"images/a.jpg": 1})
