import shutil

import pytest
import yaml
from drawn_plates import draw_crop, make_crops
from PIL import Image, ImageFilter

from lightning_plates.__main__ import main
from lightning_plates.reading.calibration import load_calibration

TEXTS = ("BCR-456", "KFR-247", "TWN-913", "XKD-680", "LPN-135", "GHJ-792", "ZQT-368", "VWX-521")


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Eight drawn plates, of which two are blurred beyond reading."""
    folder = make_crops(tmp_path_factory.mktemp("calibrate") / "drawn", TEXTS)
    for file in (folder / "6.png", folder / "7.png"):
        Image.open(file).filter(ImageFilter.GaussianBlur(12)).save(file)
    return folder


def test_the_calibration_says_how_it_was_made_and_can_be_read(crops, tmp_path, capsys, monkeypatch):
    target, picture = tmp_path / "calibration.yaml", tmp_path / "curve.png"
    words = ["--ocr", "rapidocr", "--crops", str(crops), "--threads", "1", "--max-risk", "0.3"]
    outputs = ["--output", str(target), "--picture", str(picture)]
    assert main(["calibrate-reading", *words, *outputs]) == 0
    out = capsys.readouterr().out
    assert "rapidocr: 40 crops" in out  # eight plates at five heights
    assert "as they are: 0.750 right of 8" in out
    written = yaml.safe_load(target.read_text(encoding="utf-8"))
    entry = written["engines"]["rapidocr"]
    assert entry["samples"] == 40
    assert 10 <= entry["right"] <= 30
    assert str(crops.parent) not in target.read_text(encoding="utf-8")
    with Image.open(picture) as curve:
        assert curve.width > 400
    monkeypatch.setattr("lightning_plates.reading.calibration.find_config", lambda *_: target)
    calibration = load_calibration("rapidocr")
    assert calibration.slope == entry["slope"] > 0
    assert calibration.apply(0.99) > calibration.apply(0.6)


def test_crops_without_an_error_cannot_calibrate(tmp_path, capsys):
    folder = tmp_path / "sharp"
    folder.mkdir()
    draw_crop("BCR-456", width=24).save(folder / "0.png")  # 12 px high: never reduced further
    (folder / "text.csv").write_text("file,text\n0.png,BCR456\n")
    assert main(["calibrate-reading", "--ocr", "rapidocr", "--crops", str(folder)]) == 2
    assert "cannot calibrate" in capsys.readouterr().err


def test_a_draw_limits_the_work(crops, capsys):
    words = ["--ocr", "rapidocr", "--crops", str(crops), "--limit", "7", "--seed", "1"]
    assert main(["calibrate-reading", *words]) == 0
    assert "rapidocr: 35 crops" in capsys.readouterr().out


def test_a_missing_folder_is_one_line(capsys):
    assert main(["calibrate-reading", "--ocr", "rapidocr", "--crops", "missing"]) == 2
    err = capsys.readouterr().err
    assert "missing" in err
    assert err.count("\n") == 1


def test_a_damaged_crop_is_named_and_the_others_calibrate(crops, tmp_path, capsys):
    folder = shutil.copytree(crops, tmp_path / "crops")
    (folder / "0.png").write_bytes(b"damaged")
    assert main(["calibrate-reading", "--ocr", "rapidocr", "--crops", str(folder)]) == 3
    out, err = capsys.readouterr()
    assert "rapidocr: 35 crops" in out
    assert err.count("0.png") == 1
