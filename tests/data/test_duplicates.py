from lightning_plates.data.duplicates import find_duplicates


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
