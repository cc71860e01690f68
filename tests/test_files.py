import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_plates.files import (
    LIMIT_VARIABLE,
    PHOTO_LIMIT_VARIABLE,
    FileTooLargeError,
    NotRegularFileError,
    byte_limit,
    check_regular,
    photo_limit,
    read_bytes,
    read_head,
    set_photo_limit,
)


def test_reads_a_file_and_through_a_link(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"\0\1\r\n\2")
    (tmp_path / "link").symlink_to(file)

    assert read_bytes(file) == read_bytes(tmp_path / "link") == b"\0\1\r\n\2"


@pytest.mark.timeout(10)
def test_a_pipe_that_nobody_writes_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "z.jpg")

    with pytest.raises(NotRegularFileError, match="not a regular file"):
        read_bytes(tmp_path / "z.jpg")


@pytest.mark.timeout(10)
def test_an_endless_device_behind_a_link_is_refused(tmp_path):
    (tmp_path / "z.jpg").symlink_to("/dev/zero")

    with pytest.raises(NotRegularFileError):
        check_regular(tmp_path / "z.jpg")


def test_a_sparse_file_over_the_limit_is_refused_unread(tmp_path):
    with (tmp_path / "big").open("wb") as file:
        file.truncate(20_000_000_000)

    with pytest.raises(FileTooLargeError, match="20,000 MB, more than the limit of 2,048 MB"):
        read_bytes(tmp_path / "big")


def test_only_the_general_limit_can_be_raised(tmp_path, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "1")
    (tmp_path / "big").write_bytes(bytes(1_000_001))
    with pytest.raises(FileTooLargeError, match=f"1 MB; raise it with {LIMIT_VARIABLE}"):
        read_bytes(tmp_path / "big")
    with pytest.raises(FileTooLargeError, match=r"the limit of 0 MB: "):
        read_bytes(tmp_path / "big", limit=1000)


def test_the_limit_counts_bytes_and_includes_its_end(tmp_path):
    (tmp_path / "a").write_bytes(b"1234")

    assert read_bytes(tmp_path / "a", limit=4) == b"1234"
    with pytest.raises(FileTooLargeError):
        read_bytes(tmp_path / "a", limit=3)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_file_that_hides_its_size_is_limited_while_read():
    assert Path("/proc/self/status").stat().st_size == 0
    with pytest.raises(FileTooLargeError):
        read_bytes(Path("/proc/self/status"), limit=10)


def test_folders_missing_files_and_impossible_names_are_os_errors(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none")
    with pytest.raises(OSError, match="null byte"):
        read_bytes(Path("a\0b"))


@pytest.mark.parametrize(
    ("value", "limit"),
    [("3", 3_000_000), ("x", 2_048_000_000), ("-1", 2_048_000_000), ("nan", 2_048_000_000)],
)
def test_the_environment_sets_the_limit(monkeypatch, value, limit):
    monkeypatch.setenv(LIMIT_VARIABLE, value)

    assert byte_limit() == limit


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_refusals_leave_no_descriptor_open(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(OSError, match="regular"):
            check_regular(tmp_path / "pipe")

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_head_of_a_file_over_the_limit_is_read(tmp_path):
    with (tmp_path / "big").open("wb") as file:
        file.write(b"head")
        file.truncate(20_000_000_000)

    assert read_head(tmp_path / "big", 4) == b"head"


@pytest.mark.timeout(10)
def test_a_pipe_has_no_head(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(NotRegularFileError):
        read_head(tmp_path / "pipe", 4)


def test_the_limit_that_was_set_holds_in_processes_that_are_started(monkeypatch):
    monkeypatch.setenv(PHOTO_LIMIT_VARIABLE, "1")
    set_photo_limit(0.5)

    ask = "from lightning_plates.files import photo_limit; print(photo_limit())"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert int(done.stdout) == photo_limit() == 500_000


def test_the_limit_of_photos_is_that_of_all_files_and_no_other_way_round(monkeypatch):
    monkeypatch.delenv(PHOTO_LIMIT_VARIABLE, raising=False)
    monkeypatch.setenv(LIMIT_VARIABLE, "3")
    assert photo_limit() == 3_000_000
    monkeypatch.setenv(PHOTO_LIMIT_VARIABLE, "1")
    assert (photo_limit(), byte_limit()) == (1_000_000, 3_000_000)
