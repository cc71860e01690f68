"""What other tools export, with their oddities."""

import json

import numpy as np
import pytest
from only_label import only_box, only_photo

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import BoxRecord, PhotoRecord
from lightning_plates.data.annotations.rle import RunLengths, mask_box
from lightning_plates.errors import AnnotationError, InputError


@pytest.fixture
def folder(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"a.jpg": (), "b.jpg": ()})
    return tmp_path


def write_coco(folder, *annotations):
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 96, "height": 64}],
        "annotations": [{"image_id": 1, "category_id": 2, **one} for one in annotations],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "licence"}],
    }
    (folder / "labels.json").write_text(json.dumps(content))


@pytest.mark.parametrize("bbox", [{}, {"bbox": []}, {"bbox": [0, 0, 0, 0]}, {"bbox": None}])
def test_an_outline_without_a_box_gets_the_box_around_it(folder, bbox):
    outlines = [[10, 20, 30, 18, 32.5, 26, 11, 27], [40, 21, 41, 25, 39, 30]]
    write_coco(folder, {"segmentation": outlines, **bbox})
    assert only_box(folder) == BoxRecord(10, 18, 41, 30, "licence")


@pytest.mark.parametrize(
    ("counts", "box"),
    [
        # Columns of 64: 10 rows of column 2, then rows 5 to 7 of column 4.
        ([2 * 64 + 3, 10, 64 - 13 + 64 + 5, 3, 6144 - 4 * 64 - 8], (2, 3, 5, 13)),
        # From row 60 of column 2 to row 3 of column 3: both ends of the photo's height.
        ([2 * 64 + 60, 8, 6144 - 2 * 64 - 68], (2, 0, 4, 64)),
    ],
)
def test_a_mask_without_a_box_gets_the_box_around_it(folder, counts, box):
    write_coco(folder, {"segmentation": {"counts": counts, "size": [64, 96]}})
    assert only_box(folder).xyxy == box


def test_compressed_masks_are_those_of_the_coco_api(folder):
    api = pytest.importorskip("pycocotools.mask", reason="needs the extra 'evaluate'")
    rng = np.random.default_rng(0)
    for _ in range(50):
        mask = np.zeros((64, 96), dtype=np.uint8, order="F")
        y, x = rng.integers(0, 60), rng.integers(0, 90)
        mask[y : y + rng.integers(1, 40), x : x + rng.integers(1, 60)] = 1
        mask[rng.random(mask.shape) < 0.02] = 1
        coded = api.encode(mask)
        left, top, width, height = api.toBbox(coded)
        found = mask_box(RunLengths(coded["counts"].decode(), (64, 96)))
        assert found == (left, top, left + width, top + height)


@pytest.mark.parametrize(
    ("counts", "message"),
    [("abc", "do not fill 96 x 64 pixels"), ("~", "no run lengths"), ("o" * 9, "no run lengths"),
     ([64 * 96], "an empty mask"), ([-1, 1], "do not fill"), ([], "do not fill"), (3, "counts")],
)  # fmt: skip
def test_a_mask_that_is_none_is_a_problem(folder, counts, message):
    write_coco(folder, {"segmentation": {"counts": counts, "size": [64, 96]}})
    (problem,) = read_labels(folder).problems
    assert message in str(problem)


def test_a_crowd_is_no_plate_and_keeps_its_photo_out_unless_it_is_of_another_class(folder):
    plate = {"bbox": [10, 20, 30, 10]}
    write_coco(folder, plate, {"bbox": [0, 0, 90, 60], "iscrowd": 1})
    found = read_labels(folder)
    assert found.annotations.photos == ()
    assert "iscrowd" in str(found.problems[0])
    write_coco(folder, plate, {"bbox": [0, 0, 90, 60], "iscrowd": 1, "category_id": 1})
    found = read_labels(folder, classes=["licence"])
    assert found.problems == ()
    assert found.annotations.photos[0].boxes == (BoxRecord(10, 20, 40, 30, "licence"),)


def test_boxes_of_other_classes_are_left_out_and_their_photos_kept(folder):
    header = "file,width,height,x1,y1,x2,y2,text,label"
    rows = (
        "a.jpg,96,64,0,0,90,60,,car", "a.jpg,96,64,10,20,40,30,,licence",
        "a.jpg,96,64,5,5,9,9,,car", "b.jpg,96,64,0,0,90,60,,car", "b.jpg,96,64,9,9,5,5,,car",
    )  # fmt: skip
    (folder / "boxes.csv").write_text("\n".join([header, *rows]) + "\n")
    found = read_labels(folder, classes=["licence"])
    assert found.problems == ()
    assert found.classes == {"car": 4, "licence": 1}
    boxes = {photo.file: photo.boxes for photo in found.annotations.photos}
    assert boxes == {"a.jpg": (BoxRecord(10, 20, 40, 30, "licence"),), "b.jpg": ()}
    with pytest.raises(InputError, match=r"no box is called 'plate' \(there are: 'car', 'licence'"):
        read_labels(folder, classes=["plate"])


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("classes.txt", "car\nlicence\n"),
        ("train/labels/obj.names", "car\nlicence\n"),
        ("data.yaml", "names: [car, licence]\nnc: 2\n"),
        ("data.yaml", "names:\n  0: car\n  1: licence\n"),
    ],
)
@pytest.mark.parametrize("given", ["", "train", "train/labels"])
def test_yolo_classes_have_the_names_of_the_export(tmp_path, make_photo_set, place, content, given):
    make_photo_set(tmp_path / "train" / "images", {"a.jpg": ()})
    (tmp_path / "train" / "labels").mkdir()
    (tmp_path / "train" / "labels" / "a.txt").write_text("1 0.5 0.5 0.25 0.5\r\n")
    (tmp_path / place).write_text(content)
    (photo,) = read_labels(tmp_path / given, tmp_path / "train").annotations.photos
    assert photo.boxes == (BoxRecord(36, 16, 60, 48, "licence"),)


def test_yolo_outlines_and_boxes_before_keypoints(folder):
    labels = folder / "labels"
    labels.mkdir()
    outline = "0 0.25 0.5 0.5 0.25 0.75 0.5 0.5 0.75 0.4 0.6\n"
    (labels / "a.txt").write_text(outline)
    assert only_box(folder).xyxy == (24, 16, 72, 48)
    (folder / "data.yaml").write_text("kpt_shape: [4, 2]\nnames: [plate]\n")
    corners = "0.4 0.3 0.6 0.3 0.6 0.7 0.4 0.7"
    (labels / "a.txt").write_text(f"0 0.5 0.5 0.25 0.5 {corners}\n")
    assert only_box(folder).xyxy == (36, 16, 60, 48)


def test_voc_of_a_renamed_photo_goes_by_the_name_of_its_file(folder):
    (folder / "Annotations").mkdir()
    voc = folder / "Annotations" / "b.xml"
    text = (
        "<annotation><filename>{}</filename><size><width>96</width><height>64</height></size>"
        "<object><name>plate</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax>"
        "<ymax>9</ymax></bndbox></object></annotation>"
    )
    voc.write_text(text.format("DSC 7.JPG"))
    assert only_photo(folder).file == "b.jpg"
    voc.write_text(text.format("a.jpg"))  # which of the two is it?
    found = read_labels(folder)
    assert found.annotations.photos == ()
    assert "fits several photos (a.jpg, b.jpg)" in str(found.problems[0])


def test_voc_files_of_equally_named_photos_go_by_their_folder(tmp_path, make_photo_set):
    photos = {"train/a.jpg": (), "val/a.jpg": ()}
    make_photo_set(tmp_path / "images", photos)
    text = "<annotation><filename>a.jpg</filename><size><width>96</width><height>64</height></size>"
    for name in ("train", "val"):
        (tmp_path / "Annotations" / name).mkdir(parents=True)
        (tmp_path / "Annotations" / name / "a.xml").write_text(text + "</annotation>")
    found = read_labels(tmp_path / "Annotations", tmp_path / "images")
    assert (found.problems, {p.file for p in found.annotations.photos}) == ((), set(photos))


def test_an_export_that_comes_divided_is_one_set(tmp_path, make_photo_set):
    for number, side in enumerate(("train", "valid"), start=1):
        make_photo_set(tmp_path / side, {f"{side}.jpg": ()})
        write_coco(tmp_path / side, {"bbox": [10, 20, 10 * number, 10]})
        content = (tmp_path / side / "labels.json").read_text()
        (tmp_path / side / "labels.json").write_text(content.replace("a.jpg", f"{side}.jpg"))
    found = read_labels(tmp_path)
    assert found.problems == ()
    boxes = {photo.file: photo.boxes[0].x2 for photo in found.annotations.photos}
    assert boxes == {"train/train.jpg": 20, "valid/valid.jpg": 30}
    (tmp_path / "valid" / "labels.json").rename(tmp_path / "valid" / "other.json")
    with pytest.raises(
        InputError, match=r"\(train/labels\.json, valid/other\.json\); name the one"
    ):
        read_labels(tmp_path)


def test_copies_that_roboflow_made_of_a_photo_are_one_group():
    names = [f"train/images/cam_1_jpg.rf.{'0123456789abcdef' * 2}.jpg", "cam_1_jpg.jpg"]
    assert {PhotoRecord(name, 1, 1, ()).group for name in names} == {"cam_1_jpg"}
    assert PhotoRecord("no.rf.hash.jpg", 1, 1, ()).group == "no.rf.hash"


def test_what_a_tool_saves_for_itself_is_refused_with_what_to_export(folder):
    (folder / "export.json").write_text(json.dumps({"name": "VoTT", "assets": {}, "tags": []}))
    for path, error in ((folder / "export.json", AnnotationError), (folder, InputError)):
        with pytest.raises(error, match="export them from there as COCO, YOLO or Pascal VOC"):
            read_labels(path)
