"""``python -m conversion all``: several hubs, every variant, failures as rows, and resuming."""

import csv
import json
import os

import pytest
from tiny_onnx import save_conv_model

from conversion.__main__ import main
from conversion._base import Variant
from conversion._discovery import list_converters
from conversion.matrix import cell as _cells
from conversion.onnxruntime import OnnxRuntimeConverter
from lightning_plates.errors import MissingDependencyError
from lightning_plates.terminal.console import run_reporting


@pytest.fixture
def hubs(tmp_path):
    return [save_conv_model(tmp_path / f"{name}.onnx") for name in ("first", "second")]


@pytest.fixture
def in_process(monkeypatch):
    """Scripts run in this process, which is quicker; the list holds what was run."""
    ran = []

    def run(name, words):
        ran.append([name, *words])
        errors = []
        monkeypatch.setattr("lightning_plates.terminal.console.report_failure", _collect(errors))
        return "" if run_reporting(lambda argv: main([name, *argv]), words) == 0 else errors[0]

    monkeypatch.setattr(_cells, "run_script", run)
    return ran


def _collect(errors):
    def report(message, status):
        errors.append(message)
        return status

    return report


def rows_of(table):
    with table.with_suffix(".csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", sorted(list_converters()))
def test_every_variant_has_a_file_of_its_own_and_words_its_script_knows(name, tmp_path):
    cls = list_converters()[name]
    variants = cls.every_variant()
    assert {variant.precision for variant in variants} == set(cls.precisions)
    assert len({variant.label for variant in variants}) == len(variants)
    files = {
        cls.from_words(variant.words).file_name(tmp_path / "m.onnx", variant.precision)
        for variant in variants
    }
    assert len(files) == len(variants)


def test_one_table_of_all_hubs_and_variants(tmp_path, hubs, plate_set, in_process):
    table = tmp_path / "parity.md"
    words = ["all", *map(str, hubs), "-o", str(tmp_path / "out"), "--only", "onnxruntime"]
    words += ["--calibration", str(plate_set), "--calibration-count", "4", "--photos"]
    words += [
        str(plate_set),
        "--photo-count",
        "5",
        "--min-iou",
        "0",
        "--table",
        str(table),
        "--csv",
    ]
    assert run_reporting(main, words) == 0
    rows = rows_of(table)
    assert [row["model"] for row in rows] == ["first"] * 7 + ["second"] * 7
    made = [row["variant"] for row in rows[1:7]]
    assert made == ["fp32", "fp32 .ort", "fp16", "fp16 .ort", "int8", "int8 .ort"]
    exact = rows[1]
    assert float(exact["mean IoU with hub"]) == 1
    assert exact["IoU ≥ 0.5 to label"] == rows[0]["of the hub"]
    assert exact["status"] == "agrees"
    text = table.read_text(encoding="utf-8")
    assert "measured on 5 photos, labelled; calibrated with 4 of the train side" in text
    assert "ONNX Runtime: onnxruntime " in text
    assert str(tmp_path) not in text
    assert os.uname().nodename not in text

    in_process.clear()
    assert run_reporting(main, words) == 0
    assert in_process == []  # everything lies there
    assert rows_of(table) == rows
    (tmp_path / "out" / "first.fp32.onnx").write_bytes(b"something else")
    assert run_reporting(main, words) == 0
    assert [made[0] for made in in_process] == ["onnxruntime"]
    assert rows_of(table) == rows


def test_a_failure_is_a_row_and_is_tried_again_only_if_asked(
    tmp_path, hubs, photo_folder, in_process
):
    table = tmp_path / "parity.md"
    words = ["all", str(hubs[0]), "-o", str(tmp_path / "out"), "--only", "onnxruntime"]
    words += ["--photos", str(photo_folder), "--table", str(table), "--csv"]
    assert run_reporting(main, words) == 3
    failed = [row for row in rows_of(table) if row["variant"] == "int8"]
    assert "needs photos to calibrate" in failed[0]["status"]
    assert str(tmp_path) not in table.read_text(encoding="utf-8")
    assert failed[0]["MB"] == ""
    assert failed[0]["IoU ≥ 0.5 to label"] == ""  # the folder has no labels
    in_process.clear()
    assert run_reporting(main, words) == 3
    assert in_process == []
    assert run_reporting(main, [*words, "--retry"]) == 3
    assert len(in_process) == 2  # INT8 in both formats


def test_other_options_make_another_cell(tmp_path, hubs, photo_folder, in_process, monkeypatch):
    words = ["all", str(hubs[0]), "-o", str(tmp_path / "out"), "--photos", str(photo_folder)]
    words += ["--only", "onnxruntime"]
    run_reporting(main, words)
    record = tmp_path / "out" / "first.fp32.onnx.cell.json"
    assert json.loads(record.read_text())["figures"]["parity"]["mean_likeness"] == 1
    in_process.clear()
    monkeypatch.setattr(OnnxRuntimeConverter, "tool_version", lambda self: "onnxruntime 99.0")
    table = tmp_path / "parity.md"
    assert run_reporting(main, [*words, "--report", "--table", str(table)]) == 3
    assert table.read_text(encoding="utf-8").count("not made yet") == 6
    assert in_process == []
    run_reporting(main, words)
    assert len(in_process) == 6  # with another version of the tool everything is made again


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("first.fp32.onnx.cell.json", "[1]"),
        ("first.fp32.onnx.cell.json", "{"),
        ("first.fp32.onnx.cell.json", '{"key": {}, "figures": 7, "reason": ""}'),
        ("first.fp32.onnx.json", '{"converter": 1, "hub_sha256": 2}'),
    ],
)
def test_a_damaged_record_is_made_again(tmp_path, hubs, photo_folder, in_process, file, text):
    words = ["all", str(hubs[0]), "-o", str(tmp_path / "out"), "--photos", str(photo_folder)]
    words += ["--only", "onnxruntime"]
    run_reporting(main, words)
    (tmp_path / "out" / file).write_text(text)
    in_process.clear()
    run_reporting(main, words)
    repaired = json.loads((tmp_path / "out" / file).read_text())
    assert repaired["figures" if "cell" in file else "parity"]
    in_process.clear()
    run_reporting(main, words)
    assert in_process == []


def test_a_tool_that_is_not_installed_is_a_row_that_says_what_to_install(
    tmp_path, hubs, photo_folder, in_process, monkeypatch
):
    def check_tool(self):
        raise MissingDependencyError("warp is not installed. Install it with: pip install warp")

    monkeypatch.setattr(OnnxRuntimeConverter, "check_tool", check_tool)
    table = tmp_path / "parity.md"
    words = ["all", str(hubs[0]), "-o", str(tmp_path / "out"), "--photos", str(photo_folder)]
    words += ["--only", "onnxruntime", "--table", str(table), "--csv"]
    assert run_reporting(main, words) == 3
    assert all("pip install warp" in row["status"] for row in rows_of(table)[1:])
    assert in_process == []


def test_a_script_that_fails_gives_one_line(tmp_path):
    reason = _cells.run_script("onnxruntime", [str(tmp_path / "gone.onnx"), "-o", str(tmp_path)])
    assert reason.endswith("gone.onnx: no such file")
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["a/m.onnx", "b/m.onnx"], "two hub files are called m"),
        (["m.onnx", "--photo-count", "0"], "--photo-count is 0"),
        (["m.onnx", "--csv"], "give --table FILE too"),
    ],
)
def test_bad_input_is_one_line(capsys, words, reason):
    assert run_reporting(main, ["all", *words, "-o", "x"]) == 2
    assert reason in capsys.readouterr().err


def test_a_variant_is_named_after_its_precision():
    assert Variant("int8", "dynamic", ("--kind", "dynamic")).label == "int8 dynamic"
    assert Variant("fp16").label == "fp16"
