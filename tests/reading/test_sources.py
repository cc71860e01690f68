from pathlib import Path

import pytest

from lightning_plates.reading.sources import paths_from_lines, without_quotes


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
