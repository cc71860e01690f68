"""Every format of the folder reads what it writes; what it cannot hold is stated here."""

from dataclasses import replace

import pytest

from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord
from lightning_plates.data.annotations.registry import label_formats, writable_formats

READ_ONLY = {
    "cvat_xml", "label_studio_json", "labelme_json", "open_images_csv", "supervisely_json",
    "tensorflow_csv", "via_csv", "via_json",
}  # fmt: skip
KEEPS_TEXT = {"boxes_csv", "coco", "makesense_json", "voc"}
KEEPS_CORNERS = {"boxes_csv", "coco", "makesense_json"}
KEEPS_SOURCE = {"boxes_csv", "coco"}
KEEPS_LABEL = {"boxes_csv", "coco", "makesense_json", "makesense_csv", "voc", "yolo"}
KEEPS_EMPTY = {"boxes_csv", "coco", "makesense_json", "voc", "yolo"}
CORNERS = ((10.0, 20.5), (40.0, 18.0), (41.0, 30.0), (11.0, 33.25))
every_format = pytest.mark.parametrize("name", writable_formats())


@pytest.fixture
def plates(tmp_path, make_photo_set) -> AnnotationSet:
    tilted = BoxRecord(10.0, 18.0, 41.0, 33.25, text="BCR123", corners=CORNERS)
    made = make_photo_set(
        tmp_path / "photos",
        {
            "ñandú 1.jpg": (tilted, BoxRecord(1 / 3, 2 / 3, 96.0, 64.0, label="Placas")),
            "night.drive.mp4_7.jpg": (BoxRecord(50.1, 10.2, 70.3, 20.4),),
            "deep/er/c.jpg": (BoxRecord(0.0, 0.0, 12.0, 6.0, text="ÑU-1"),),
            "empty.jpg": (),
        },
    )
    return replace(made, photos=tuple(replace(photo, source="drive") for photo in made.photos))


def test_the_formats_are_those_of_the_folder():
    assert set(writable_formats()) == {
        "boxes_csv", "coco", "makesense_csv", "makesense_json", "thesis_csv", "voc", "yolo",
    }  # fmt: skip
    assert set(label_formats()) == READ_ONLY | set(writable_formats())


def test_every_format_stands_in_the_table_of_the_guide(project_dir):
    table = (project_dir / "docs" / "labels.md").read_text(encoding="utf-8")
    rows = {row.split("|")[1].strip(): row for row in table.splitlines() if row.startswith("|")}
    for name, one in label_formats().items():
        assert ("| yes |" in rows[one.TITLE]) == (name in writable_formats()), one.TITLE


@every_format
def test_what_is_written_is_read(name, plates, tmp_path):
    label_format = writable_formats()[name]
    label_format.write(plates, tmp_path / "labels_here" / label_format.TARGET)

    read = {
        photo.file: photo
        for photo in read_annotations(tmp_path / "labels_here", plates.root).photos
    }

    expected = [photo for photo in plates.photos if photo.boxes or name in KEEPS_EMPTY]
    assert set(read) == {photo.file for photo in expected}
    for photo in expected:
        again = read[photo.file]
        assert (again.width, again.height) == (96, 64)
        assert again.source == ("drive" if name in KEEPS_SOURCE else "")
        for box, copy in zip(photo.boxes, again.boxes, strict=True):
            assert copy.xyxy == pytest.approx(box.xyxy, abs=1e-6)
            assert copy.text == (box.text if name in KEEPS_TEXT else "")
            assert copy.label == (box.label if name in KEEPS_LABEL else "plate")
            if name in KEEPS_CORNERS and box.corners:
                for point, moved in zip(box.corners, copy.corners, strict=True):
                    assert moved == pytest.approx(point, abs=1e-6)
            else:
                assert copy.corners is None


@every_format
def test_writing_again_moves_no_box(name, plates, tmp_path):
    label_format = writable_formats()[name]
    before = repr(plates)
    contents = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        label_format.write(plates, folder / label_format.TARGET)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        contents.append([(path.relative_to(folder), path.read_bytes()) for path in files])
    assert contents[0] == contents[1]
    assert repr(plates) == before


@every_format
def test_every_format_knows_only_its_own_files(name, plates, tmp_path):
    written = writable_formats()[name]
    written.write(plates, tmp_path / "x" / written.TARGET)
    files = [path for path in (tmp_path / "x").rglob("*") if path.is_file()]
    texts = [text for path in files if (text := path.read_text("utf-8")).strip()]
    for text in texts:
        if text == "Placas\nplate\n":  # classes.txt holds no boxes
            continue
        assert [other for other, f in label_formats().items() if f.sniff(text)] == [name]


def test_the_shared_columns_are_kept_byte_for_byte(tmp_path, make_photo_set):
    content = (
        "file,width,height,x1,y1,x2,y2,text\n"
        "a.jpg,96,64,1.0,2.5,30.0,20.0,ABC123\n"
        "a.jpg,96,64,40.0,2.0,50.0,8.0,\n"
        "b.jpg,96,64,,,,,\n"
    )
    make_photo_set(tmp_path, {"a.jpg": (), "b.jpg": ()})
    (tmp_path / "boxes.csv").write_text(content.replace("\n", "\r\n"))
    writable_formats()["boxes_csv"].write(read_annotations(tmp_path), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == content


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "photos", "boxes"),
    [
        ("openimages", 350, 455),
        ("romanian", 534, 652),
        ("openalpr_br", 54, 54),
        ("openalpr_eu", 48, 48),
        ("openalpr_us", 98, 98),
    ],
)
def test_the_reference_sets_are_sound(shared_dir, name, photos, boxes):
    annotations = read_annotations(shared_dir / "data" / "plates" / name)
    assert (len(annotations.photos), annotations.box_count) == (photos, boxes)
