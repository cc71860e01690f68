"""Trains a box regressor: steps, optimiser and metrics."""

from __future__ import annotations

from typing import Any, Literal

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_plates.data.batches import BoxBatch, FeatureBatch
from lightning_plates.errors import ConfigError
from lightning_plates.models.backbones import Padding
from lightning_plates.models.box_regressor import BoxOutput, build_box_regressor
from lightning_plates.models.checkpoint import SpecModule
from lightning_plates.models.evaluation import (
    EVALUATED,
    QUALITY_NAMES,
    EvaluatedBatch,
    PhotoMeans,
    keras_accuracy,
    measure_boxes,
)
from lightning_plates.models.heads import HeadName
from lightning_plates.models.losses import LOSSES, LossName
from lightning_plates.models.schedules import EpochCosine, check_rates, known_length
from lightning_plates.models.weights import read_weights
from lightning_plates.spec import SCALINGS, ModelSpec, Scaling


class LitBoxRegressor(SpecModule):
    """A backbone and a head that answer with one box for one photo.

    Args:
        backbone: torchvision's name of the feature extractor, e.g. ``mobilenet_v2``.
        weights: What the backbone starts from: ``imagenet``, ``none``, or a safetensors file.
        scaling: Input that the weights were trained on, where their file does not say so.
        padding: How the backbone's stride-2 convolutions pad, where the file does not say so.
        width: Width of the input, in pixels.
        height: Height of the input, in pixels.
        resize: ``stretch`` photos to the input, or ``letterbox`` them.
        loss: What is minimised between predicted and true boxes.
        learning_rate: Adam's step size for the head; the thesis' is 5e-4.
        backbone_learning_rate: The same for the backbone, once it trains.
        unfreeze_epoch: First epoch (from 0) in which the backbone trains; none leaves it frozen.
        batch_norm: ``fixed`` keeps the backbone's batch-norm statistics when it trains;
            ``trained`` updates them, as training from random weights needs.
        schedule: ``constant`` learning rates, ``cosine`` down to 0 over all epochs, or ``plateau``:
            a tenth after 3 epochs without a lower validation loss.
        keras_accuracy: Also log the thesis' "accuracy".
        head: ``flatten``, the thesis' dense layers, or ``soft_argmax``, a heat map's peak.

    Raises:
        ConfigError: Unknown backbone, or settings that contradict each other.
        InputError: The weights cannot be had.
    """

    def __init__(
        self,
        backbone: str = "mobilenet_v2",
        weights: str = "imagenet",
        scaling: Scaling | None = None,
        padding: Padding | None = None,
        width: int = 224,
        height: int = 224,
        resize: Literal["stretch", "letterbox"] = "stretch",
        loss: LossName = "mse",
        learning_rate: float = 5e-4,
        backbone_learning_rate: float = 1e-4,
        unfreeze_epoch: int | None = None,
        batch_norm: Literal["fixed", "trained"] = "fixed",
        schedule: Literal["constant", "cosine", "plateau"] = "constant",
        keras_accuracy: bool = False,
        head: HeadName = "flatten",
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        check_rates(learning_rate=learning_rate, backbone_learning_rate=backbone_learning_rate)
        start = read_weights(backbone, weights, scaling, padding)
        mean, std = SCALINGS[start.origin.scaling]
        # First, so that a size is refused before the memory for it is taken.
        self.spec = ModelSpec(backbone, width, height, mean, std, resize=resize)
        network = build_box_regressor(backbone, width, height, start.origin.padding, head)
        start.load_into(network.backbone)
        network.backbone.requires_grad_(unfreeze_epoch is not None)
        # Convolutions on CPUs and tensor cores run faster with the channels innermost.
        self.network = network.to(memory_format=torch.channels_last)
        self.origin = start.origin
        self.weights_source = start.source
        self.loss_name: LossName = loss
        self.schedule = schedule
        self.learning_rate = learning_rate
        self.backbone_learning_rate = backbone_learning_rate
        self.unfreeze_epoch = unfreeze_epoch
        self.fixes_batch_norm = batch_norm == "fixed"
        self.logs_keras_accuracy = keras_accuracy
        self.photo_means = PhotoMeans(
            ("loss", *(["keras_accuracy"] if keras_accuracy else []), *QUALITY_NAMES)
        )

    def forward(self, images: Tensor) -> BoxOutput:
        """Boxes of ``images``, ``(N, 3, H, W)``, scaled as ``spec`` says."""
        output: BoxOutput = self.network(images)
        return output

    def rebuild_arguments(self) -> dict[str, Any]:
        """Constructor arguments; the trained weights come from the checkpoint itself."""
        origin = {"scaling": self.origin.scaling, "padding": self.origin.padding}
        return {**super().rebuild_arguments(), "weights": "none", **origin}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the name of the starting weights for reports of a resumed run."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["weights_source"] = self.weights_source

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over the name of the starting weights."""
        self.weights_source = checkpoint.get("weights_source", self.weights_source)

    @property
    def backbone_is_frozen(self) -> bool:
        """Whether the backbone stays as it is in this epoch."""
        return self.unfreeze_epoch is None or self.current_epoch < self.unfreeze_epoch

    def frozen_backbone(self) -> nn.Module:
        """The backbone of a run that never trains it, for the feature cache.

        Raises:
            ConfigError: The backbone will be trained.
        """
        if self.unfreeze_epoch is not None:
            raise ConfigError(
                f"cache_features needs a frozen backbone, but unfreeze_epoch is "
                f"{self.unfreeze_epoch}; leave one of the two out"
            )
        return self.network.backbone

    def train(self, mode: bool = True) -> LitBoxRegressor:
        """Switch to training; a frozen backbone and fixed batch norms stay in evaluation mode."""
        super().train(mode)
        if mode and self.backbone_is_frozen:
            self.network.backbone.eval()
        elif mode and self.fixes_batch_norm:
            for module in self.network.backbone.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def on_train_epoch_start(self) -> None:
        """Set the modes anew: the backbone may thaw in this epoch."""
        self.train()

    def training_step(self, batch: BoxBatch, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        measures, _ = self._measure(batch)
        values = {f"train/{name}": value for name, value in measures.items()}
        count = len(batch.targets.boxes)
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=count, sync_dist=True)
        return measures["loss"]

    def validation_step(self, batch: BoxBatch, batch_idx: int) -> dict[str, EvaluatedBatch]:
        """Measure one batch of the validation side."""
        return self._evaluate(batch)

    def test_step(self, batch: BoxBatch, batch_idx: int) -> dict[str, EvaluatedBatch]:
        """Measure one batch of the test side."""
        return self._evaluate(batch)

    def _evaluate(self, batch: BoxBatch) -> dict[str, EvaluatedBatch]:
        measures, boxes = self._measure(batch)
        targets = batch.targets
        photo_boxes = targets.to_photo(boxes), targets.to_photo(targets.boxes)
        evaluated = EvaluatedBatch(targets.numbers, *photo_boxes)
        self.photo_means.update({**measures, **measure_boxes(evaluated).summary()}, len(boxes))
        return {EVALUATED: evaluated}

    def _measure(self, batch: BoxBatch) -> tuple[dict[str, Tensor], Tensor]:
        """Loss and "accuracy" of one batch, and its boxes."""
        boxes = self._predict(batch)
        measures = {"loss": LOSSES[self.loss_name](boxes, batch.targets.boxes)}
        if self.logs_keras_accuracy:
            accuracy = keras_accuracy(boxes, batch.targets.boxes)
            measures["keras_accuracy"] = torch.tensor(accuracy)
        return measures, boxes

    def _predict(self, batch: BoxBatch) -> Tensor:
        # In float32 whatever the precision: overlaps of small boxes drown in bfloat16's 8 bits.
        boxes: Tensor = self.network.head(self._features(batch)).float()
        return boxes

    def _features(self, batch: BoxBatch) -> Tensor:
        if isinstance(batch, FeatureBatch):
            return batch.features
        images = batch.images.to(memory_format=torch.channels_last)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.backbone_is_frozen):
            features: Tensor = self.network.backbone(images)
        return features

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam over the head and, where it will be trained, the backbone."""
        groups: list[dict[str, Any]] = [{"params": list(self.network.head.parameters())}]
        if self.unfreeze_epoch is not None:
            backbone = list(self.network.backbone.parameters())
            groups.append({"params": backbone, "lr": self.backbone_learning_rate})
        # Fused: one pass over the eight million weights of a head instead of a dozen.
        optimizer = torch.optim.Adam(groups, lr=self.learning_rate, fused=True)
        if self.schedule == "constant":
            return optimizer
        if self.schedule == "plateau":
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3)
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": plateau, "monitor": "val/loss"},
            }
        schedule = EpochCosine(optimizer, known_length(self.trainer.max_epochs or 1))
        return {"optimizer": optimizer, "lr_scheduler": schedule}
