"""Folders that one process writes into at a time."""

import subprocess
import sys

import pytest

from lightning_plates.__main__ import main
from lightning_plates.errors import OutputError
from lightning_plates.locking import hold_folder, is_at, is_locked, try_lock

HOLD = (
    "import sys; from pathlib import Path; from lightning_plates.locking import hold_folder\n"
    "with hold_folder(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def test_a_second_writer_is_refused_until_the_first_has_ended(tmp_path):
    folder = tmp_path / "new" / "run"
    words = [sys.executable, "-c", HOLD, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes) as first:
        assert first.stdout.readline() == b"held\n"
        refused = pytest.raises(OutputError, match="run: another process is writing into it")
        with refused, hold_folder(folder):
            pytest.fail("not refused")
        first.kill()
    with hold_folder(folder):
        pass
    assert list(folder.iterdir()) == []


def test_what_happens_inside_is_not_swallowed(tmp_path):
    with pytest.raises(FileNotFoundError), hold_folder(tmp_path):
        raise FileNotFoundError


def test_a_lock_ends_with_its_file(tmp_path):
    path = tmp_path / "file"
    with path.open("w") as first, path.open("a") as second:
        assert try_lock(first)
        assert not try_lock(second)
        assert is_locked(path)
    assert not is_locked(path)


def test_a_file_that_another_took_the_place_of_is_not_there(tmp_path):
    path, other = tmp_path / "file", tmp_path / "other"
    other.touch()
    with path.open("w") as file:
        assert is_at(file, path)
        other.replace(path)
        assert not is_at(file, path)
        path.unlink()
        assert not is_at(file, path)


def commands(folder, plate_set):
    return {
        "synthesise": ["data", "synthesise", "-o", folder, "--count", "1"],
        "augment": ["data", "augment", str(plate_set), "-o", folder],
        "thesis": ["thesis", "-o", folder],
    }


@pytest.mark.parametrize("name", ["synthesise", "augment", "thesis"])
def test_what_fills_a_folder_fills_it_alone(tmp_path, plate_set, capsys, name):
    words = commands(str(tmp_path), plate_set)[name]
    with hold_folder(tmp_path):
        assert main(words) == 2
    assert "another process is writing into it" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
