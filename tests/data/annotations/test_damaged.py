"""Whatever a label file holds, it is read, or one line says what is wrong and where."""

import json
import os

import pytest
from label_exports import EXPORTS

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.annotations.registry import writable_formats
from lightning_plates.errors import InputError

BOX = BoxRecord(10, 20, 40, 30, "plate", "BCR123")
ODD = [
    None, True, 0, -1, 1e300, "", "²", "x", [], {}, [[]], [None], {"a": 1}, "9" * 5000, "\0",
    "\ud800", "a\n\x1b[31m.jpg", "long " * 9999,
]  # fmt: skip
"""Values of other types and odd numbers, put in place of every value in turn."""
JSON_EXPORTS = (
    "label_studio_json",
    "label_studio_min",
    "labelme_json",
    "supervisely_json",
    "via_json",
)


@pytest.fixture
def folder(tmp_path, make_photo_set):
    make_photo_set(tmp_path, {"a.jpg": ()})
    return tmp_path


def written(folder, name):
    """The only label file of an export, or of a format that is written."""
    if name in EXPORTS:
        EXPORTS[name](folder / "labels", {"a.jpg": (BOX,)})
    else:
        one = writable_formats()[name]
        photos = (PhotoRecord("a.jpg", 96, 64, (BOX,)),)
        one.write(AnnotationSet(folder, photos), folder / "labels" / one.TARGET)
    files = [file for file in (folder / "labels").rglob("*") if file.is_file()]
    return next(file for file in files if file.name != "classes.txt")


def check(file, folder):
    """Reading raises nothing but one-line errors, and never makes a photo be without a plate."""
    try:
        found = read_labels(file, folder)
    except InputError as caught:
        error = str(caught)
    else:
        error = ""
    assert "\n" not in error
    assert len(error) < 2000
    if error:
        return None
    assert all(str(problem).isprintable() for problem in found.problems)
    assert all(len(str(problem)) < 1100 for problem in found.problems)
    return found


def places(data, path=()):
    """Every place in a value, as the keys that lead to it."""
    yield path
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in items:
        yield from places(value, (*path, key))


def replaced(data, path, value):
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = replaced(data[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("name", [*JSON_EXPORTS, "coco", "makesense_json"])
def test_any_value_may_be_of_any_type(folder, name):
    file = written(folder, name)
    content = json.loads(file.read_text())
    for path in places(content):
        for value in ODD:
            file.write_text(json.dumps(replaced(content, path, value)))
            check(file, folder)


@pytest.mark.parametrize("name", [*JSON_EXPORTS, "coco", "makesense_json"])
@pytest.mark.parametrize(
    "value", ["[" * 100_000, "9" * 5000, "NaN", "-Infinity", "1e999", "{", '{"x": 1, "x": 2}']
)
def test_json_that_is_none(folder, name, value):
    file = written(folder, name)
    text = file.read_text()
    for number in ("10.0", "64", "96"):
        file.write_text(text.replace(number, value, 1))
        found = check(file, folder)
        assert found is None or found.annotations.box_count or found.problems or value == "1e999"


@pytest.mark.parametrize("name", [*EXPORTS, *writable_formats()])
def test_any_part_of_a_file_may_be_missing_or_garbled(folder, name):
    file = written(folder, name)
    data = file.read_bytes()
    for place in range(0, len(data), 13):
        before, after = data[:place], data[place:]
        for damaged in (b"", b"\xff" + after[1:], b"9" * 400 + after, after[3:]):
            file.write_bytes(before + damaged)
            check(file, folder)


@pytest.mark.parametrize("name", ["cvat_xml", "voc"])
def test_entities_are_refused_in_any_encoding(folder, name):
    file = written(folder, name)
    root = file.read_text()
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + root.replace("plate", "&b;")
    for encoding in ("utf-8", "utf-16", "iso-8859-1", "cp037"):
        file.write_bytes(f'<?xml version="1.0" encoding="{encoding}"?>{bomb}'.encode(encoding))
        found = check(file, folder)
        assert found is None or "XML entities" in str(found.problems[0])


def test_deep_xml_is_read_or_one_line(folder):
    file = written(folder, "cvat_xml")
    file.write_text("<annotations>" + "<image>" * 50_000 + "</image>" * 50_000 + "</annotations>")
    check(file, folder)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("iso-8859-1", "ñandú"),
        ("gbk", "车牌"),
        ("shift_jis", "車両"),
        ("utf-16", "ñandú"),
        ("utf-8", "ñ"),
    ],
)
def test_xml_is_read_in_the_encoding_that_it_declares(tmp_path, make_photo_set, encoding, name):
    make_photo_set(tmp_path, {f"{name}.jpg": ()})
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><annotation><filename>{name}.jpg</filename>'
        "<size><width>0</width><height>0</height></size><object><name>placa</name><bndbox>"
        "<xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>9</ymax></bndbox></object></annotation>"
    )
    (tmp_path / "x.xml").write_bytes(text.encode(encoding))
    found = read_labels(tmp_path / "x.xml")
    assert found.annotations.photos[0].boxes == (BoxRecord(1, 2, 30, 9, "placa"),)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("punycode", "unknown encoding 'punycode'"), ("klingon", "unknown encoding"),
     ("zip", "unknown encoding"), ("ascii", ":1: byte 0xc3 is not ASCII, which the file declares")],
)  # fmt: skip
def test_declared_encodings_that_are_none(folder, encoding, message):
    text = f'<?xml version="1.0" encoding="{encoding}"?><annotation>ñ</annotation>'
    (folder / "x.xml").write_bytes(text.encode())
    with pytest.raises(InputError, match=message):
        read_labels(folder / "x.xml")


@pytest.mark.parametrize(
    "name", ["boxes_csv", "makesense_csv", "tensorflow_csv", "thesis_csv", "open_images_csv"]
)
def test_tables_as_spreadsheets_save_them(folder, name):
    """Semicolons or tabs, and decimal commas, as wherever the comma is the decimal sign."""
    file = written(folder, name)
    rows = [line.split(",") for line in file.read_text().splitlines()]
    local = [[c if "jpg" in c else c.replace(".", ",") for c in row] for row in rows]
    for mark in ";\t":
        text = "\r\n".join(mark.join(row) for row in local)
        file.write_text("\ufeff" + text + "\r\n", encoding="utf-8")
        (photo,) = read_labels(file, folder).annotations.photos
        assert photo.boxes[0].xyxy == pytest.approx(BOX.xyxy)


def test_commas_between_thousands_are_no_decimals(folder):
    text = 'file,width,height,x1,y1,x2,y2,text\na.jpg,96,64,"1,234",2,30,20,\n'
    (folder / "boxes.csv").write_text(text)
    assert "x1: not a number: '1,234'" in str(read_labels(folder).problems[0])


def test_a_column_that_is_there_twice_is_refused(folder):
    text = "file,width,height,x1,y1,x2,y2,x1\na.jpg,96,64,1,2,30,20,5\n"
    (folder / "boxes.csv").write_text(text)
    with pytest.raises(InputError, match=r"boxes\.csv:1: column there twice: x1"):
        read_labels(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes, which Windows lacks")
def test_a_pipe_named_like_a_label_file_is_no_label_file(folder):
    (folder / "a.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    os.mkfifo(folder / "b.txt")
    assert len(read_labels(folder).annotations.photos) == 1
    with pytest.raises(InputError, match="not a regular file"):
        read_labels(folder / "b.txt")
