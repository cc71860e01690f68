import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_plates.__main__ import main
from lightning_plates.data.annotations import boxes_csv
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.models.checkpoint import load_checkpoint
from lightning_plates.models.lit_box_regressor import LitBoxRegressor
from lightning_plates.models.lit_plate_detector import LitPlateDetector
from lightning_plates.photos import load_photo
from runtimes import open_model

SIDE = 64


def save(module, path):
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return path


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """An untrained finder whose candidates score around one half."""
    torch.manual_seed(0)
    module = LitPlateDetector(weights="none", size=SIDE, channels=16).eval()
    last = module.network.head.heat[-1]
    torch.nn.init.normal_(last.weight, std=2.0)
    torch.nn.init.zeros_(last.bias)
    return save(module, tmp_path_factory.mktemp("detector") / "finder.ckpt")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(12):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:02d}.png")
    return folder


def candidates(checkpoint, folder):
    with open_model(checkpoint) as model:
        found = model.locate([load_photo(file) for file in sorted(folder.glob("*.png"))])
    return found


def label(folder, target, boxes):
    records = [
        PhotoRecord(f"{number:02d}.png", SIDE, SIDE, (BoxRecord(*box),) if box else ())
        for number, box in enumerate(boxes)
    ]
    boxes_csv.write(AnnotationSet(folder, tuple(records)), target)
    return target


def test_the_mean_probability_becomes_the_share_that_is_right(detector, photos, tmp_path, capsys):
    """The labels are the finder's own best boxes: one candidate a photo is right."""
    best = [plates[0].box for plates in candidates(detector, photos)]
    label(photos, photos / "boxes.csv", best)
    out = tmp_path / "calibrated.ckpt"
    words = [str(detector), str(photos), "-o", str(out), "--threshold", "0.25"]
    assert main(["calibrate-finder", *words]) == 0
    printed = capsys.readouterr().out
    counted = re.search(r"fitted on (\d+) candidates, (\d+) of them plates", printed)
    total, right = (int(number) for number in counted.groups())
    assert right == 12 < total
    module = load_checkpoint(out)
    assert module.spec.options["score_threshold"] == 0.25
    scores = [plate.confidence for plates in everything(module, out, photos) for plate in plates]
    # What a fit by likelihood guarantees, up to its weak prior and candidates below 0.02.
    assert np.mean(sorted(scores)[-total:]) == pytest.approx(right / total, abs=0.04)


def everything(module, checkpoint, folder):
    """Candidates however low their score."""

    module.spec = module.spec.with_options(score_threshold=0.0)
    return candidates(save(module, checkpoint.with_name("low.ckpt")), folder)


def test_the_calibrated_finder_orders_boxes_as_before(detector, photos, tmp_path):
    best = [plates[0].box for plates in candidates(detector, photos)]
    label(photos, photos / "boxes.csv", best)
    out = tmp_path / "calibrated.ckpt"
    words = [str(detector), str(photos), "-o", str(out), "--threshold", "0"]
    assert main(["calibrate-finder", *words]) == 0
    assert [plates[0].box for plates in candidates(out, photos)] == pytest.approx(
        np.array(best), abs=0.01
    )


def test_bad_input_is_one_line_and_writes_nothing(detector, photos, tmp_path, capsys):
    torch.manual_seed(0)
    regressor = save(LitBoxRegressor(weights="none", width=8, height=8), tmp_path / "box.ckpt")
    wrong = label(photos, tmp_path / "boxes.csv", [(0, 0, 1, 1)] * 12)
    for file in photos.glob("*.png"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    cases = {
        "gives no scores to calibrate": [regressor, wrong],
        "gone.ckpt: no such file": ["gone.ckpt", wrong],
        "gone: no such file or folder": [detector, "gone"],
        "calibration needs photos on which the finder is right and wrong": [detector, wrong],
    }
    for reason, (checkpoint, labels) in cases.items():
        out = tmp_path / "out.ckpt"
        assert main(["calibrate-finder", str(checkpoint), str(labels), "-o", str(out)]) == 2
        error = capsys.readouterr().err
        assert reason in error
        assert error.count("\n") == 1
        assert not out.exists()


def test_a_damaged_photo_is_named_and_the_others_calibrate(detector, photos, tmp_path, capsys):
    folder = shutil.copytree(photos, tmp_path / "photos")
    best = [plates[0].box for plates in candidates(detector, folder)]
    label(folder, folder / "boxes.csv", best)
    (folder / "03.png").write_bytes(b"damaged")
    words = [str(detector), str(folder), "-o", str(tmp_path / "calibrated.ckpt")]
    assert main(["calibrate-finder", *words]) == 3
    out, err = capsys.readouterr()
    assert ", 11 of them plates" in out
    assert err.count("03.png") == 1
