"""Stops a fit whose numbers are no longer finite, before a checkpoint keeps them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_plates.errors import TrainingError
from lightning_plates.models.checkpoint import name_not_finite
from lightning_plates.training.run_folder import RunFolder


class FiniteGuard(Callback):
    """Looks at the loss of every step, and at weights and measures after every epoch.

    Args:
        folder: Of the run, to say what it still holds.

    Raises:
        TrainingError: A loss, a weight or a measure is NaN or infinite.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        """Check the loss while the weights are still as the last step left them."""
        bad = "" if torch.isfinite(loss).all() else f"the loss is {float(loss.detach().mean())}"
        self._require_none(bad, f"step {trainer.global_step + 1}", trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check what the checkpoint of this epoch would keep; checkpoints are written after it."""
        weight = name_not_finite(pl_module.state_dict())
        bad = [f"weights {weight} hold NaN or infinity"] if weight else []
        bad += [
            f"{name} is {float(value)}"
            for name, value in trainer.callback_metrics.items()
            if not torch.isfinite(value).all()
        ]
        self._require_none(", ".join(bad), "end of the epoch", trainer)

    def _require_none(self, bad: str, moment: str, trainer: Trainer) -> None:
        # All processes or none: who went on alone would wait for the others forever.
        if not trainer.strategy.reduce_boolean_decision(not bad):
            raise TrainingError(
                f"epoch {trainer.current_epoch + 1}, {moment}: {bad or 'not finite elsewhere'}. "
                f"{self._what_is_left()}. Likely causes: {', '.join(_likely_causes(trainer))}"
            )

    def _what_is_left(self) -> str:
        if self._folder.last.exists():
            return f"The last good epoch is kept in {self._folder.last}"
        return "No epoch was finished before"


def _likely_causes(trainer: Trainer) -> Iterator[str]:
    rate = max(float(group["lr"]) for group in trainer.optimizers[0].param_groups)
    yield (
        f"a learning rate that is too high (now {rate:.3g}: try a tenth in another folder, or "
        "--trainer.gradient_clip_val 1)"
    )
    if str(trainer.precision) != "32-true":
        yield f"precision {trainer.precision} (32-true is safe)"
    yield "starting weights or labels that are wrong"
