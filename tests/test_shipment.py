"""Models that ship are compared with their SHA-256 when they are opened; others are not."""

import base64
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_plates import shipment
from lightning_plates.__main__ import main
from lightning_plates.errors import ModelError
from lightning_plates.golden import golden_file, load_golden
from lightning_plates.reading.ocr.rapidocr import find_recogniser
from lightning_plates.shipment import SUMS, check_installed, check_shipped
from runtimes import open_model

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
ENDINGS = {".onnx", ".npz", ".ckpt", ".safetensors"}
MODELS = sorted(
    file.relative_to(ARTIFACTS).as_posix()
    for file in ARTIFACTS.rglob("*")
    if file.suffix in ENDINGS
)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A copy of the finder that ships, in the place of ours."""
    root = tmp_path / "artifacts"
    shutil.copytree(ARTIFACTS / "finder", root / "finder")
    shutil.copy(ARTIFACTS / SUMS, root)
    monkeypatch.setattr(shipment, "CHECKOUT", root)
    return root


def flip_a_bit(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_the_sums_name_every_model_that_ships():
    lines = (ARTIFACTS / SUMS).read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_as_its_sum_says(name):
    check_shipped(ARTIFACTS / name)


def test_a_damaged_finder_is_one_line_that_says_what_to_do(shipped, tmp_path, capsys):
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(tmp_path / "photo.png")
    flip_a_bit(shipped / "finder" / "plate_finder_int8.onnx")
    assert main(["read", str(tmp_path / "photo.png")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{shipped / 'finder' / 'plate_finder_int8.onnx'}: damaged" in said
    assert "pip install --force-reinstall lightning-plates" in said


def open_checkpoint(path):
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    from lightning_plates.models.checkpoint import load_checkpoint

    return load_checkpoint(path)


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("plate_finder_int8.onnx", open_model),
        ("plate_finder.onnx", open_model),
        ("plate_finder.ckpt", open_checkpoint),
        ("plate_finder_int8.onnx.golden.npz", load_golden),
    ],
)
def test_whatever_opens_a_shipped_file_checks_it(shipped, tmp_path, name, load):
    file = shipped / "finder" / name
    own = Path(shutil.copy(file, tmp_path / name))
    opened = load(file)
    if hasattr(opened, "close"):
        opened.close()
    flip_a_bit(file)
    with pytest.raises(ModelError, match="damaged"):
        load(file)
    flip_a_bit(own)
    check_shipped(own)


def test_starting_weights_are_checked(tmp_path, monkeypatch):
    weights = pytest.importorskip(
        "lightning_plates.models.weights", reason="the extra 'train' is not installed"
    )
    root = tmp_path / "artifacts"
    shutil.copytree(ARTIFACTS / "backbones", root / "backbones")
    shutil.copy(ARTIFACTS / SUMS, root)
    monkeypatch.setattr(shipment, "PACKAGED", root)
    file = root / "backbones" / "mobilenet_v2.safetensors"
    weights.read_weights("mobilenet_v2", str(file))
    flip_a_bit(file)
    with pytest.raises(ModelError, match="damaged"):
        weights.read_weights("mobilenet_v2", str(file))


def test_what_lies_beside_shipped_models_is_not_checked(shipped):
    own = Path(shutil.copy(shipped / "finder" / "plate_finder.onnx", shipped / "finder/own.onnx"))
    flip_a_bit(own)
    check_shipped(own)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_without_its_list_of_sums_a_copy_is_damaged(shipped, content):
    (shipped / SUMS).unlink()
    if content:
        (shipped / SUMS).write_bytes(content)
    with pytest.raises(ModelError, match=rf"{SUMS}: cannot be read .* install again"):
        check_shipped(golden_file(shipped / "finder" / "plate_finder_int8.onnx"))


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A file that a wheel brought, with the record of its installation."""
    file = tmp_path / "standin" / "models" / "reader.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    record = tmp_path / "stand_in-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: stand-in\nVersion: 1.0\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"weights").digest()).decode().rstrip("=")
    (record / "RECORD").write_text(f"standin/models/reader.onnx,sha256={digest},7\n")
    monkeypatch.syspath_prepend(tmp_path)
    return file


def test_a_file_of_another_wheel_is_compared_with_its_record(stand_in):
    check_installed(stand_in, "stand-in")
    stand_in.write_bytes(b"Weights")
    with pytest.raises(ModelError, match=r"damaged.*--force-reinstall stand-in"):
        check_installed(stand_in, "stand-in")
    check_installed(stand_in.with_name("downloaded.onnx"), "stand-in")
    check_installed(stand_in, "a-distribution-without-record")


def test_rapidocr_checks_its_recogniser(tmp_path, monkeypatch):
    from lightning_plates.reading.ocr import open_engine, rapidocr

    damaged = Path(shutil.copy(find_recogniser(), tmp_path))
    monkeypatch.setattr(rapidocr, "find_recogniser", lambda: damaged)
    monkeypatch.setattr(shipment, "_recorded", lambda *_: hashlib.sha256(b"other").digest())
    with pytest.raises(ModelError, match="--force-reinstall rapidocr"):
        open_engine("rapidocr", threads=1)
