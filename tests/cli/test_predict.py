import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tiny_onnx import save_constant_scored_model, save_mean_colour_model

from lightning_plates.__main__ import main
from lightning_plates.photos import load_photo


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (40, 20), (255, 0, 0)).save(folder / "red.png")
    Image.new("RGB", (40, 20), (0, 255, 255)).save(folder / "cyan.png")
    return folder


def test_json_lines_in_order(tmp_path, photos, capsys):
    model = save_mean_colour_model(tmp_path / "m.onnx")
    assert main(["predict", str(model), str(photos), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"].rpartition("/")[2] for line in lines] == ["cyan.png", "red.png"]
    assert lines[0]["plates"][0]["box"] == pytest.approx([0, 10, 20, 20], abs=1e-3)
    assert lines[1]["plates"] == [{"box": pytest.approx([20, 0, 40, 10]), "confidence": None}]


def test_unreadable_photos_are_listed_and_the_others_answered(tmp_path, photos, capsys):
    (photos / "broken.jpg").write_bytes(b"not a photo")
    model = save_mean_colour_model(tmp_path / "m.onnx")
    table = tmp_path / "out" / "boxes.csv"
    status = main(["predict", str(model), str(photos), "--csv", str(table)])
    captured = capsys.readouterr()
    assert status == 3
    assert captured.err.startswith("skipped: ")
    assert "broken.jpg: not a photo" in captured.err
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["x1"], bool(r["error"])) for r in rows] == [
        ("", True), ("0.00", False), ("20.00", False)
    ]  # fmt: skip


def test_pictures_show_the_box(tmp_path):
    Image.new("RGB", (400, 200), (0, 255, 255)).save(tmp_path / "cyan.png")
    model = save_constant_scored_model(
        tmp_path / "m.onnx", [[0.25, 0.125, 0.75, 0.375], [0.9, 0.1, 1.0, 0.2]], [0.9, 0.1]
    )
    out = tmp_path / "out"
    assert main(["predict", str(model), str(tmp_path / "cyan.png"), "--save", str(out)]) == 0
    [file] = out.iterdir()
    picture = load_photo(file).astype(int)
    drawn = picture[..., 1] < 150  # the photo is cyan, the lines red
    # The letterboxed photo covers the upper half of the square input.
    columns = np.flatnonzero(drawn[80:120].any(axis=0))
    assert (columns.min(), columns.max()) == (
        pytest.approx(100, abs=3), pytest.approx(299, abs=3)
    )  # fmt: skip


@pytest.mark.parametrize(
    "words", [["--save", "."], ["--csv", "photos_car.jpg"], ["--csv", "m.onnx"]]
)
def test_no_output_replaces_what_is_read(tmp_path, photos, monkeypatch, capsys, words):
    model = save_mean_colour_model(tmp_path / "m.onnx")
    Image.new("RGB", (40, 20), (255, 0, 0)).save(photos / "car.jpg")
    # What photos/car.jpg is written as, is read as well.
    Image.new("RGB", (40, 20), (0, 255, 0)).save(tmp_path / "photos_car.jpg")
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert main(["predict", str(model), "photos", "photos_car.jpg", *words]) == 2
    out, err = capsys.readouterr()
    assert f"{words[1].strip('.') or 'photos_car.jpg'}: would overwrite the original" in err
    assert (out, err.count("\n")) == ("", 1)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_among_the_pictures_of_an_earlier_run_is_not_waited_for(tmp_path, photos, capsys):
    model = save_mean_colour_model(tmp_path / "m.onnx")
    os.mkfifo(photos / "pipe.jpg")
    assert main(["predict", str(model), str(photos), "--save", str(photos)]) == 3
    assert "pipe.jpg: not a regular file" in capsys.readouterr().err


def test_a_second_run_makes_the_same_pictures_again(tmp_path, photos, monkeypatch, capsys):
    model = save_mean_colour_model(tmp_path / "m.onnx")
    monkeypatch.chdir(photos)
    runs = []
    for _ in range(2):
        assert main(["predict", str(model), ".", "--save", "out"]) == 0
        pictures = {path.name: path.read_bytes() for path in (photos / "out").iterdir()}
        runs.append((capsys.readouterr(), pictures))
    (first, pictures), (second, again) = runs
    assert (second.out, again) == (first.out, pictures)
    assert sorted(pictures) == ["cyan.jpg", "red.jpg"]
    assert second.err == "out: pictures of an earlier run, which are not read: 2\n"
    # A photo that was put in place of a picture is none.
    Image.new("RGB", (40, 20), (0, 255, 0)).save(photos / "out" / "red.jpg")
    assert main(["predict", str(model), ".", "--save", "out"]) == 2
    assert "red.jpg: would overwrite the original" in capsys.readouterr().err


def test_an_error_does_not_repeat_the_name_beside_it(tmp_path, photos, capsys):
    broken = photos / "broken.jpg"
    broken.write_bytes(b"not a photo")
    model = save_mean_colour_model(tmp_path / "m.onnx")
    assert main(["predict", str(model), str(broken), "--json"]) == 3
    out, err = capsys.readouterr()
    reason = "not a photo in a format that can be read"
    assert json.loads(out)["error"] == reason
    assert err == f"skipped: {broken}: {reason}\n"


def test_no_plate_is_an_answer(tmp_path, photos, capsys):
    model = save_constant_scored_model(tmp_path / "m.onnx", [[0, 0, 1, 1]], [0.1])
    assert main(["predict", str(model), str(photos / "red.png")]) == 0
    assert capsys.readouterr().out.endswith("red.png: no plate found\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["gone.onnx", "{photos}"], "gone.onnx: no such file"),
        (["{model}", "gone.jpg"], "gone.jpg: no such file or folder"),
        (["{model}", "{empty}"], "no photos in this folder"),
        (["{model}", "{photos}", "--runtime", "warp"], "unknown runtime 'warp'"),
    ],
)
def test_bad_input_is_one_line(tmp_path, photos, capsys, arguments, reason):
    (tmp_path / "empty").mkdir()
    names = {
        "photos": photos,
        "model": save_mean_colour_model(tmp_path / "m.onnx"),
        "empty": tmp_path / "empty",
    }
    assert main(["predict", *(word.format(**names) for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_an_onnx_file_is_run_without_torch(tmp_path, photos):
    model = save_mean_colour_model(tmp_path / "m.onnx")
    # An import of torch or Lightning fails in this process as if they were not installed.
    code = (
        "import sys\n"
        "for name in ('torch', 'torchvision', 'pytorch_lightning', 'cv2', 'onnx'):\n"
        "    sys.modules[name] = None\n"
        "from lightning_plates.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", code, "predict", str(model), str(photos), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2
