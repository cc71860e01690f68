import csv
import sys

import numpy as np
import pytest
from tiny_onnx import save_constant_scored_model, save_mean_colour_model

from lightning_plates.__main__ import main
from lightning_plates.boxes import FitMargin
from lightning_plates.data.annotations import boxes_csv
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.drawing import LABEL_COLOUR, PREDICTION_COLOUR
from lightning_plates.photos import load_photo
from runtimes import open_model

SIZE = (128, 128)
FOUND = (0.25, 0.25, 0.5, 0.375)
"""What the finder answers for every photo, in 0–1: 32 × 16 pixels at (32, 32)."""


@pytest.fixture
def finder(tmp_path):
    return save_constant_scored_model(tmp_path / "finder.onnx", [list(FOUND)], [0.9])


@pytest.fixture
def labelled(tmp_path, make_photo_set):
    """Two plates that fit (IoU 1 and 0.5), one elsewhere, and two photos without a plate."""
    boxes = {
        "exact.png": (BoxRecord(32, 32, 64, 48),),
        "half.png": (BoxRecord(32, 32, 64, 64),),
        "miss.png": (BoxRecord(80, 80, 120, 100),),
        "empty1.png": (),
        "empty2.png": (),
    }
    annotations = make_photo_set(tmp_path / "site", boxes, size=SIZE)
    boxes_csv.write(annotations, annotations.root)
    return annotations.root


def table(file):
    with file.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_table_says_shares_precision_and_false_alarms(tmp_path, finder, labelled, capsys):
    pytest.importorskip("pycocotools", reason="the extra 'evaluate' is not installed")
    out = tmp_path / "out" / "table.csv"
    words = [str(finder), str(labelled), "--looks", "1", "-o", str(out)]
    assert main(["evaluate-finder", *words]) == 0
    [row] = table(out)
    assert (row["photos"], row["found"], row["empty_photos"]) == ("3", "1.0", "2")
    assert float(row["iou50"]) == pytest.approx(2 / 3)
    assert float(row["iou70"]) == pytest.approx(1 / 3)
    assert float(row["mean_iou"]) == pytest.approx(0.5)
    # Matching labels are as wide as the box, and as high and twice as high.
    ratios = [float(row[f"label_{side}_ratio"]) for side in ("width", "height")]
    assert ratios == pytest.approx([1.0, 1.5])
    assert (float(row["alarmed"]), float(row["alarms_per_empty_photo"])) == (1.0, 1.0)
    # Two of five equally sure boxes fit two of three labels; all of them are medium or small.
    assert 0 < float(row["ap50"]) < 0.7
    assert "ap_large" not in row
    printed = capsys.readouterr().out
    assert "| site | 1 | 3 | 100.0 % | 66.7 % (20.8–93.9) |" in printed
    assert "AP50" in printed
    assert "| 1.00 × 1.50 |" in printed


def test_a_model_with_a_margin_has_two_rows(tmp_path, finder, labelled):
    out, per_photo = tmp_path / "table.csv", tmp_path / "photos.csv"
    with open_model(finder) as model:
        # As tall again and as far down: it now fits half.png and only half of exact.png.
        doubled = FitMargin(1.0, 2.0, shift_y=0.5)
        model.store_spec(model.spec.with_options(margin=doubled), finder)
    words = [str(finder), str(labelled), "--looks", "1", "-o", str(out), "--csv", str(per_photo)]
    assert main(["evaluate-finder", *words]) == 0
    assert [row["margin"] for row in table(out)] == ["without", "with"]
    ious = {(row["margin"], row["file"]): float(row["iou"]) for row in table(per_photo)}
    assert ious["without", "exact.png"] == ious["with", "half.png"] == pytest.approx(1, abs=1e-3)
    assert ious["with", "exact.png"] == pytest.approx(0.5, abs=1e-3)


def test_without_the_library_its_columns_are_left_out_and_the_table_says_why(
    finder, labelled, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    assert main(["evaluate-finder", str(finder), str(labelled), "--looks", "1"]) == 0
    printed = capsys.readouterr().out
    assert "AP50" not in printed
    assert "pycocotools is not installed" in printed
    assert "`pip install 'lightning-plates[evaluate]'`" in printed


def test_the_worst_photos_are_drawn_first(tmp_path, finder, labelled, capsys):
    out = tmp_path / "failures"
    words = [str(finder), str(labelled), "--looks", "1", "--failures", str(out), "--worst", "4"]
    assert main(["evaluate-finder", *words]) == 0
    names = sorted(file.name for file in out.iterdir())
    # IoU 0: two alarms and the miss; then the half.
    assert names[3:] == ["004_site_half.jpg", "worst.jpg"]
    assert {name[4:] for name in names[:3]} == {
        "site_miss.jpg", "site_empty1.jpg", "site_empty2.jpg"
    }  # fmt: skip
    assert "worst.jpg" in capsys.readouterr().out
    [miss] = out.glob("*_miss.jpg")
    picture = load_photo(miss).astype(int)
    for colour, row, columns in ((LABEL_COLOUR, 79, (85, 115)), (PREDICTION_COLOUR, 49, (36, 60))):
        line = picture[row, slice(*columns)].mean(axis=0)
        assert np.abs(line - colour).max() < 60, f"no line of {colour} in row {row}"


def test_a_set_without_a_plate_measures_false_alarms_alone(tmp_path, make_photo_set, capsys):
    annotations = make_photo_set(tmp_path / "sky", {"a.png": (), "b.png": ()}, size=SIZE)
    boxes_csv.write(annotations, annotations.root)
    quiet = save_constant_scored_model(tmp_path / "quiet.onnx", [list(FOUND)], [0.1])
    out = tmp_path / "table.csv"
    words = [str(annotations.root), "-o", str(out), "--failures", str(tmp_path / "failures")]
    assert main(["evaluate-finder", str(quiet), *words]) == 0
    assert [(row["alarmed"], row["empty_photos"]) for row in table(out)] == [("0.0", "2")] * 2
    assert "no pictures" in capsys.readouterr().out


def test_a_regressor_answers_without_a_score(tmp_path, labelled, capsys):
    model = save_mean_colour_model(tmp_path / "regressor.onnx")
    assert main(["evaluate-finder", str(model), str(labelled), "--looks", "1"]) == 0
    printed = capsys.readouterr().out
    assert "100.0 %" in printed
    assert "Threshold" not in printed


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["gone.onnx", "{set}"], "gone.onnx: no such file"),
        (["{model}", "gone"], "gone: no such file or folder"),
        (["{model}", "{set}", "--only", "zebra"], "no photo's name begins with 'zebra'"),
        (["{model}", "{set}", "--only", "("], "not a regular expression"),
        (["{model}", "{set}", "--runtime", "warp"], "unknown runtime 'warp'"),
    ],
)
def test_bad_input_is_one_line(finder, labelled, capsys, words, reason):
    filled = [word.format(model=finder, set=labelled) for word in words]
    assert main(["evaluate-finder", *filled]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_one_side_of_a_divided_set_is_measured_alone(tmp_path, finder, labelled):
    head = '# {"protocol": "grouped", "seed": 0, "fractions": [0.4, 0.2, 0.4], "group_by": ""}\n'
    sides = {"exact": "test", "half": "train", "miss": "train", "empty1": "test", "empty2": "val"}
    rows = "".join(f"{name}.png,{name},{side}\n" for name, side in sides.items())
    (labelled / "split.csv").write_text(f"{head}file,source,split\n{rows}")
    out = tmp_path / "table.csv"
    words = [str(finder), str(labelled), "--looks", "1", "-o", str(out), "--side", "test"]
    assert main(["evaluate-finder", *words]) == 0
    [row] = table(out)
    assert (row["photos"], row["mean_iou"], row["empty_photos"]) == ("1", "1.0", "1")
