"""What a training run leaves and reports read: record, settings and tables."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path

from tests.fuzz.damage import Damage
from tests.fuzz.fakes import labelled_photos
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 5

_COLUMNS = (
    "file", "source", "iou", "centre_error_px", "predicted_x1", "predicted_y1", "predicted_x2",
    "predicted_y2", "true_x1", "true_y1", "true_x2", "true_y2",
)  # fmt: skip


def prepare(corpus: Path) -> None:
    """The files of a finished fit, as ``fit`` writes them."""
    # Its first import asks fontconfig for fonts, whoever imports it.
    importlib.import_module("matplotlib.font_manager")
    labelled_photos(corpus / "photos", 3)
    run = corpus / "run"
    run.mkdir()
    with (run / "per_photo.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        for number in range(3):
            box = (100, 100, 300, 201)
            writer.writerow([f"{number}.png", f"{number}", 0.5, 3.0, *box, *box])
    (run / "epochs.csv").write_text(
        "epoch,seconds,train/loss,val/loss,val/keras_accuracy\n1,2,0.5,0.6,0.1\n2,2,0.25,0.3,0.9\n"
    )
    settings = {
        "model": {"init_args": {"unfreeze_epoch": None, "loss": "mse", "backbone": "vgg16"}},
        "data": {"init_args": {"cache_features": True}},
    }
    (run / "config.yaml").write_text(json.dumps(settings))
    division = {"path": str(corpus / "photos"), "protocol": "grouped", "shared_sources": 0}
    record = {
        "name": "vgg16", "epochs": 2, "train_seconds": 4.0, "preparation_seconds": 6.0,
        "cpu_seconds": 18.0, "divisions": [division], "settings": settings,
        "parameters": {"total": 17938756, "backbone": 14714688, "head": 3224068},
        "machine": {"processor": "Z80", "cores": 2, "accelerator": "none"},
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(record))


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """One of them damaged."""
    run = sandbox.inputs / "run"
    run.mkdir()
    for file in (corpus / "run").iterdir():
        (run / file.name).write_bytes(file.read_bytes())
    if damage.rng.random() < 0.2:
        (run / "run.json").unlink()
    chosen = damage.rng.choice(sorted(run.iterdir()))
    chosen.write_bytes(damage.label(chosen.suffix, chosen.read_bytes()))
    damage.odd_file(chosen)
    return Command(("compare", str(run), "-o", f"{sandbox.out}/report"))
