"""Train a network on annotated photos: --config configs/mobilenet_v2.yaml --data.path FOLDER.

The run folder (``--run``, or ``runs/`` and the config's name) gets the best and the last
checkpoint, the settings, one row an epoch as CSV and TensorBoard log, the curves as a picture,
one row a validation photo, and ``run.json`` with what was reached.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from lightning_plates.cli._evaluate import evaluate
from lightning_plates.cli._train import (
    PlatesCLI,
    interruptions_raised,
    is_interactive,
    is_main_process,
    readable_errors,
)
from lightning_plates.drafts import write_text
from lightning_plates.errors import ConfigError, TrainingError
from lightning_plates.locking import hold_folder
from lightning_plates.models.checkpoint import OPENED_ALONE, Record, load_checkpoint, read_record
from lightning_plates.training.epoch_table import EpochTable
from lightning_plates.training.finite_guard import FiniteGuard
from lightning_plates.training.run_folder import RunFolder
from lightning_plates.training.run_record import RunState, describe_batch, describe_run

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
            _announce_kept(record, self.config.model)
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
        resumes: Whether a checkpoint's network is trained on. It keeps the settings that it began
            with: the checkpoint names what its starting weights said in place of those left open.
    """

    def __init__(self, file: Path, settings: dict[str, Any], *, resumes: bool = False) -> None:
        self._file, self._settings, self._resumes = file, settings, resumes
        self.trains = False
        """Whether any epoch was left to be run."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file; Lightning comes here only where an epoch is left."""
        self.trains = True
        if trainer.is_global_zero:
            began = self.trained_settings() if self._resumes else self._settings
            settings = {**self._settings, "model": began["model"]}
            write_text(self._file, yaml.safe_dump(settings, sort_keys=False))

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
        with _hold(cli):
            return _run(cli)


@contextlib.contextmanager
def _hold(cli: FitCLI) -> Iterator[None]:
    """Keep other fits out of the folder; the processes of further devices belong to this one."""
    if not is_main_process():
        yield
        return
    with hold_folder(cli.folder.root):
        # Again: another fit may have filled the folder while this one built its network.
        cli.folder.claim(cli.config.resume)
        yield


def _run(cli: FitCLI) -> int:
    folder = cli.folder
    table = EpochTable(folder, shows_rows=not is_interactive())
    keeper = SettingsKeeper(folder.config, cli.settings(), resumes=cli.checkpoint is not None)
    with _early_end_recorded(cli, table, keeper):
        train(cli, [FiniteGuard(folder), table, keeper])
        _require_epoch(folder)
        metrics = evaluate(cli, load_checkpoint(folder.best), folder.photos, "val")
    if not is_main_process():
        return 0
    _write_record(cli, table, keeper, metrics, "finished")
    if not keeper.trains:
        print(f"nothing was trained: all {len(table.rows)} epochs were done")
    _report(folder, table, metrics)
    return 0


def _require_epoch(folder: RunFolder) -> None:
    if not folder.best.exists():
        raise ConfigError(
            f"{folder.root}: no epoch was trained and validated, so there is no checkpoint; see "
            "--trainer.max_epochs, max_steps, limit_train_batches, limit_val_batches, "
            "check_val_every_n_epoch and fast_dev_run"
        )


@contextlib.contextmanager
def _early_end_recorded(cli: FitCLI, table: EpochTable, keeper: SettingsKeeper) -> Iterator[None]:
    """Write down how far a run got that Ctrl-C, SIGTERM or its own numbers end."""
    try:
        yield
    except (KeyboardInterrupt, TrainingError) as error:
        if keeper.trains and table.rows and is_main_process():
            state: RunState = "diverged" if isinstance(error, TrainingError) else "interrupted"
            _write_record(cli, table, keeper, table.best_metrics(cli.model), state)
        raise


def _write_record(
    cli: FitCLI,
    table: EpochTable,
    keeper: SettingsKeeper,
    metrics: dict[str, float],
    state: RunState,
) -> None:
    settings = keeper.trained_settings()
    text = describe_run(cli.model, cli.datamodule, table, metrics, settings, state)
    write_text(cli.folder.record, text)


def train(cli: FitCLI, watchers: list[Callback]) -> None:
    """Run the epochs that are still to be run, beside what the configuration names."""
    folder = cli.folder
    keepers = [keep_best(cli), ModelCheckpoint(folder.root, folder.last.stem, **_EVERY_EPOCH)]
    configured: list[Any] = cli.config_init["trainer"].get("callbacks") or []
    logger = TensorBoardLogger(str(folder.root), name="tensorboard", version="")
    trainer = cli.make_trainer(folder.root, [*configured, *watchers, *keepers], logger)
    _announce_batch(trainer, cli.datamodule)
    with interruptions_raised():
        trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=cli.checkpoint)


@rank_zero_only
def _announce_batch(trainer: Trainer, data: LightningDataModule) -> None:
    batch = describe_batch(data, trainer.world_size)
    if trainer.world_size > 1 and batch:
        print(
            f"batch size: {batch['each_device']} on each of {trainer.world_size} devices, "
            f"{batch['all_devices']} in all"
        )


@rank_zero_only
def _announce_kept(record: Record, given: Namespace) -> None:
    """Say which settings of the network are not those given now: optimiser and weights stay."""
    settings = given.init_args.as_dict() if given and given.get("init_args") else {}
    for name, kept in record.arguments.items():
        if name not in OPENED_ALONE and settings.get(name, kept) != kept:
            print(f"--resume keeps {name} {kept} of the run; {settings[name]} is not used")


def keep_best(cli: FitCLI) -> ModelCheckpoint:
    """Keep the epoch that is best by what the network is judged by.

    Its ``save_last`` would not do for resuming: Lightning 2.6 writes the last epoch with it only
    when that is also the best one so far.
    """
    return ModelCheckpoint(
        cli.folder.root,
        cli.folder.best.stem,
        monitor=cli.model.monitor,
        mode=cli.model.monitor_mode,
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
