import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_plates.data.split import read_split


def test_the_sheet_shows_green_boxes(labelled, tmp_path, data):
    sheet = tmp_path / "sheet.jpg"
    status, output, _ = data("show", labelled, "-o", sheet, "--columns", "3", "--side", "200")
    assert (status, output) == (0, f"{sheet}: 9 of 9 photos\n")
    with Image.open(sheet) as image:
        assert image.width == 3 * 206 + 6
        pixels = np.asarray(image).astype(int)
    green = (pixels[..., 1] > 120) & (pixels[..., 0] < 80) & (pixels[..., 2] < 80)
    assert green.sum() > 9 * 100


def test_unreadable_photos_are_left_out_of_the_sheet(spoilt, tmp_path, data):
    status, output, error = data("show", spoilt, "-o", tmp_path / "sheet.jpg", "--crops")
    assert (status, output) == (3, f"{tmp_path / 'sheet.jpg'}: 4 of 7 photos\n")
    assert error.count("skipped: ") == 3


@pytest.mark.parametrize("name", ["p0.png", "boxes.csv"])
def test_the_sheet_never_replaces_a_file_of_the_set(labelled, data, name):
    before = (labelled / name).read_bytes()
    status, _, error = data("show", labelled / "boxes.csv", "-o", labelled / name)
    assert status == 2
    assert f"{name}: would overwrite the original" in error
    assert (labelled / name).read_bytes() == before


def test_statistics(labelled, tmp_path, data):
    status, output, _ = data("stats", labelled, "-o", tmp_path / "h.png")
    assert status == 0
    counts = {line[:24].strip(): line[24:].split() for line in output.splitlines()}
    assert counts["photos"] == counts["boxes"] == counts["boxes with text"] == ["9"]
    assert counts["box width, px"] == ["30"] * 5
    assert counts["box width, % of photo"] == ["31.25"] * 5
    with Image.open(tmp_path / "h.png") as image:
        assert image.size == (1200, 360)


def test_statistics_of_a_set_without_boxes(labelled, tmp_path, data):
    (labelled / "boxes.csv").write_text("file,width,height,x1,y1,x2,y2,text\np0.png,96,64,,,,,\n")
    status, output, _ = data("stats", labelled, "-o", tmp_path / "h.png")
    assert status == 0
    assert "photos without box" in output


def test_a_split_is_written_beside_the_labels(labelled, data):
    status, output, _ = data("split", labelled, "--seed", "3")
    assert status == 0
    assert output == (
        f"{labelled / 'split.csv'}: split grouped, seed 3: train 7, val 1, test 1; "
        "0 of 9 sources on more than one side\n"
    )
    assert read_split(labelled).seed == 3
    assert data("check", labelled)[0] == 0  # split.csv is not taken for labels


def test_an_earlier_split_outlives_a_full_disk(labelled, data, monkeypatch):
    data("split", labelled)
    before = (labelled / "split.csv").read_bytes()

    def full(path, *args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    status, _, error = data("split", labelled, "--seed", "1")
    assert status == 2
    assert "No space left on device" in error
    assert (labelled / "split.csv").read_bytes() == before
    assert not [path for path in labelled.iterdir() if path.name.startswith(".draft")]


@pytest.mark.parametrize(
    "words", [["--fractions", "0.5", "0.5", "2"], ["--protocol", "lucky"], ["--seed", "x"]]
)
def test_wrong_options(labelled, data, words):
    status, _, error = data("split", labelled, *words)
    assert status == 2
    assert error.startswith(f"error: argument {words[0]}: ")
    assert error.count("\n") == 1


def test_fractions_that_do_not_sum_to_one(labelled, data):
    status, _, error = data("split", labelled, "--fractions", "0.5", "0.1", "0.1")
    assert status == 2
    assert error == "error: fractions must be three numbers that sum to 1, got 0.5, 0.1, 0.1\n"


@pytest.mark.parametrize("command", ["split", "show", "stats", "import", "augment"])
def test_a_place_that_cannot_be_written_is_one_line(labelled, tmp_path, data, command):
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    status, _, error = data(command, labelled, "-o", blocker / "below" / "out.png")
    assert status == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert blocker.read_text() == "in the way"
