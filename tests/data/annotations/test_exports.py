"""What labelling tools export is read as it was drawn, with each tool's shapes and habits."""

import base64
import json
import struct
import zlib

import numpy as np
import pytest
from label_exports import EXPORTS
from only_label import only_box

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.errors import AnnotationError

BOXES = {
    "a.jpg": (BoxRecord(10, 20, 40, 30, "placa", "BCR123"), BoxRecord(50, 8, 90.5, 24.25, "moto")),
    "b ñ.jpg": (BoxRecord(0, 0, 96, 64, "placa"),),
}
KEEPS_TEXT = {
    "cvat_xml", "label_studio_json", "label_studio_min", "supervisely_json", "via_json", "via_csv",
}  # fmt: skip
CANNOT_SAY_EMPTY = {"open_images_csv", "tensorflow_csv"}


@pytest.fixture
def folder(tmp_path, make_photo_set):
    make_photo_set(tmp_path / "img", dict.fromkeys([*BOXES, "empty.jpg"], ()))
    return tmp_path


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_gives_the_boxes_that_were_drawn(folder, name):
    source = EXPORTS[name](folder / "labels", {**BOXES, "empty.jpg": ()})

    found = read_labels(source, folder / "img")

    assert found.problems == ()
    records = {photo.file: photo.boxes for photo in found.annotations.photos}
    assert records.keys() == BOXES.keys() | (set() if name in CANNOT_SAY_EMPTY else {"empty.jpg"})
    for file, boxes in BOXES.items():
        for box, read in zip(boxes, records[file], strict=True):
            assert read.xyxy == pytest.approx(box.xyxy, abs=1e-9)
            assert (read.label, read.text) == (box.label, box.text if name in KEEPS_TEXT else "")
    assert not records.get("empty.jpg")


@pytest.mark.parametrize("name", EXPORTS)
def test_the_folder_that_a_tool_exports_into_is_understood(folder, name):
    EXPORTS[name](folder / "labels", BOXES)
    assert {
        photo.file for photo in read_labels(folder / "labels", folder / "img").annotations.photos
    } == set(BOXES)


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    ["cvat", "labelme", "supervisely", "via", "openimagescsv", "tfcsv", "labelstudio/min.json",
     "labelstudio/export.json"],
)  # fmt: skip
def test_exports_of_real_photos_hold_the_boxes_of_the_set(shared_dir, name):
    photos = shared_dir / "data" / "plates" / "openimages"
    cases = shared_dir / "cases" / "label_formats"
    if not cases.is_dir():
        pytest.skip("needs the label files of other tools in ../shared/cases/label_formats")
    truth = {photo.file: photo for photo in read_labels(photos).annotations.photos}

    found = read_labels(cases / name, photos)

    assert (found.problems, len(found.annotations.photos), found.annotations.box_count) == (
        (), 40, 52,
    )  # fmt: skip
    for photo in found.annotations.photos:
        boxes = sorted(box.xyxy for box in photo.boxes)
        expected = sorted(box.xyxy for box in truth[photo.file].boxes)
        assert np.array(boxes) == pytest.approx(np.array(expected), abs=0.01)


def write_cvat_shape(folder, shape):
    image = f"<image id='0' name='a.jpg' width='96' height='64'>{shape}</image>"
    (folder / "img" / "a.xml").write_text(f"<annotations>{image}</annotations>")


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ("<polygon label='p' points='10,20;40.5,22;38,30'/>", (10, 20, 40.5, 30)),
        ("<mask label='p' rle='1, 2' left='10' top='20' width='5' height='6'/>", (10, 20, 15, 26)),
        ("<ellipse label='p' cx='20' cy='30' rx='5' ry='4'/>", (15, 26, 25, 34)),
        ("<box label='p' xtl='10' ytl='20' xbr='30' ybr='30' rotation='90'/>", (15, 15, 25, 35)),
        ("<tag label='night'/><box label='p' xtl='1' ytl='2' xbr='30' ybr='30'/>", (1, 2, 30, 30)),
    ],
)
def test_shapes_of_cvat(folder, shape, box):
    write_cvat_shape(folder, shape)
    assert only_box(folder / "img").xyxy == pytest.approx(box)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("<points label='p' points='10,20'/>", "a points has no box"),
        ("<box label='p' xtl='1' ytl='2' xbr='30'/>", "no ybr"),
        ("<box label='p' xtl='1_0' ytl='2' xbr='30' ybr='²'/>", "xtl: not a number: '1_0'"),
        ("<polygon label='p' points='10,20;30'/>", "points: no x and y"),
        ("<ellipse label='p' cx='20' cy='30' rx='5' ry='4' rotation='30'/>", "a turned ellipse"),
    ],
)
def test_a_shape_of_cvat_without_box_keeps_its_photo_out(folder, shape, message):
    write_cvat_shape(folder, shape)
    found = read_labels(folder / "img")
    assert found.annotations.photos == ()
    assert message in str(found.problems[0])


def test_labels_of_a_video_are_refused_with_what_to_export(folder):
    (folder / "img" / "a.xml").write_text("<annotations><track id='0'/></annotations>")
    with pytest.raises(AnnotationError, match=r"export them from CVAT as 'CVAT for images 1\.1'"):
        read_labels(folder / "img")


def write_studio(folder, *annotations, **task):
    content = [{"id": 7, "data": {"image": "a.jpg"}, "annotations": list(annotations), **task}]
    (folder / "img" / "x.json").write_text(json.dumps(content))


def studio_box(x, **more):
    value = {"x": x, "y": 25, "width": 50, "height": 25, "rectanglelabels": ["placa"]}
    return {"value": value | more, "original_width": 96, "original_height": 64}


def test_a_region_in_several_parts_is_one_box(folder):
    place = {"x": 25, "y": 25, "width": 50, "height": 25}
    size = {"original_width": 96, "original_height": 64, "id": "r1"}
    parts = [
        {"type": "rectangle", "value": place, **size},
        {"type": "labels", "value": {**place, "labels": ["placa"]}, **size},
        {"type": "textarea", "value": {**place, "text": ["BCR", "123"]}, **size},
        {"type": "choices", "value": {"choices": ["night"]}},
        {"type": "textarea", "value": {"text": ["a remark"]}},
    ]
    write_studio(folder, {"result": parts})
    assert only_box(folder / "img") == BoxRecord(24, 16, 72, 32, "placa", "BCR123")


def test_a_box_that_was_turned_in_label_studio_turns_about_its_corner(folder):
    write_studio(folder, {"result": [studio_box(50, rotation=90)]})
    box = only_box(folder / "img")
    # 48 × 16 pixels at (48, 16), turned clockwise about that corner: 16 wide, 48 high.
    assert box.xyxy == pytest.approx((32, 16, 48, 64))
    assert box.corners is not None


def test_tasks_that_nobody_annotated_are_no_photos_without_a_plate(folder):
    write_studio(folder)
    assert read_labels(folder / "img").named == ()
    write_studio(folder, {"result": [], "was_cancelled": True})
    assert read_labels(folder / "img").named == ()
    write_studio(folder, {"result": []})
    assert read_labels(folder / "img").annotations.photos[0].boxes == ()


def test_annotators_who_disagree_keep_a_photo_out_unless_one_is_the_truth(folder):
    first, second = {"result": [studio_box(25)]}, {"result": [studio_box(30)]}
    write_studio(folder, first, second)
    found = read_labels(folder / "img")
    assert (found.annotations.photos, found.problems[0].kind) == (
        (), "labelled twice and differently",
    )  # fmt: skip
    write_studio(folder, first, second | {"ground_truth": True})
    assert only_box(folder / "img").x1 == pytest.approx(28.8)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"value": {"x": 1, "y": 2, "keypointlabels": ["p"]}}, "no width and height"),
        ({"value": {"rle": [1], "brushlabels": ["p"], "format": "rle"}}, "no x and y"),
        (studio_box(25) | {"image_rotation": 90}, "turned in Label Studio"),
        (studio_box("left"), "x: expected"),
        (studio_box(25, rotation=5) | {"original_width": None}, "without original_width"),
    ],
)
def test_a_region_of_label_studio_without_box_keeps_its_photo_out(folder, result, message):
    write_studio(folder, {"result": [result]})
    found = read_labels(folder / "img")
    assert found.annotations.photos == ()
    assert message in str(found.problems[0])


@pytest.mark.parametrize(
    "address",
    ["/data/local-files/?d=fotos/a.jpg", "https://host/x/a.jpg?token=1#2", "s3://bucket/a.jpg",
     "fotos\\a.jpg", "/data/upload/3/0f6142f0-a.jpg"],
)  # fmt: skip
def test_addresses_of_photos_in_label_studio(folder, address):
    write_studio(folder, {"result": [studio_box(25)]}, data={"remark": "x", "photo": address})
    assert only_box(folder / "img").label == "placa"


def write_labelme_shape(folder, **shape):
    content = {"shapes": [shape], "imagePath": "..\\fotos\\a.jpg"}
    (folder / "img" / "a.json").write_text(json.dumps(content))


def test_shapes_of_labelme(folder):
    points = [[10, 20], [40, 18], [41, 30], [11, 33]]
    write_labelme_shape(folder, label="p", points=points, shape_type="polygon")
    box = only_box(folder / "img")
    assert (box.xyxy, box.corners) == ((10, 18, 41, 33), tuple(map(tuple, points)))
    write_labelme_shape(folder, label="p", points=[[20, 30], [23, 34]], shape_type="circle")
    assert only_box(folder / "img").xyxy == (15, 25, 25, 35)
    write_labelme_shape(folder, label="p", points=[[20, 30]], shape_type="point")
    assert "a point has no box" in str(read_labels(folder / "img").problems[0])


def png_head(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)


def write_supervisely_object(folder, **item):
    content = {"size": {"width": 96, "height": 64}, "tags": [], "objects": [item]}
    (folder / "img" / "a.jpg.json").write_text(json.dumps(content))


def test_a_bitmap_of_supervisely_lies_where_its_picture_does(folder):
    data = base64.b64encode(zlib.compress(png_head(20, 10) + bytes(10**6))).decode()
    bitmap = {"data": data, "origin": [30, 40]}
    write_supervisely_object(folder, geometryType="bitmap", bitmap=bitmap, classTitle="p")
    assert only_box(folder / "img") == BoxRecord(30, 40, 50, 50, "p")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"geometryType": "point"}, "geometryType 'point' has no box"),
        ({"geometryType": "rectangle"}, "has no box"),
        ({"geometryType": "bitmap", "bitmap": {"data": "%", "origin": [0, 0]}}, "bitmap.data"),
        ({"geometryType": "bitmap", "bitmap": {"data": "AAAA", "origin": [0, 0]}}, "bitmap.data"),
        ({}, "geometryType"),
    ],
)
def test_an_object_of_supervisely_without_box_keeps_its_photo_out(folder, item, message):
    write_supervisely_object(folder, **item)
    found = read_labels(folder / "img")
    assert found.annotations.photos == ()
    assert message in str(found.problems[0])


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ({"name": "rect", "x": 10, "y": 20, "width": 5, "height": 6}, (10, 20, 15, 26)),
        ({"name": "circle", "cx": 20, "cy": 30, "r": 5}, (15, 25, 25, 35)),
        ({"name": "ellipse", "cx": 20, "cy": 30, "rx": 5, "ry": 4}, (15, 26, 25, 34)),
        ({"name": "polygon", "all_points_x": [1, 9, 5], "all_points_y": [2, 3, 8]}, (1, 2, 9, 8)),
    ],
)
@pytest.mark.parametrize("wrap", ["list", "by number", "project"])
def test_shapes_of_via(folder, shape, box, wrap):
    region = {"shape_attributes": shape, "region_attributes": {"kind": {"placa": True, "x": False}}}
    photo = {"filename": "a.jpg", "regions": {"0": region} if wrap == "by number" else [region]}
    content = {"a.jpg7": photo}
    if wrap == "project":
        content = {"_via_settings": {}, "_via_img_metadata": content}
    (folder / "img" / "via.json").write_text(json.dumps(content))
    found = only_box(folder / "img")
    assert (found.xyxy, found.label) == (box, "placa")


def test_a_header_of_the_first_via_begins_with_a_hash(folder):
    EXPORTS["via_csv"](folder / "img", BOXES)
    file = folder / "img" / "via.csv"
    file.write_text("#" + file.read_text())
    assert read_labels(folder / "img").annotations.box_count == 3


def test_open_images_names_its_classes_beside_the_file_and_groups_are_no_plate(folder):
    plate = BoxRecord(10, 20, 40, 30, "/m/01jfm_")
    EXPORTS["open_images_csv"](folder / "img", {"a.jpg": [plate, BoxRecord(1, 2, 90, 60, "/m/07")]})
    (folder / "img" / "class-descriptions-boxable.csv").write_text("/m/07,Bus\n")
    found = read_labels(folder / "img")
    assert found.classes == {"Vehicle registration plate": 1, "Bus": 1}
    file = folder / "img" / "annotations-bbox.csv"
    file.write_text(file.read_text().replace(",0\n", ",1\n", 1))
    found = read_labels(folder / "img", classes=["Bus"])
    assert (found.problems, found.annotations.box_count) == ((), 1)
    assert "IsGroupOf" in str(read_labels(folder / "img").problems[0])
