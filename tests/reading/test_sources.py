import os
from pathlib import Path

import pytest

from lightning_plates.reading.sources import (
    expand_files,
    paths_as_they_come,
    paths_from_lines,
    without_quotes,
)


def test_paths_end_with_a_line_or_a_null_byte():
    lines = ["a.jpg\n", "\n", "b c.jpg\0\0d.jpg\0\n", " e.jpg"]
    assert list(paths_from_lines(lines)) == [
        Path(n) for n in ("a.jpg", "b c.jpg", "d.jpg", "e.jpg")
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("'a b.jpg'", "a b.jpg"),
        ('"a.jpg"', "a.jpg"),
        ("''a.jpg''", "'a.jpg'"),
        ("'a.jpg\"", "'a.jpg\""),
        ("it's.jpg", "it's.jpg"),
        ("'", "'"),
        ("", ""),
    ],
)
def test_one_pair_of_quotes_goes(text, path):
    assert without_quotes(text) == path


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (b"a.jpg\nb c.jpg", ["a.jpg", "b c.jpg"]),
        (b"a.jpg\r\n\nb.jpg\n", ["a.jpg", "b.jpg"]),
        (b"two\nlines.jpg\0b.jpg\0", ["two\nlines.jpg", "b.jpg"]),
        (b"caf\xe9.jpg\n", [os.fsdecode(b"caf\xe9.jpg")]),
        (b"", []),
    ],
)
def test_paths_of_a_pipe_keep_their_bytes(data, paths):
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    with os.fdopen(reading) as stream:
        came = [path for path in paths_as_they_come(stream) if path is not None]
    assert came == [Path(path) for path in paths]


def test_a_pipe_in_which_nothing_comes_says_so():
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        coming = paths_as_they_come(stream)
        assert next(coming) is None
        os.write(writing, b"late.jpg\n")
        assert next(coming) == Path("late.jpg")
        os.close(writing)
        assert list(coming) == []


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.jpg", ["a.jpg"]),
        ("**/*.jpg", ["a.jpg", "deep/b.jpg"]),
        ("**", ["a.jpg", "deep/b.jpg", "note.txt"]),
        ("deep/../?.jpg", ["deep/../a.jpg"]),
        (".*.jpg", [".hidden.jpg"]),
    ],
)
@pytest.mark.parametrize("absolute", [True, False])
def test_a_pattern_is_not_led_in_circles(tmp_path, monkeypatch, pattern, names, absolute):
    for name in ("a.jpg", "deep/b.jpg", ".hidden.jpg", "note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("one", "two", "deep/up"):
        (tmp_path / name).symlink_to(tmp_path, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    start = tmp_path if absolute else Path()
    assert expand_files([str(start / pattern)]) == [start / name for name in names]
