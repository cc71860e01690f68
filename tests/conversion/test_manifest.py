"""The manifest knows whether a file is still the one that was converted."""

import hashlib
import json
import os

import pytest
from tiny_onnx import save_conv_model

from conversion.gate.manifest import (
    changed_files,
    digest_of,
    manifest_file,
    read_manifest,
    renewed_manifest,
)
from conversion.onnxruntime import OnnxRuntimeConverter
from conversion.ops import main as write_table
from lightning_plates.__main__ import main
from lightning_plates.boxes import FitMargin
from lightning_plates.errors import InputError
from lightning_plates.terminal.console import run_reporting
from runtimes import open_model

NAME = "tiny.fp32.onnx"


@pytest.fixture
def converted(tmp_path, hub_file, some_photos):
    """A model with a margin, its manifest and its golden answers."""
    with open_model(hub_file) as model:
        model.store_spec(model.spec.with_options(margin=FitMargin(1.2, 0.8)), hub_file)
    return OnnxRuntimeConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos).path


def noted(model):
    return json.loads(manifest_file(model).read_text(encoding="utf-8"))


def forget_hashes(model):
    """Turn the manifest into one of an earlier version."""
    facts = noted(model)
    del facts["sha256"]
    manifest_file(model).write_text(json.dumps(facts), encoding="utf-8")


def remove_margin(model):
    assert main(["margin", str(model), "--remove"]) == 0


def test_every_file_has_its_hash(converted):
    expected = hashlib.sha256(converted.read_bytes()).hexdigest()
    assert noted(converted)["sha256"] == {NAME: expected}
    assert changed_files(converted) == []


def test_a_folder_that_is_one_model_has_one_hash(tmp_path):
    package = tmp_path / "model.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Data" / "weights").write_bytes(b"1")
    first = digest_of(package)
    assert digest_of(package) == first
    (package / "Data" / "weights").write_bytes(b"2")
    assert digest_of(package) != first
    (package / "Data" / "weights").write_bytes(b"1")
    (package / "Data" / "weights").rename(package / "Data" / "others")
    assert digest_of(package) != first


def test_check_warns_of_another_model_that_answers_alike(tmp_path, converted, capsys):
    assert main(["check", str(converted)]) == 0
    assert capsys.readouterr().err == ""
    other = save_conv_model(tmp_path / "other.onnx", opset=14)  # same weights, other bytes
    converted.write_bytes(other.read_bytes())
    assert main(["check", str(converted)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{NAME}: agrees")
    assert said.err == (
        f"warning: {NAME}: not what was converted; {NAME}.json states another SHA-256\n"
    )


def test_a_manifest_of_an_earlier_version_says_nothing(converted, capsys):
    forget_hashes(converted)
    converted.write_bytes(converted.read_bytes() + b"\x72\x00")  # an empty metadata entry
    assert main(["check", str(converted)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("is_old", [False, True])
def test_a_margin_renews_size_and_hash(converted, capsys, is_old):
    if is_old:
        forget_hashes(converted)
    before = converted.read_bytes()
    remove_margin(converted)
    assert len(converted.read_bytes()) < len(before)
    facts = noted(converted)
    assert facts["sizes"] == {NAME: converted.stat().st_size}
    hashes = {NAME: hashlib.sha256(converted.read_bytes()).hexdigest()}
    assert facts.get("sha256", {}) == ({} if is_old else hashes)
    capsys.readouterr()
    assert main(["check", str(converted)]) == 0
    assert capsys.readouterr().err == ""


def test_a_margin_does_not_make_another_model_the_converted_one(tmp_path, converted, capsys):
    converted.write_bytes(save_conv_model(tmp_path / "other.onnx", opset=14).read_bytes())
    before = noted(converted)
    remove_margin(converted)
    assert noted(converted) == before
    assert main(["check", str(converted)]) == 0
    assert "not what was converted" in capsys.readouterr().err


def test_a_change_that_fails_leaves_the_manifest(converted):
    before = manifest_file(converted).read_bytes()
    with pytest.raises(OSError, match="full"), renewed_manifest(converted):
        raise OSError("full")
    assert manifest_file(converted).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sizes": {"../x": 1}}, "sizes: a key: expected `str` matching regex"),
        ({"sizes": {"/etc/passwd": 1}}, "sizes: a key: expected `str` matching regex"),
        ({"sizes": {"..": 1}}, "sizes: a key: expected `str` matching regex"),
        ({"sha256": {"a\x00b": "0" * 64}}, "sha256: a key: expected `str` matching regex"),
        ({"sha256": {NAME: "0" * 63}}, r"sha256\[...\]: expected `str` matching regex"),
        ({"sha256": [NAME]}, "sha256: expected `object`, got `array`"),
        ({"sizes": {NAME: "big"}}, r"sizes\[...\]: expected `int`, got `str`"),
        ({"sizes": {NAME: -1}}, r"sizes\[...\]: expected `int` >= 0"),
        ({"sizes": None}, "sizes: expected `object`, got `null`"),
        ({"operators": {"Conv": True}}, "operators.*: expected `int`, got `bool`"),
        ({"parity": {}}, "parity: object missing required field `max_abs_difference`"),
        ({"hub_sha256": 7}, "hub_sha256: expected `str`"),
        ({"options": []}, "options: expected `object`"),
    ],
)
def test_a_damaged_manifest_names_its_field(converted, hub_file, capsys, change, reason):
    manifest = manifest_file(converted)
    before = converted.read_bytes()
    manifest.write_text(json.dumps({**noted(converted), **change}), encoding="utf-8")
    with pytest.raises(InputError, match=rf"{manifest.name}: {reason}"):
        read_manifest(converted)
    capsys.readouterr()
    assert main(["check", str(converted)]) == 2
    assert main(["margin", str(converted), "--remove"]) == 2
    assert run_reporting(write_table, [str(hub_file), "--converted", str(converted.parent)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"error: {manifest}: ") for line in lines] == [True] * 3
    assert converted.read_bytes() == before


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"converter": NaN}', b"[" * 100_000])
def test_a_manifest_that_is_no_json_is_named(converted, text):
    manifest_file(converted).write_bytes(text)
    with pytest.raises(InputError, match=r"\.onnx\.json: not JSON"):
        changed_files(converted)


def test_other_files_of_that_name_are_no_manifest(converted):
    for text in ("[1]", "7", '{"a": 1}', '{"converter": "mine"}'):
        manifest_file(converted).write_text(text)
        assert read_manifest(converted) is None
        with renewed_manifest(converted):
            pass
        assert manifest_file(converted).read_text() == text


@pytest.mark.timeout(30)
def test_a_manifest_that_would_hang_is_refused(converted):
    manifest_file(converted).unlink()
    os.mkfifo(manifest_file(converted))
    with pytest.raises(InputError, match="not a regular file"):
        changed_files(converted)


@pytest.mark.timeout(30)
def test_a_noted_file_that_would_hang_is_refused(converted, capsys):
    """Named by a manifest that came with it."""
    os.mkfifo(converted.parent / "pipe")
    facts = noted(converted)
    facts["sizes"]["pipe"], facts["sha256"]["pipe"] = 0, "0" * 64
    manifest_file(converted).write_text(json.dumps(facts), encoding="utf-8")
    assert main(["check", str(converted)]) == 2
    assert "pipe: not a regular file" in capsys.readouterr().err


def test_fields_of_later_versions_survive(converted):
    facts = {**noted(converted), "later": [1]}
    manifest_file(converted).write_text(json.dumps(facts), encoding="utf-8")
    remove_margin(converted)
    assert noted(converted)["later"] == [1]
