"""One row an epoch: printed, written as CSV and drawn."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_plates.clock import Timer
from lightning_plates.drafts import write_text
from lightning_plates.models.checkpoint import SpecModule
from lightning_plates.training.curves import draw_curves
from lightning_plates.training.run_folder import RunFolder

SHOWN = {
    "train/loss": "train loss",
    "val/loss": "val loss",
    "val/iou50": "IoU ≥ 0.5",
    "val/iou70": "IoU ≥ 0.7",
    "val/mean_iou": "mean IoU",
    "val/keras_accuracy": "keras_accuracy",
}
"""Columns of the printed table, by the names under which values are logged."""


class EpochTable(Callback):
    """Keeps the rows in the checkpoint, so that a resumed run has all of them.

    Args:
        folder: Where the table and the picture go.
        shows_rows: Print each row; a progress bar shows the values otherwise.
    """

    def __init__(self, folder: RunFolder, shows_rows: bool) -> None:
        self.folder = folder
        self.shows_rows = shows_rows
        self.rows: list[dict[str, float]] = []
        self.preparation_seconds = 0.0
        self.preparation_cpu_seconds = 0.0
        self.devices = 1
        """How many train together."""
        self._lap_timer = Timer()

    @property
    def train_seconds(self) -> float:
        """Time of all epochs with their validation, over all sittings."""
        return sum(row["seconds"] for row in self.rows)

    @property
    def cpu_seconds(self) -> float:
        """Processor time of preparation and epochs, the cores added up.

        Unlike wall time it hardly depends on what else the machine does; work on a GPU is not in
        it, and processes that load photos count once they have ended.
        """
        return self.preparation_cpu_seconds + sum(row["cpu_seconds"] for row in self.rows)

    def best_metrics(self, module: SpecModule) -> dict[str, float]:
        """Validation values of the best epoch so far, without the side's name before them."""
        rows = [row for row in self.rows if module.monitor in row]
        if not rows:
            return {}
        choose = min if module.monitor_mode == "min" else max
        best = choose(rows, key=lambda row: row[module.monitor])
        side = module.monitor.partition("/")[0] + "/"
        return {name.removeprefix(side): best[name] for name in best if name.startswith(side)}

    def state_dict(self) -> dict[str, Any]:
        """Rows so far, for the checkpoint."""
        return {
            "rows": self.rows,
            "preparation_seconds": self.preparation_seconds,
            "preparation_cpu_seconds": self.preparation_cpu_seconds,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the rows of the run that is resumed."""
        self.rows = list(state_dict["rows"])
        self.preparation_seconds += float(state_dict["preparation_seconds"])
        self.preparation_cpu_seconds += float(state_dict["preparation_cpu_seconds"])

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.devices = trainer.world_size
        self._lap()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the time until now apart: it went into the feature cache."""
        seconds, cpu_seconds = self._lap()
        self.preparation_seconds += seconds
        self.preparation_cpu_seconds += cpu_seconds

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row."""
        seconds, cpu_seconds = self._lap()
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        clock = {"seconds": seconds, "cpu_seconds": cpu_seconds}
        epoch = trainer.current_epoch + 1
        self.rows.append({"epoch": epoch, **clock, "learning_rate": rate, **metrics})
        if trainer.is_global_zero:
            write_text(self.folder.epochs, to_csv(self.rows))
            if self.shows_rows:
                self._print_row()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the curves."""
        self._draw(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Draw the curves of a run that ends early."""
        self._draw(trainer)

    def _draw(self, trainer: Trainer) -> None:
        if trainer.is_global_zero and self.rows:
            draw_curves(self.rows, self.folder.curves)

    def _lap(self) -> tuple[float, float]:
        """Wall and processor seconds since the last call."""
        span = self._lap_timer.read()
        self._lap_timer = Timer()
        return span.wall_ms / 1000, span.cpu_ms / 1000

    def _print_row(self) -> None:
        row = self.rows[-1]
        shown = {title: row[name] for name, title in SHOWN.items() if name in row}
        if len(self.rows) == 1:
            print("  ".join(["epoch", *(f"{title:>10}" for title in shown), "   seconds"]))
        values = [f"{value:>{max(10, len(title))}.4f}" for title, value in shown.items()]
        print(
            "  ".join([f"{int(row['epoch']):>5}", *values, f"{row['seconds']:>10.1f}"]), flush=True
        )


def to_csv(rows: list[dict[str, float]]) -> str:
    """Rows as CSV text; a value that an epoch lacks stays empty."""
    names = dict.fromkeys(name for row in rows for name in row)
    stream = StringIO()
    writer = csv.DictWriter(stream, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
