import json
import shutil

import pytest
from PIL import Image

ORIENTATION = 0x0112


def test_a_sound_set(labelled, data):
    assert data("check", labelled) == (0, "9 labelled photos checked; problems: 0\n", "")


def test_everything_is_listed_in_one_run(spoilt, data):
    shutil.copy(spoilt / "p7.png", spoilt / "p8.png")
    with (spoilt / "boxes.csv").open("a") as stream:
        stream.write("p6.png,96,64,30,20,60,40,BCR006,\n")
        stream.write("p6.png,96,64,nan,20,60,40,,\n")
        stream.write("p6.png,96,64,90,20,120,40,,\n")
        stream.write("p6.png,96,64,30,20,30,40,,\n")
        stream.write("p6.png,96,64,thirty,20,30,40,,\n")
        stream.write("../set/gone.png,96,64,30,20,40,40,,\n")
        stream.write("p6.png,64,96,30,20,40,40,,\n")
    status, output, error = data("check", spoilt)
    assert (status, error) == (1, "")
    *lines, summary = output.splitlines()
    assert summary == "8 labelled photos checked; problems: 13"
    expected = [
        (3, "p1.png: damaged photo"), (4, "p2.png: damaged photo (the file is empty)"),
        (5, "p3.png: not a photo"), (6, "'p4.png': no such photo"),
        (10, "p8.png: same content as p7.png"), (11, "p5.png: inverted box (60, 20, 30, 40)"),
        (12, "p6.png: repeats"), (13, "p6.png: box with a coordinate that is no number"),
        (14, "p6.png: box (90, 20, 120, 40) outside its photo of 96 x 64"),
        (15, "p6.png: empty box"), (16, "x1: not a number: 'thirty'"),
        (17, "'../set/gone.png': no such photo"), (18, "p6.png: size 64 x 96 here"),
    ]  # fmt: skip
    for line, (number, text) in zip(lines, expected, strict=True):
        assert line.startswith(f"{spoilt / 'boxes.csv'}:{number}: {text}")


def test_wrong_sizes(labelled, data):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.new("RGB", (96, 64)).save(labelled / "p0.png", exif=exif)
    Image.new("RGB", (95, 64)).save(labelled / "p1.png")
    status, output, _ = data("check", labelled)
    assert status == 1
    assert (
        "boxes.csv:2: p0.png: labelled as 96 x 64, but is 64 x 96 once its EXIF rotation is applied"
        in output
    )
    assert "boxes.csv:3: p1.png: labelled as 96 x 64, but is 95 x 64\n" in output


def test_photos_without_label_are_no_problem(labelled, data, make_photo_set):
    make_photo_set(labelled, {"more/new.png": ()}, size=(50, 50))
    status, output, _ = data("check", labelled)
    assert (status, output) == (
        0, "9 labelled photos checked; 1 more have no label; problems: 0\n",
    )  # fmt: skip


def test_one_broken_line_of_json(labelled, data):
    lines = [{"content": "/p1.png", "annotation": None}, {"content": "/p2.png"}]
    text = "\n".join(map(json.dumps, lines)) + '\n{"content": \n'
    (labelled / "labels.json").write_text(text)
    status, output, _ = data("check", labelled / "labels.json")
    assert status == 1
    assert "labels.json:3: not JSON" in output


def test_a_set_of_nothing(labelled, data):
    (labelled / "boxes.csv").write_text("file,width,height,x1,y1,x2,y2,text\n")
    status, output, _ = data("check", labelled)
    assert status == 1
    assert f"{labelled}: no labelled photo in it\n" in output


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("name", ["openalpr_br", "openalpr_eu", "openalpr_us", "openimages"])
def test_the_sound_reference_sets(shared_dir, data, name):
    assert data("check", shared_dir / "data" / "plates" / name)[0] == 0


@pytest.mark.shared
@pytest.mark.slow
def test_one_of_the_romanian_frames_is_there_twice(shared_dir, data):
    plates = shared_dir / "data" / "plates"
    status, output, _ = data("check", plates / "romanian")
    assert status == 1
    assert "boxes.csv:342: dayride_type1_001.mp4_t_809.jpg: same content as" in output
    assert output.count("\n") == 2


@pytest.mark.parametrize("command", ["check", "stats", "split", "import", "augment", "show"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no label file in a known format in this folder"),
        (b"", "no label file in a known format in this folder"),
        (b"file,width,height,x1,y1\n", "boxes.csv:1: column missing: x2, y2"),
        ("file,width,height,x1,y1,x2,y2\n".encode("utf-16"), "UTF-16 or binary, not UTF-8 text"),
        (b"file,width,height,x1,y1,x2,y2\n\xe9.jpg,1,1,1,1,1,1\n", "boxes.csv:2: byte 0xe9 is not"),
    ],
)
def test_labels_that_cannot_be_read_are_one_line(tmp_path, data, command, content, message):
    folder = tmp_path / "in"
    folder.mkdir()
    if content is not None:
        (folder / "boxes.csv").write_bytes(content)
    output = ["-o", tmp_path / "out"] if command in {"import", "augment", "show"} else []
    status, _, error = data(command, folder, *output)
    assert status == 2
    assert error.startswith(f"error: {folder}")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
