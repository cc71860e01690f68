import pytest

from lightning_plates.data.duplicates import find_duplicates
from lightning_plates.files import LIMIT_VARIABLE


def test_only_equal_content_counts(tmp_path):
    contents = {
        "a": b"one",
        "b": b"two",
        "c": b"one",
        "d": b"three",
        "e": b"one",
        "f": b"",
        "g": b"",
        "h": b"ond",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in contents] + [tmp_path / "missing"]
    groups = [tuple(path.name for path in group) for group in find_duplicates(paths)]
    assert groups == [("a", "c", "e"), ("f", "g")]


@pytest.mark.timeout(20)
def test_files_over_the_limit_are_never_read(tmp_path, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "1")
    for name in "ab":
        with (tmp_path / name).open("wb") as file:
            file.truncate(20_000_000_000)
    assert find_duplicates([tmp_path / "a", tmp_path / "b"]) == []
