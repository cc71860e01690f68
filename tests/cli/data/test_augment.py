import errno
import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest

from lightning_plates.data import augmentation_run
from lightning_plates.data.annotations import boxes_csv, read_annotations
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.drafts import write_bytes


def photos_of(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.jpg")}


def test_counts_are_told(labelled, tmp_path, data):
    status, output, error = data("augment", labelled, "-o", tmp_path / "out", "--keep", "500")
    assert (status, error) == (0, "")
    assert "9 photos, 63 with rotations, 441 with brightness, 819 with contrast" in output
    assert output.endswith("kept: 500\n")
    made = read_annotations(tmp_path / "out")
    assert len(made.photos) == 500
    assert len({photo.group for photo in made.photos}) == 9


def test_a_damaged_photo_is_listed_and_the_others_are_made(labelled, tmp_path, data):
    (labelled / "p1.png").write_bytes((labelled / "p1.png").read_bytes()[:100])
    status, output, error = data("augment", labelled, "-o", tmp_path / "out")
    assert status == 3
    assert "8 photos, 56 with rotations" in output
    assert error.startswith(f"skipped: {labelled / 'p1.png'}: damaged photo")


def test_a_full_disk_loses_nothing_that_was_finished(labelled, tmp_path, data, monkeypatch):
    def write(path, content):
        if path.name == "p6-r357-c102.jpg":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write_bytes(path, content)

    monkeypatch.setattr(augmentation_run, "write_bytes", write)
    out = tmp_path / "out"
    status, _, error = data("augment", labelled, "-o", out, "--workers", "1")
    assert status == 2
    assert error == (
        f"error: {out / 'p6-r357-c102.jpg'}: No space left on device; "
        "free some space and run the command again\n"
    )
    assert not (out / "boxes.csv").exists()
    monkeypatch.undo()
    before = (out / "p2-r003.jpg").stat().st_mtime_ns
    assert data("augment", labelled, "-o", out, "--workers", "1")[0] == 0
    assert (out / "p2-r003.jpg").stat().st_mtime_ns == before
    assert len(read_annotations(out).photos) == 819


def test_damaged_lines_of_the_journal_are_done_again(labelled, tmp_path, data):
    out = tmp_path / "out"
    assert data("augment", labelled, "-o", out, "--workers", "1")[0] == 0
    before = photos_of(out)
    journal = out / augmentation_run.JOURNAL
    head, *others = journal.read_bytes().splitlines()
    damaged = [
        b'{"photo": "p0.png", "reasons": 7}', b'{"photo": "p1.png", "reasons": [["a"]]}', b"[1]",
        b'{"photo": "p2.png", "reasons": ["", ""]}', b"\x93\xff", b"[" * 100_000,
    ]  # fmt: skip
    journal.write_bytes(b"\n".join([head, *damaged, *others[3:]]) + b"\n")
    assert data("augment", labelled, "-o", out, "--workers", "1")[0] == 0
    assert photos_of(out) == before
    assert len(read_annotations(out).photos) == 819


def test_a_folder_with_something_else_in_it_is_refused(labelled, data):
    status, _, error = data("augment", labelled, "-o", labelled)
    assert status == 2
    assert "choose another folder or remove it" in error


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals a process group")
def test_ctrl_c_is_one_line_and_the_run_goes_on(tmp_path, data, make_photo_set):
    boxes = {f"p{n:02}.png": (BoxRecord(200, 100, 300, 150),) for n in range(12)}
    annotations = make_photo_set(tmp_path / "set", boxes, size=(400, 225))
    boxes_csv.write(annotations, annotations.root)
    out, whole = tmp_path / "out", tmp_path / "whole"
    command = [sys.executable, "-m", "lightning_plates", "data", "augment", str(annotations.root)]
    process = subprocess.Popen(
        [*command, "-o", str(out), "--workers", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    journal = out / ".augment.jsonl"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_text().count("\n") > 2):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: parent and workers
    _, error = process.communicate(timeout=60)
    assert error == "error: interrupted; what was finished is kept\n"
    assert process.returncode == 130
    assert not (out / "boxes.csv").exists()
    finished = {path: path.stat().st_mtime_ns for path in out.glob("p00-*.jpg")}
    assert len(finished) == 91

    assert data("augment", annotations.root, "-o", out)[0] == 0
    assert all(path.stat().st_mtime_ns == written for path, written in finished.items())
    assert data("augment", annotations.root, "-o", whole)[0] == 0
    assert photos_of(out) == photos_of(whole)
    assert (out / "boxes.csv").read_bytes() == (whole / "boxes.csv").read_bytes()
