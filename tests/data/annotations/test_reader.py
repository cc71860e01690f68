import json

import pytest
from only_label import only_box, only_photo

from lightning_plates.data.annotations import read_annotations, read_labels
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.annotations.registry import writable_formats
from lightning_plates.errors import AnnotationError, InputError

MAKESENSE_LINE = (
    '{"content": "/placa_cr1.jpeg", "annotation": [{"label": ["Placas"], "notes": "", "points": '
    '[{"x": 0.417307692, "y": 0.399898374}, {"x": 0.531971154, "y": 0.514227642}], '
    '"imageWidth": 4160, "imageHeight": 1968}], "extras": null}\n'
)
PLACA_CR1 = (173.6, 78.77998, 221.3, 101.302845)
"""By hand: 0.417307692 × 416, 0.399898374 × 197, 0.531971154 × 416, 0.514227642 × 197."""


@pytest.fixture
def folder(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"a.jpg": (), "b.jpg": ()})
    make_photo_set(tmp_path, {"placa_cr1.jpeg": ()}, size=(416, 197))
    return tmp_path


def write_boxes(folder, *rows):
    header = "file,width,height,x1,y1,x2,y2,text"
    (folder / "boxes.csv").write_text("\n".join([header, *rows]) + "\n")


def test_makesense_lines_of_the_thesis(folder):
    (folder / "labels.json").write_text(MAKESENSE_LINE)
    box = only_box(folder)
    assert box.xyxy == pytest.approx(PLACA_CR1, abs=1e-4)
    assert box.label == "Placas"


def test_points_may_begin_at_any_corner(folder):
    line = json.loads(MAKESENSE_LINE)
    line["annotation"][0]["points"].reverse()
    (folder / "labels.json").write_text(json.dumps(line))
    assert only_box(folder).xyxy == pytest.approx(PLACA_CR1, abs=1e-4)


def test_thesis_names_have_no_ending(folder):
    (folder / "data.csv").write_text(
        "image_name,image_width,image_height,top_x,top_y,bottom_x,bottom_y\n"
        "placa_cr1,4160,1968,0.417307692,0.399898374,0.531971154,0.514227642\n"
    )
    photo = only_photo(folder)
    assert photo.file == "placa_cr1.jpeg"
    assert photo.boxes[0].xyxy == pytest.approx(PLACA_CR1, abs=1e-4)


MAKESENSE_HEADER = (
    "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"
)


@pytest.mark.parametrize("header", ["", MAKESENSE_HEADER])
def test_makesense_csv_with_and_without_header(folder, header):
    (folder / "labels.csv").write_text(header + "Placas,10,20,30,15,a.jpg,96,64\n")
    assert only_box(folder) == BoxRecord(10, 20, 40, 35, "Placas")


@pytest.mark.parametrize("ending", ["txt", "TXT"])
def test_yolo_folder_with_an_empty_and_a_broken_file(folder, ending):
    labels = folder / "labels"
    labels.mkdir()
    (labels / "a.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    (labels / f"b.{ending}").write_text("")
    (labels / f"placa_cr1.{ending}").write_text("0 0.5 0.5 0.25\n")
    (labels / "notes.txt").write_text("mine")
    for path in (labels, folder):
        found = read_labels(path)
        assert [p.file for p in found.annotations.photos] == ["a.jpg", "b.jpg"]
        assert found.annotations.photos[0].boxes == (BoxRecord(36, 16, 60, 48),)
        assert [str(p) for p in found.problems] == [
            f"{labels}/placa_cr1.{ending}:1: expected 5 numbers, got 4"
        ]


def test_same_names_in_two_folders_are_told_apart(tmp_path, make_photo_set):
    make_photo_set(tmp_path / "images", {"train/7.jpg": (), "val/7.jpg": ()})
    for side, x in (("train", 0.25), ("val", 0.75)):
        (tmp_path / "labels" / side).mkdir(parents=True)
        (tmp_path / "labels" / side / "7.txt").write_text(f"0 {x} 0.5 0.5 0.5\n")
    photos = {photo.file: photo for photo in read_annotations(tmp_path).photos}
    assert photos["images/train/7.jpg"].boxes[0].x1 == 0
    assert photos["images/val/7.jpg"].boxes[0].x1 == 48


def test_voc_counts_from_zero(folder):
    (folder / "a.xml").write_text(
        "<annotation><filename>a.jpg</filename><size><width>96</width><height>64</height></size>"
        "<object><name>plate</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax>"
        "<ymax>20</ymax></bndbox></object></annotation>"
    )
    assert only_box(folder).xyxy == (1, 2, 30, 20)


def test_entities_in_xml_are_refused(folder):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><annotation><filename>&a;</filename></annotation>'
    (folder / "a.xml").write_text(bomb)
    (problem,) = read_labels(folder).problems
    assert "XML entities" in str(problem)


def test_photos_may_lie_elsewhere(tmp_path, make_photo_set):
    make_photo_set(tmp_path / "photos", {"a.jpg": ()})
    (tmp_path / "labels.csv").write_text(
        "file,width,height,x1,y1,x2,y2,text\na.jpg,96,64,1,2,3,4,\n"
    )
    annotations = read_annotations(tmp_path / "labels.csv", tmp_path / "photos")
    assert annotations.path_of(annotations.photos[0]) == tmp_path / "photos" / "a.jpg"


def test_labels_reach_no_file_outside_the_folder(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"secret.jpg": (), "set/a.jpg": ()})
    write_boxes(tmp_path / "set", "../secret.jpg,96,64,1,2,3,4,")
    with pytest.raises(AnnotationError, match="no such photo"):
        read_annotations(tmp_path / "set")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.jpg,96,64,30,2,10,20,", "a.jpg: inverted box (30, 2, 10, 20)"),
        ("a.jpg,96,64,nan,2,10,20,", "a.jpg: box with a coordinate that is no number"),
        ("a.jpg,96,64,inf,2,10,20,", "a.jpg: box with a coordinate that is no number"),
        ("a.jpg,96,64,10,2,10,20,", "a.jpg: empty box (10, 2, 10, 20)"),
        ("a.jpg,96,64,80,2,100,20,", "outside its photo of 96 x 64"),
        ("a.jpg,96,64,-4,2,30,20,", "outside its photo of 96 x 64"),
        ("a.jpg,96,64,1,2,3", "y2: not a number: ''"),
        ("a.jpg,96,64,1,2,3,four,", "y2: not a number: 'four'"),
        ("a.jpg,96.5,64,1,2,3,4,", "width: not a whole number: '96.5'"),
        ("a.jpg,-1,64,1,2,3,4,", "a.jpg: size -1 x 64"),
        ("gone.jpg,96,64,1,2,3,4,", "'gone.jpg': no such photo in"),
        (",96,64,1,2,3,4,", "no file name"),
        ("b.jpg,96,64,1,2,3,4,", "b.jpg: repeats"),
        ("b.jpg,95,64,1,2,3,40,", "b.jpg: size 95 x 64 here, 96 x 64 at"),
    ],
)
def test_a_bad_row_is_named_with_its_line(folder, row, message):
    write_boxes(folder, "b.jpg,96,64,1,2,3,4,", row)
    with pytest.raises(AnnotationError) as caught:
        read_annotations(folder)
    text = str(caught.value)
    assert text.startswith(f"{folder / 'boxes.csv'}:3: ")
    assert message in text
    assert "\n" not in text


def test_a_photo_with_one_bad_box_is_left_out_whole(folder):
    write_boxes(folder, "a.jpg,96,64,1,2,9,8,", "a.jpg,96,64,9,2,1,8,", "b.jpg,96,64,1,2,9,8,")
    labels = read_labels(folder)
    assert [photo.file for photo in labels.annotations.photos] == ["b.jpg"]
    assert {photo.file for photo in labels.named} == {"a.jpg", "b.jpg"}
    assert labels.unlabelled == ("placa_cr1.jpeg",)


def test_a_repeated_row_is_dropped_alone(folder):
    write_boxes(folder, "a.jpg,96,64,1,2,9,8,", "a.jpg,96,64,1,2,9,8,")
    (photo,) = read_labels(folder).annotations.photos
    assert photo.boxes == (BoxRecord(1, 2, 9, 8),)


def test_an_overhang_by_rounding_is_cut(folder):
    write_boxes(folder, "a.jpg,96,64,-0.5,2,97,20,")
    assert only_box(folder).xyxy == (0, 2, 96, 20)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file,width,height,x1,y1\na.jpg,96,64,1,2\n", "column missing: x2, y2"),
        ("file,width,height,x1,y1,x2,y2\n".encode("utf-16"), "UTF-16 or binary"),
        (b"file,width,height,x1,y1,x2,y2\n\xf1.jpg,1,1,1,1,1,1\n", ":2: byte 0xf1 is not UTF-8"),
        (b'{"images": [', "not JSON"),
        (b'{"images": 3}', "images: expected `array`, got `int`"),
    ],
)
def test_a_file_that_cannot_be_understood(folder, content, message):
    (folder / "boxes.csv").write_bytes(content)
    for path in (folder, folder / "boxes.csv"):
        with pytest.raises(AnnotationError) as caught:
            read_labels(path)
        assert message in str(caught.value)
        assert str(caught.value).count("boxes.csv") == 1


def test_unknown_formats_and_places(folder, tmp_path):
    with pytest.raises(InputError, match="no label file in a known format"):
        read_labels(folder)
    with pytest.raises(InputError, match="no such file or folder"):
        read_labels(tmp_path / "nowhere")
    (folder / "x.csv").write_text("colour,taste\nred,sweet\n")
    with pytest.raises(AnnotationError, match="not in a known label format"):
        read_labels(folder / "x.csv")


def test_two_label_files_are_not_guessed_between(folder):
    write_boxes(folder, "a.jpg,96,64,1,2,3,4,")
    (folder / "other.json").write_text(MAKESENSE_LINE)
    with pytest.raises(InputError, match=r"boxes\.csv, other\.json"):
        read_labels(folder)
    assert len(read_annotations(folder / "boxes.csv").photos) == 1


@pytest.mark.parametrize(
    "entry",
    ["[]", "3", '{"content": "/a.jpg", "annotation": [3]}', '{"annotation": []}',
     '{"content": "/a.jpg", "annotation": [{"points": [{"x": 1}]}]}', "{", "null"],
)  # fmt: skip
def test_odd_json_lines_are_problems_not_tracebacks(folder, entry):
    (folder / "labels.json").write_text(MAKESENSE_LINE + entry + "\n")
    (problem,) = read_labels(folder).problems
    assert problem.where.endswith("labels.json:2")


def test_coco_orphans_are_named(folder):
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 96, "height": 64}],
        "annotations": [
            {"image_id": 1, "bbox": [1, 2, 3, 4], "category_id": 1},
            {"image_id": 9, "bbox": [1, 2, 3, 4]},
            {"image_id": 1, "bbox": [1, 2, 3]},
        ],
        "categories": [{"id": 1, "name": "placa"}],
    }
    (folder / "coco.json").write_text(json.dumps(content))
    labels = read_labels(folder)
    texts = [str(problem) for problem in labels.problems]
    assert any("annotations[1]: no image has the id 9" in text for text in texts)
    assert any("annotations[2]: a.jpg: bbox is not four numbers" in text for text in texts)


def test_the_single_box_is_the_largest():
    small, large, same = BoxRecord(0, 0, 2, 2), BoxRecord(0, 0, 4, 3), BoxRecord(5, 5, 9, 8)
    assert PhotoRecord("a.jpg", 9, 9, (small, large, same)).largest_box() is large
    assert PhotoRecord("a.jpg", 9, 9, ()).largest_box() is None


def test_the_group_is_the_source_or_the_name():
    assert PhotoRecord("x/a.b.jpg", 9, 9, ()).group == "a.b"
    assert PhotoRecord("x/a.b.jpg", 9, 9, (), "original").group == "original"


@pytest.mark.parametrize("name", ["boxes_csv", "coco", "makesense_json", "voc", "yolo"])
def test_a_set_whose_photos_all_show_no_plate_is_a_set(folder, name):
    """The formats that can say it; false alarms are counted on such sets."""
    chosen = writable_formats()[name]
    empty = tuple(PhotoRecord(file, 96, 64, ()) for file in ("a.jpg", "b.jpg"))
    target = folder / chosen.TARGET
    chosen.write(AnnotationSet(folder, empty), target)
    photos = read_annotations(target).photos
    assert [(photo.file, photo.boxes) for photo in photos] == [("a.jpg", ()), ("b.jpg", ())]


def test_empty_text_files_beside_photos_of_other_names_are_no_labels(folder):
    (folder / "notes.txt").write_text("")
    with pytest.raises(InputError, match="no label file in a known format"):
        read_annotations(folder)
    (folder / "a.TXT").write_text("\n")
    assert [photo.file for photo in read_annotations(folder).photos] == ["a.jpg"]
