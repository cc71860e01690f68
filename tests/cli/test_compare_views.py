import pytest
from drawn_plates import make_crops, make_photos

from lightning_plates.__main__ import main

TEXTS = ("BCR-456", "KFR-247")


def test_every_view_of_crops_and_photos_is_a_row(tmp_path, capsys):
    crops = make_crops(tmp_path / "crops", TEXTS)
    photos = make_photos(tmp_path / "photos", TEXTS)
    table = tmp_path / "table.md"
    words = ["--crops", crops, "--photos", photos, "--threads", "1", "--output", table]
    assert main(["compare-views", *map(str, words)]) == 0
    out = capsys.readouterr().out
    assert table.read_text() in out
    rows = [line.split("|")[1:5] for line in out.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in row] for row in rows]
    views = {name: [row[2] for row in cells if row[0] == name] for name, *_ in cells}
    assert views["crops crops"][:3] == ["as read does", "read once", "upscaled twice"]
    assert "margin 10 %" in views["photos photos"]
    assert "between the labelled corners" in views["photos photos"]
    assert {row[3] for row in cells if row[2] == "as read does"} == {"1.000"}


@pytest.mark.parametrize("words", [(), ("--crops", "missing"), ("--photos", "missing")])
def test_bad_input_is_one_line(words, capsys):
    assert main(["compare-views", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
