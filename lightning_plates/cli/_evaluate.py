"""What ``validate`` and ``test`` share: measure a checkpoint on the photos of one side."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pytorch_lightning.cli import LightningArgumentParser

from lightning_plates.cli._train import PlatesCLI, is_main_process, readable_errors
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError
from lightning_plates.models.checkpoint import SpecModule, load_checkpoint
from lightning_plates.training.photo_table import PhotoTable
from lightning_plates.training.run_folder import RunFolder
from lightning_plates.training.run_record import to_json

Side = Literal["val", "test"]


class EvaluationCLI(PlatesCLI):
    """Takes the network from a checkpoint, and the other settings from its run unless given."""

    def __init__(self, command: str, argv: list[str]) -> None:
        super().__init__(command, [*_settings_of_run(argv), *argv])

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what is not a setting of the data or the Trainer."""
        parser.add_argument("checkpoint", type=str, help="checkpoint of a run, *.ckpt")
        parser.add_argument("--run", type=str | None, help="folder of the tables")

    def before_instantiate_classes(self) -> None:
        """The network comes from the checkpoint; whatever a config says of it is left out."""
        self.config.model = None

    def instantiate_classes(self) -> None:
        """Build the data module, and the network with its trained weights."""
        super().instantiate_classes()
        self.model = load_checkpoint(Path(self.config.checkpoint))


def _settings_of_run(argv: list[str]) -> list[str]:
    """Name the config beside the checkpoint, so that its own photos are the default.

    Raises:
        InputError: There is no such checkpoint; the parser would only miss its photos.
    """
    checkpoints = [Path(word) for word in argv if word.endswith(".ckpt")]
    for missing in (file for file in checkpoints if not file.is_file()):
        raise InputError(f"{missing}: no such file")
    if any(word in {"-c", "--config"} or word.startswith("--config=") for word in argv):
        return []
    config = RunFolder(checkpoints[0].parent).config if checkpoints else None
    return ["--config", str(config)] if config is not None and config.is_file() else []


def evaluate(cli: PlatesCLI, module: SpecModule, table: Path, side: Side) -> dict[str, float]:
    """Measure ``module`` on the photos of ``side``.

    Args:
        cli: Its data module and Trainer settings are used.
        module: The network.
        table: CSV file that gets one row a photo.
        side: Which photos.

    Returns:
        The metrics, without the side's name before them.
    """
    trainer = cli.make_trainer(table.parent, [PhotoTable(table)])
    run = trainer.validate if side == "val" else trainer.test
    (metrics,) = run(module, datamodule=cli.datamodule, verbose=False)
    return {name.partition("/")[2]: float(value) for name, value in metrics.items()}


def run_evaluation(command: str, argv: list[str], side: Side) -> int:
    """The whole command ``validate`` or ``test``."""
    with readable_errors():
        cli = EvaluationCLI(command, argv)
        parent = Path(cli.config.checkpoint).parent
        folder = Path(cli.config.run) if cli.config.run else parent / command
        table, summary = folder / "per_photo.csv", folder / "metrics.json"
        metrics = evaluate(cli, cli.model, table, side)
    if not is_main_process():
        return 0
    write_text(summary, to_json(metrics))
    for name, value in metrics.items():
        print(f"  {name:<16} {value:.4f}")
    print(f"  photos  {table}\n  metrics {summary}")
    return 0
