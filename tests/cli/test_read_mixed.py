"""Photos and videos in one ``read`` command."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from moving_plates import save_video
from PIL import Image, ImageDraw, ImageFont
from tiny_onnx import save_constant_scored_model

from lightning_plates.__main__ import main
from lightning_plates.reading.records import CSV_COLUMNS, VIDEO_COLUMNS

pytest.importorskip("norfair", reason="the extra 'video' is not installed")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    # The tiny model letterboxes to 8 × 8: the picture's middle, where its plate is.
    return save_constant_scored_model(
        tmp_path_factory.mktemp("model") / "one.onnx", [[0.25, 0.3, 0.75, 0.45]], [0.9]
    )


def picture(text):
    image = Image.new("RGB", (400, 300), (90, 110, 130))
    pen = ImageDraw.Draw(image)
    pen.rectangle((100, 120, 300, 180), fill="white")
    pen.text((112, 126), text, fill="black", font=ImageFont.load_default(size=42))
    return image


def save_clip(path, text):
    return save_video(path, [np.asarray(picture(text))] * 3, fps=5)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a photo, two videos of one name, and what cannot be read."""
    street = tmp_path / "street"
    (street / "deep").mkdir(parents=True)
    picture("BCR456").save(street / "car.png")
    save_clip(street / "clip.avi", "KFR247")
    save_clip(street / "deep" / "clip.avi", "LKM208")
    monkeypatch.chdir(tmp_path)
    return street


def read(model, *words):
    return main(["read", "--model", str(model), "--look", "1", "--fps", "0", *map(str, words)])


def rows_of(path):
    return list(csv.DictReader(io.StringIO(Path(path).read_text())))


def names_in(path):
    return sorted(entry.name for entry in Path(path).iterdir())


def test_a_mixed_folder_is_one_table(model, folder, capsys):
    assert read(model, "street", "--csv", "t.csv", "--save", "out") == 0

    rows = rows_of("t.csv")
    assert tuple(rows[0]) == CSV_COLUMNS + VIDEO_COLUMNS
    assert [(row["file"], row["text"], row["frames"]) for row in rows] == [
        ("street/car.png", "BCR456", ""),
        ("street/clip.avi", "KFR247", "3"),
        ("street/deep/clip.avi", "LKM208", "3"),
    ]
    assert names_in("out") == ["deep_clip.webm", "street_car.jpg", "street_clip.webm"]
    assert capsys.readouterr().out.count("\n") == 3


def test_a_table_of_photos_alone_stays_as_it_was(model, folder):
    assert read(model, "street/car.png", "--csv", "t.csv") == 0
    assert tuple(rows_of("t.csv")[0]) == CSV_COLUMNS


def test_what_cannot_be_read_costs_the_others_nothing(model, folder, capsys):
    os.mkfifo(folder / "a_pipe.mp4")
    (folder / "a_text.mp4").write_text("text")
    (folder / "empty.mts").touch()
    (folder / "empty.mp4").touch()
    (folder / "cut.avi").write_bytes((folder / "clip.avi").read_bytes()[:-4000])

    assert read(model, "street", "--csv", "t.csv", "--lang", "en") == 3

    errors = {row["file"]: row["error"] for row in rows_of("t.csv") if row["error"]}
    assert {name.removeprefix("street/"): text.split(" (")[0] for name, text in errors.items()} == {
        "a_pipe.mp4": "not a regular file",
        "a_text.mp4": "not a video that can be read",
        "empty.mp4": "the file is empty",
        "cut.avi": "damaged or cut video",
    }
    texts = [row["text"] for row in rows_of("t.csv") if not row["error"]]
    assert texts == ["BCR456", "KFR247", "KFR247", "LKM208"]
    err = capsys.readouterr().err
    assert err.count("\n") == 4
    assert "Traceback" not in err


def test_several_videos_and_a_pattern(model, folder, capsys):
    assert read(model, "street/clip.avi", "street/deep/*.avi", "--json") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["plates"][0]["text"] for record in records] == ["KFR247", "LKM208"]
    assert [record["video"]["frames"] for record in records] == [3, 3]


def test_a_video_whose_ending_lies_is_read_as_one(model, folder, capsys):
    (folder / "clip.avi").rename(folder / "photo.jpg")
    picture("BCR456").save(folder / "car.mp4", format="JPEG")
    assert read(model, "street/photo.jpg", "street/car.mp4", "--lang", "en") == 0
    photo, video = capsys.readouterr().out.splitlines()
    assert photo.startswith("street/car.mp4: Plate BCR-456")
    assert "frames that agree" not in photo
    assert "frames that agree: 3 of 3" in video


def test_paths_on_standard_input_may_be_videos(model, folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("street/clip.avi\nstreet/car.png\n"))
    assert read(model, "-", "--csv", "t.csv") == 0
    assert {row["text"]: row["frames"] for row in rows_of("t.csv")} == {"KFR247": "3", "BCR456": ""}


def test_a_video_at_the_prompt(model, folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("street/clip.avi\nsalir\n"))
    assert read(model, "--interactive") == 0
    assert "cuadros que coinciden: 3 de 3" in capsys.readouterr().out


def test_resume_reads_what_is_missing_of_both(model, folder, capsys):
    assert read(model, "street/car.png", "street/clip.avi", "--csv", "t.csv") == 0
    capsys.readouterr()
    assert read(model, "street", "--csv", "t.csv", "--resume") == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert out.startswith("street/deep/clip.avi: ")
    assert "2 de 3" in err
    assert [row["text"] for row in rows_of("t.csv")] == ["BCR456", "KFR247", "LKM208"]


def test_resume_gives_a_table_of_photos_the_columns_of_videos(model, folder):
    assert read(model, "street/car.png", "--csv", "t.csv") == 0
    assert read(model, "street", "--csv", "t.csv", "--resume") == 0
    assert [row["frames"] for row in rows_of("t.csv")] == ["", "3", "3"]


def test_a_later_run_on_photos_keeps_what_is_known_of_videos(model, folder):
    assert read(model, "street/clip.avi", "--csv", "t.csv") == 0
    assert read(model, "street/car.png", "--csv", "t.csv", "--resume") == 0
    assert [row["frames"] for row in rows_of("t.csv")] == ["3", ""]


def test_a_video_that_was_read_in_part_is_read_again(model, folder):
    read(model, "street", "--csv", "t.csv")
    lines = (folder.parent / "t.csv").read_text().splitlines(keepends=True)
    # Killed while the first video was read: one of its vehicles is in the table.
    (folder.parent / "t.csv.partial").write_text("".join(lines[:3]).replace("KFR247", "KFR241"))
    (folder.parent / "t.csv").unlink()
    assert read(model, "street", "--csv", "t.csv", "--resume") == 0
    assert [row["text"] for row in rows_of("t.csv")] == ["BCR456", "KFR247", "LKM208"]


def test_own_videos_of_an_earlier_run_are_not_read(model, folder, capsys):
    for _ in range(2):
        assert read(model, "street", "--save", "street", "--lang", "en") == 0
        out, err = capsys.readouterr()
        assert out.count("\n") == 3
    assert "pictures of an earlier run, which are not read: 3" in err


def test_a_model_that_cannot_be_opened_leaves_no_table(model, folder):
    for name in ("street", "street/clip.avi"):
        assert main(["read", "--model", "none.onnx", name, "--csv", "t.csv"]) == 2
    assert names_in(".") == ["street"]


@pytest.mark.parametrize(
    "words",
    [("--fps", "nan"), ("--fps", "-1"), ("--fps", "x"), ("--timeout", "0"), ("--timeout", "inf"),
     ("--reconnect", "0")],
)  # fmt: skip
def test_nonsense_for_videos_is_one_line(model, folder, capsys, words):
    assert read(model, "street/clip.avi", *words) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_odd_but_possible_numbers_are_no_traceback(model, folder):
    assert read(model, "street/clip.avi", "--fps", "1e-300", "--timeout", "1e300") == 0
    assert read(model, "street/clip.avi", "--fps", "1e300", "--save", "out") == 0
    assert names_in("out") == ["street_clip.webm"]
