"""Configurations of a training, with the sets, weights and splits that they name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from pytorch_lightning import Trainer
from tiny import make_plate_set

from tests.fuzz.damage import Damage
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 8

_REGRESSOR = {
    "class_path": "lightning_plates.models.lit_box_regressor.LitBoxRegressor",
    "init_args": {
        "backbone": "mobilenet_v3_small", "weights": "none", "width": 32, "height": 32,
        "loss": "smooth_l1", "learning_rate": 1e-3, "schedule": "cosine",
    },
}  # fmt: skip
_DATA = {
    "class_path": "lightning_plates.data.datamodule.PlateDataModule",
    "init_args": {"path": "", "batch_size": 8, "split": "grouped", "cache_features": False},
}
_TRAINER = {
    "max_epochs": 1,
    "accelerator": "cpu",
    "gradient_clip_val": 10.0,
    "log_every_n_steps": 1,
}


def prepare(corpus: Path) -> None:
    """A small set; trainings are cut short, since what is damaged is read before they begin."""
    torch.set_num_threads(1)
    make_plate_set(corpus / "plates", 12)
    fit = Trainer.fit

    def fit_briefly(trainer: Trainer, *args: object, **kwargs: object) -> None:
        trainer.fit_loop.max_epochs = 1
        trainer.limit_train_batches = 1
        fit(trainer, *args, **kwargs)

    Trainer.fit = fit_briefly  # type: ignore[method-assign]


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """The configuration damaged in its structure, or as text."""
    data = {**_DATA, "init_args": {**_DATA["init_args"], "path": str(corpus / "plates")}}
    settings = {"seed_everything": 0, "model": _REGRESSOR, "data": data, "trainer": _TRAINER}
    file = sandbox.inputs / "config.yaml"
    file.write_bytes(damage.yaml(json.dumps(settings, indent=1).encode()))
    damage.odd_file(file)
    os.environ["TORCH_HOME"] = str(sandbox.temporary / "torch")
    return Command(("fit", "--config", str(file), "--run", f"{sandbox.out}/run"))
