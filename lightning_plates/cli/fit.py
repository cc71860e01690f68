"""Train a network on annotated photos: --config configs/mobilenet_v2.yaml --data.path FOLDER.

The run folder (``--run``, or ``runs/`` and the config's name) gets the best and the last
checkpoint, the settings, one row an epoch as CSV and TensorBoard log, the curves as a picture,
one row a validation photo, and ``run.json`` with what was reached.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser
from pytorch_lightning.loggers import TensorBoardLogger

from lightning_plates.cli._evaluate import evaluate
from lightning_plates.cli._train import PlatesCLI, is_interactive, readable_errors
from lightning_plates.drafts import write_text
from lightning_plates.models.checkpoint import load_checkpoint, read_record
from lightning_plates.training.epoch_table import EpochTable
from lightning_plates.training.run_folder import RunFolder
from lightning_plates.training.run_record import describe_run

_EVERY_EPOCH: dict[str, Any] = {
    "auto_insert_metric_name": False,
    "enable_version_counter": False,
    # After validation and with the epoch's row: what is resumed is a finished epoch.
    "save_on_train_epoch_end": True,
}
"""How both checkpoints are written; of the one without a monitor the latest is kept."""


class FitCLI(PlatesCLI):
    """Parses the settings of a fit and claims its folder before anything is computed."""

    folder: RunFolder
    checkpoint: Path | None = None
    """Where a resumed run goes on from."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what is not a setting of the network, its data or the Trainer."""
        parser.add_argument("--run", type=str | None, help="folder of the run")
        parser.add_argument("--resume", action="store_true", help="go on from its last checkpoint")

    def before_instantiate_classes(self) -> None:
        """Claim the folder; a resumed network needs no starting weights."""
        self.folder = RunFolder(Path(self.config.run or Path("runs") / self._config_name()))
        self.folder.claim(self.config.resume)
        if self.config.resume and self.folder.last.exists():
            self.checkpoint = self.folder.last
            record = read_record(self.folder.last)
            model = {"class_path": record.class_path, "init_args": record.arguments}
            self.config = self.parser.parse_object({"model": model}, self.config)

    def _config_name(self) -> str:
        given = self.config.config
        return Path(str(given[0])).stem if given else "fit"


class SettingsKeeper(Callback):
    """Writes the settings down when they train: a run that is done keeps those that made it.

    Args:
        file: Where they go.
        settings: The whole configuration.
    """

    def __init__(self, file: Path, settings: dict[str, Any]) -> None:
        self._file, self._settings = file, settings
        self.trains = False
        """Whether any epoch was left to be run."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file; Lightning comes here only where an epoch is left."""
        self.trains = True
        if trainer.is_global_zero:
            write_text(self._file, yaml.safe_dump(self._settings, sort_keys=False))

    def trained_settings(self) -> dict[str, Any]:
        """Those that made the checkpoints, whatever was given to a run that was done."""
        if not self._file.exists():
            return self._settings
        settings: dict[str, Any] = yaml.safe_load(self._file.read_text(encoding="utf-8"))
        return settings


def main(argv: list[str]) -> int:
    """Fit, measure the best checkpoint, and say where everything lies."""
    with readable_errors():
        cli = FitCLI("fit", argv)
        folder = cli.folder
        table = EpochTable(folder, shows_rows=not is_interactive())
        keeper = SettingsKeeper(folder.config, cli.settings())
        train(cli, [table, keeper])
        metrics = evaluate(cli, load_checkpoint(folder.best), folder.photos, "val")
        text = describe_run(cli.model, cli.datamodule, table, metrics, keeper.trained_settings())
        write_text(folder.record, text)
    if not keeper.trains:
        print(f"nothing was trained: all {len(table.rows)} epochs were done")
    _report(folder, table, metrics)
    return 0


def train(cli: FitCLI, watchers: list[Callback]) -> None:
    """Run the epochs that are still to be run, beside what the configuration names."""
    folder = cli.folder
    keepers = [keep_best(cli), ModelCheckpoint(folder.root, folder.last.stem, **_EVERY_EPOCH)]
    configured: list[Any] = cli.config_init["trainer"].get("callbacks") or []
    logger = TensorBoardLogger(str(folder.root), name="tensorboard", version="")
    trainer = cli.make_trainer(folder.root, [*configured, *watchers, *keepers], logger)
    trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=cli.checkpoint)


def keep_best(cli: FitCLI) -> ModelCheckpoint:
    """Keep the epoch that is best by what the network is judged by.

    Its ``save_last`` would not do for resuming: Lightning 2.6 writes the last epoch with it only
    when that is also the best one so far.
    """
    return ModelCheckpoint(
        cli.folder.root,
        cli.folder.best.stem,
        monitor=cli.model.monitor,
        mode="min" if "loss" in cli.model.monitor else "max",
        **_EVERY_EPOCH,
    )


def _report(folder: RunFolder, table: EpochTable, metrics: dict[str, float]) -> None:
    shown = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    print(f"best epoch on the validation photos: {shown}")
    print(f"{len(table.rows)} epochs in {table.train_seconds:.1f} s")
    if "keras_accuracy" in metrics:
        print(
            "keras_accuracy compares which of the four coordinates is the largest; a model that "
            "ignores the photo scores well too, so it says little about boxes"
        )
    for name in ("best", "last", "epochs", "curves", "photos", "record", "config"):
        print(f"  {name:<7} {getattr(folder, name)}")
