"""One row a photo: how far its predicted box is from the labelled one."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_plates.drafts import write_text
from lightning_plates.models.evaluation import EVALUATED, EvaluatedBatch, measure_boxes

COLUMNS = (
    "file", "source", "iou", "centre_error_px",
    "predicted_x1", "predicted_y1", "predicted_x2", "predicted_y2",
    "true_x1", "true_y1", "true_x2", "true_y2",
)  # fmt: skip
"""Boxes are in pixels of the photo."""


class PhotoTable(Callback):
    """Writes the table after a validation or test of its own; not after every epoch of a fit.

    Args:
        target: The CSV file to write.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._batches: list[EvaluatedBatch] = []

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401 -- whatever the step of a module returns
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the boxes of a batch."""
        if isinstance(outputs, Mapping) and EVALUATED in outputs:
            self._batches.append(outputs[EVALUATED])

    on_test_batch_end = on_validation_batch_end

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the table."""
        self._write(trainer, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the table."""
        self._write(trainer, "test")

    def _write(self, trainer: Trainer, side: str) -> None:
        if not self._batches:
            return
        joined = EvaluatedBatch(*(torch.cat(parts) for parts in zip(*self._batches, strict=True)))
        if trainer.world_size > 1:
            # Unlike Lightning's, this gathers different numbers of rows.
            joined = EvaluatedBatch(*(torch.cat(gather_all_tensors(values)) for values in joined))
        if trainer.is_global_zero:
            photos = trainer.datamodule.dataset(side).photos  # type: ignore[attr-defined]  # set by validate()
            write_text(self.target, _to_csv(joined, photos))


def _to_csv(batch: EvaluatedBatch, photos: Any) -> str:  # noqa: ANN401 -- records with file and source
    quality = measure_boxes(batch)
    rows = {}
    for place, number in enumerate(batch.numbers.tolist()):
        photo = photos[number]
        # Six digits: with fewer, 0.69998 would count as 0.7.
        measures = f"{quality.iou[place]:.6f}", f"{quality.centre_error_px[place]:.2f}"
        boxes = [*batch.predicted[place].tolist(), *batch.true[place].tolist()]
        rows[number] = (photo.file, photo.source, *measures, *(f"{x:.2f}" for x in boxes))
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows[number] for number in sorted(rows))
    return stream.getvalue()
