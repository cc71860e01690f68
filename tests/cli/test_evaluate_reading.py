import csv

import pytest
from drawn_plates import make_crops, make_photos, save_finder

from lightning_plates.__main__ import main
from lightning_plates.boxes import FitMargin
from runtimes import open_model

TEXTS = ("BCR-456", "KFR-247", "TWN-913")


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    return make_crops(tmp_path_factory.mktemp("evaluate") / "drawn", TEXTS)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("evaluate") / "set_br", TEXTS)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_finder(tmp_path_factory.mktemp("model") / "finder.onnx")


def rows_of(out):
    """Rows of the printed table, by column."""
    lines = [line for line in out.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


def evaluate(capsys, *words):
    assert main(["evaluate-reading", "--ocr", "rapidocr", *map(str, words)]) == 0
    out = capsys.readouterr().out
    return rows_of(out), out


def test_drawn_crops_are_read_and_timed(crops, capsys):
    (row,), out = evaluate(capsys, "--crops", crops)
    assert (row["set"], row["plates"]) == ("crops drawn", "3")
    assert (row["exact"], row["last digit"], row["character errors"]) == ("1.000", "1.000", "0.000")
    assert row["IoU ≥ 0.5"] == "–"
    assert float(row["CPU ms"]) > 0
    assert "decoding a fixed JPEG" in out
    assert "cores" in out


def test_true_boxes_corners_found_boxes_and_peers_in_one_table(photos, model, capsys):
    words = ("--photos", photos, "--model", model, "--boxes", "true", "corners", "found")
    rows, _ = evaluate(capsys, *words, "--look", "1", "2")
    measured = {row["set"]: row for row in rows if not row["reader"].startswith("*")}
    ways = ("true boxes", "true corners", "one look", "up to 2 looks")
    assert list(measured) == [f"photos set_br, {way}" for way in ways]
    assert {row["exact"] for row in list(measured.values())[:3]} == {"1.000"}
    assert measured["photos set_br, one look"]["IoU ≥ 0.7"] == "1.000"
    assert measured["photos set_br, true boxes"]["IoU ≥ 0.7"] == "–"
    published = [row for row in rows if row["reader"].startswith("*")]
    assert any("SimpleLPR" in row["reader"] and row["exact"] == "*0.930*" for row in published)


def test_a_model_with_a_margin_is_measured_with_and_without_it(photos, model, tmp_path, capsys):
    moved = tmp_path / "moved.onnx"
    with open_model(model) as opened:
        opened.store_spec(opened.spec.with_options(margin=FitMargin(0.6, 1.0)), moved)
    words = ("--photos", photos, "--model", moved, "--boxes", "found", "--look", "1")
    rows, out = evaluate(capsys, *words)
    without, narrower = rows[:2]
    assert without["set"] == "photos set_br, one look, without margin"
    assert (without["mean IoU"], without["exact"]) == ("1.000", "1.000")
    assert narrower["set"] == "photos set_br, one look, with margin"
    # A box inside of the labelled one overlaps it by its share; its outer characters are cut off.
    assert (narrower["mean IoU"], narrower["exact"]) == ("0.600", "0.000")
    assert "The model's margin: " in out


def test_a_finder_that_finds_nothing_reads_nothing(photos, tmp_path, capsys):
    from tiny_onnx import save_constant_scored_model

    blind = save_constant_scored_model(tmp_path / "blind.onnx", [[0, 0, 1, 1]], [0.1])
    rows, _ = evaluate(capsys, "--photos", photos, "--model", blind, "--boxes", "found")
    assert (rows[0]["exact"], rows[0]["mean IoU"]) == ("0.000", "0.000")
    assert rows[0]["character errors"] == "1.000"


def test_a_draw_is_the_same_for_the_same_seed(crops, tmp_path, capsys):
    (row,), out = evaluate(capsys, "--crops", crops, "--limit", "2", "--seed", "5")
    assert row["plates"] == "2"
    assert "drawn with seed 5" in out


def test_only_some_photos(photos, capsys):
    words = ("--photos", photos, "--boxes", "true", "--only", "[01]")
    rows, out = evaluate(capsys, *words)
    assert rows[0]["plates"] == "2"
    assert "Only photos whose name begins with \\[01\\]" in out
    assert main(["evaluate-reading", *map(str, words[:-1]), "z"]) == 2
    assert "whose name begins with 'z'" in capsys.readouterr().err


def test_wrong_readings_and_the_table_are_written(tmp_path, capsys):
    folder = make_crops(tmp_path / "crops", ["BCR-456"])
    (folder / "text.csv").write_text("file,text\n0.png,BCR457\n")
    written = tmp_path / "failures.csv", tmp_path / "table.md"
    _, out = evaluate(
        capsys, "--crops", folder, "--failures", written[0], "--output", written[1]
    )  # fmt: skip
    (failure,) = csv.DictReader(written[0].read_text().splitlines())
    assert (failure["truth"], failure["read"]) == ("BCR457", "BCR456")
    assert written[1].read_text() in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name folders with --crops or --photos"),
        (("--crops", "missing"), "missing"),
        (("--photos", "missing"), "missing"),
        (("--ocr", "atlantis", "--crops", "missing"), "missing"),
        (("--photos", "missing", "--only", "("), "--only '(': not a regular expression"),
    ],
)
def test_bad_input_is_one_line(words, message, capsys):
    assert main(["evaluate-reading", "--ocr", "rapidocr", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
