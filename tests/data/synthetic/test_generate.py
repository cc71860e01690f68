import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_plates.__main__ import main
from lightning_plates.data.annotations.boxes_csv import write
from lightning_plates.data.annotations.reader import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.synthetic import generate as module
from lightning_plates.data.synthetic.generate import JOURNAL, MANIFEST, SetOptions, generate
from lightning_plates.data.synthetic.scene import PlacedPlate, SceneOptions
from lightning_plates.errors import InputError

OPTIONS = SetOptions(count=10, seed=7, scene=SceneOptions(size=96))
COLUMNS = ["file", "width", "height", "x1", "y1", "x2", "y2", "text", "source"]
COLUMNS += [f"{corner}_{axis}" for corner in ("tl", "tr", "br", "bl") for axis in "xy"]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != JOURNAL}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    generate(folder, OPTIONS, workers=1)
    return folder


def test_labels_agree_with_the_photos_and_their_corners(reference: Path):
    with (reference / "boxes.csv").open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    assert reader.fieldnames == COLUMNS
    assert {row["file"] for row in rows} == {f"{index:06d}.jpg" for index in range(10)}
    for row in rows:
        with Image.open(reference / row["file"]) as photo:
            assert photo.size == (int(row["width"]), int(row["height"]))
        xs = [float(row[f"{corner}_x"]) for corner in ("tl", "tr", "br", "bl")]
        ys = [float(row[f"{corner}_y"]) for corner in ("tl", "tr", "br", "bl")]
        assert float(row["x1"]) == max(0, min(xs))
        assert float(row["y1"]) == max(0, min(ys))
        assert float(row["x2"]) == min(int(row["width"]), max(xs))
        assert float(row["y2"]) == min(int(row["height"]), max(ys))
        assert row["text"].isalnum()
        assert row["source"] == Path(row["file"]).stem


def test_the_set_can_be_read_back(reference: Path):
    assert len(read_annotations(reference).photos) == 10


def test_the_manifest_says_how_it_was_drawn(reference: Path):
    manifest = json.loads((reference / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["seed"] == 7
    assert manifest["count"] == 10
    assert manifest["scene"]["size"] == 96


@pytest.mark.slow
def test_two_workers_draw_the_same_as_one(reference: Path, tmp_path: Path):
    generate(tmp_path / "set", OPTIONS, workers=2)
    assert content(tmp_path / "set") == content(reference)


def test_an_interrupted_run_keeps_its_photos_and_is_continued(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    drawn = []
    real = module.draw_photo

    def interrupted(job, index):
        if index == 4:
            raise KeyboardInterrupt
        return real(job, index)

    def counting(job, index):
        drawn.append(index)
        return real(job, index)

    monkeypatch.setattr(module, "draw_photo", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, OPTIONS, workers=1)
    assert len(read_annotations(tmp_path).photos) == 4
    (tmp_path / "000002.jpg").unlink()
    with (tmp_path / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.write('[4, {"file": "0000')  # as a kill in the middle of a line leaves it
    monkeypatch.setattr(module, "draw_photo", counting)
    generate(tmp_path, OPTIONS, workers=1)
    assert drawn == [2, 4, 5, 6, 7, 8, 9]
    assert content(tmp_path) == content(reference)


def test_a_set_grows_without_drawing_again(reference: Path, tmp_path: Path):
    generate(tmp_path, SetOptions(4, 7, OPTIONS.scene), workers=1)
    generate(tmp_path, OPTIONS, workers=1)
    assert content(tmp_path) == content(reference)


def test_damaged_lines_of_the_journal_are_drawn_again(reference: Path, tmp_path: Path):
    generate(tmp_path, OPTIONS, workers=1)
    journal = tmp_path / JOURNAL
    damaged = [
        b"\xba", b"[0]", b'[0, {"file": "000000.jpg", "boxes": {}}]', b"[" * 100_000,
        b'[0, {"file": "../evil.jpg", "width": 1, "height": 1, "boxes": []}]',
        b'[0, {"file": "000001.jpg", "width": 1, "height": 1, "boxes": []}]',
        b'[0, {"file": "000000.jpg", "width": "1", "height": 1, "boxes": []}]',
    ]  # fmt: skip
    journal.write_bytes(b"\n".join([*damaged, *journal.read_bytes().splitlines()[1:]]) + b"\n")
    (tmp_path.parent / "evil.jpg").write_bytes(b"")
    generate(tmp_path, OPTIONS, workers=1)
    assert content(tmp_path) == content(reference)


def test_another_seed_in_the_same_folder_is_refused(reference: Path):
    before = content(reference)
    with pytest.raises(InputError, match="other options"):
        generate(reference, SetOptions(10, 8, OPTIONS.scene), workers=1)
    assert content(reference) == before


def test_a_folder_with_other_photos_is_left_alone(tmp_path: Path):
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(InputError, match="not from here"):
        generate(tmp_path, OPTIONS, workers=1)
    assert content(tmp_path) == {"holiday.jpg": b"mine"}


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """A grey photo with a plate-like patch, labelled in the photo's own pixels."""
    folder = tmp_path / "real"
    folder.mkdir()
    pixels = np.full((240, 320, 3), 90, np.uint8)
    pixels[100:140, 120:200] = 170
    pixels[110:130, 130:190:4] = 20
    Image.fromarray(pixels).save(folder / "car.png")
    box = BoxRecord(120, 100, 200, 140)
    write(AnnotationSet(folder, (PhotoRecord("car.png", 320, 240, (box,)),)), folder)
    return folder


def test_onto_covers_the_boxes_of_the_set_and_nothing_else(annotated: Path, tmp_path: Path):
    options = SetOptions(3, 1, SceneOptions(size=160), onto=annotated)
    drawn = generate(tmp_path / "new", options, workers=1)
    assert [photo.boxes[0].xyxy for photo in drawn.photos] == [(60, 50, 100, 70)] * 3
    assert len({photo.boxes[0].text for photo in drawn.photos}) == 3
    with Image.open(tmp_path / "new" / "000000.jpg") as photo:
        pixels = np.asarray(photo).astype(int)
    assert pixels.shape == (120, 160, 3)
    assert np.abs(pixels[:40] - 90).max() < 12
    assert pixels[52:68, 62:98].mean() > 95, "as bright as what it covers"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--count", "0"], "count must be at least 1, not 0"),
        (["--seed", "-1"], "seed must not be negative"),
        (["--size", "20"], "size must be 64 to 4096 pixels, not 20"),
        (["--plate-width", "0.5", "0.2"], "two rising shares"),
        (["--plate-width", "nan", "0.2"], "two rising shares"),
        (["--negatives", "2"], "negatives must be 0 to 1, not 2.0"),
        (["--onto", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_bad_options_are_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["data", "synthesise", "-o", str(tmp_path / "new"), *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_an_output_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("in the way")
    assert main(["data", "synthesise", "-o", str(tmp_path / "file"), "--count", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_a_full_disk_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    real = module.write_bytes

    def full(target, data):
        if target.name == "000002.jpg":
            raise OSError(28, "No space left on device", str(target))
        real(target, data)

    monkeypatch.setattr(module, "write_bytes", full)
    command = ["data", "synthesise", "-o", str(tmp_path), "--count", "4", "--size", "96"]
    assert main([*command, "--workers", "1"]) == 2
    assert "No space left on device; free some space" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == ["000000.jpg", "000001.jpg"]
    monkeypatch.setattr(module, "write_bytes", real)
    assert main([*command, "--workers", "1"]) == 0
    assert len(read_annotations(tmp_path).photos) == 4


def test_the_command_draws_a_set_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "set"
    words = ["--count", "2", "--size", "96", "--workers", "1", "--several", "0"]
    assert main(["data", "synthesise", "-o", str(folder), *words]) == 0
    assert f"{folder}: 2 photos, 2 plates" in capsys.readouterr().out


@pytest.mark.slow
def test_ctrl_c_is_one_line_even_with_workers(tmp_path: Path):
    words = ["-o", str(tmp_path / "set"), "--count", "5000", "--size", "96", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lightning_plates", "data", "synthesise", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    journal = tmp_path / "set" / JOURNAL
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers, too
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == "error: interrupted; what was finished is kept\n"
    photos = read_annotations(tmp_path / "set").photos
    assert 0 < len(photos) < 5000
    assert all((tmp_path / "set" / photo.file).exists() for photo in photos)


def test_the_box_of_a_plate_that_leaves_the_photo_is_cut_at_its_edge():
    corners = np.array([(-5.0, 10.0), (40.0, 8.0), (41.0, 30.0), (-4.0, 70.0)])
    box = module._box(PlacedPlate(corners, "BCR456"), 96, 64)
    assert box.xyxy == (0, 8, 41, 64)
    assert box.corners == ((-5, 10), (40, 8), (41, 30), (-4, 70))
