"""Trains the dense plate detector: steps, optimiser, metrics; nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torchvision import ops

from lightning_plates.errors import ConfigError
from lightning_plates.models.backbones import Padding, build_backbone
from lightning_plates.models.checkpoint import SpecModule, load_checkpoint
from lightning_plates.models.dense_head import (
    COARSEST_CELL,
    PlateDetector,
    PlateOutput,
    attach_dense_head,
    average_mirrored,
)
from lightning_plates.models.dense_losses import dense_loss, encode_targets, teacher_loss
from lightning_plates.models.evaluation import (
    EVALUATED,
    QUALITY_NAMES,
    EvaluatedBatch,
    PhotoMeans,
    measure_boxes,
)
from lightning_plates.models.schedules import WarmUpCosine, check_rates, known_length
from lightning_plates.models.weights import BackboneWeights, Origin, read_weights
from lightning_plates.spec import SCALINGS, ModelSpec, Scaling

if TYPE_CHECKING:
    from lightning_plates.data.windows.datamodule import PlateBatch

_Begun: TypeAlias = tuple[PlateDetector, Origin, str]
"""What training begins with: the network, what its backbone expects, and where it comes from."""


class LitPlateDetector(SpecModule):
    """A dense plate detector and how it is trained.

    Args:
        backbone: ``"mobilenet_v2"``, ``"vgg16"`` or ``"inception_v3"``.
        weights: Starting weights of the backbone: ``imagenet``, ``none`` or a file.
        scaling: Input scaling of the weights, where their file does not say it.
        padding: Padding of the weights, where their file does not say it.
        size: Side of the input, in pixels; a multiple of 32.
        channels: Width of neck and head.
        frozen_layers: First layers of the backbone that stay as they are. They work at the
            highest resolution: freezing them halves a training step.
        backbone_rate: Learning rate of the pretrained layers.
        head_rate: Learning rate of the new layers.
        weight_decay: Of AdamW.
        box_weight: Weight of the box loss beside the heat map's.
        giou_weight: Weight of GIoU beside the distance of the edges, in the box loss.
        teacher: Checkpoint of a trained detector whose answers are learned besides the labels;
            empty: none.
        teacher_weight: Weight of what is learned from it.

    Raises:
        ConfigError: A size that cells do not divide, or no channels, or a
            negative rate.
    """

    def __init__(
        self,
        backbone: str = "mobilenet_v2",
        weights: str = "imagenet",
        scaling: Scaling | None = None,
        padding: Padding | None = None,
        size: int = 320,
        channels: int = 96,
        frozen_layers: int = 4,
        backbone_rate: float = 5e-4,
        head_rate: float = 2e-3,
        weight_decay: float = 0.02,
        box_weight: float = 2.0,
        giou_weight: float = 1.0,
        teacher: str = "",
        teacher_weight: float = 1.0,
        start: str = "",
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        check_rates(backbone_rate=backbone_rate, head_rate=head_rate, weight_decay=weight_decay)
        if channels < 1:
            raise ConfigError(f"channels {channels}: must be at least 1")
        begun = (
            _continue(Path(start), backbone, channels)
            if start
            else _begin(read_weights(backbone, weights, scaling, padding), channels)
        )
        network, self.origin, self.weights_source = begun
        network.freeze(frozen_layers)
        # Convolutions on CPUs and tensor cores run faster with the channels innermost.
        self.network = network.to(memory_format=torch.channels_last)
        self.photo_means = PhotoMeans(QUALITY_NAMES)
        self._averages_mirrored = False
        # In a list, so that it is no part of this network and of its checkpoints.
        self._teachers: list[PlateDetector] = []
        mean, std = SCALINGS[self.origin.scaling]
        self.spec = ModelSpec(
            f"plate_finder_{backbone}",
            size,
            size,
            mean,
            std,
            resize="letterbox",
            task="detection",
        )
        self.resize_input(size)

    def rebuild_arguments(self) -> dict[str, Any]:
        """Constructor arguments without the file of starting weights."""
        return {
            **super().rebuild_arguments(),
            "weights": "none",
            "teacher": "",
            "start": "",
            "scaling": self.origin.scaling,
            "padding": self.origin.padding,
        }

    def resize_input(self, side: int) -> None:
        """Take photos of ``side`` × ``side`` pixels; every layer is a convolution."""
        if side < 1 or side % COARSEST_CELL:
            raise ConfigError(f"size {side}: must be a multiple of {COARSEST_CELL} pixels")
        self.spec = replace(self.spec, width=side, height=side)

    def average_mirrored(self) -> None:
        """Answer with the mean of a photo's answer and its mirror image's, at twice the cost."""
        self._averages_mirrored = True

    def forward(self, images: Tensor) -> PlateOutput:
        """Boxes and scores of ``images``, ``(N, 3, H, W)``."""
        if self._averages_mirrored:
            return average_mirrored(self.network, images)
        answer: PlateOutput = self.network(images)
        return answer

    def on_fit_start(self) -> None:
        """Open the teacher.

        Raises:
            ConfigError: It is no plate detector, or takes its input otherwise.
        """
        if self.hparams["teacher"]:
            self._teachers = [open_teacher(Path(self.hparams["teacher"]), self.spec, self.device)]

    def training_step(self, batch: PlateBatch, batch_idx: int) -> Tensor:
        """Loss of one batch of windows."""
        images = batch.images.contiguous(memory_format=torch.channels_last)
        grid = self.network.grid(images)
        targets = encode_targets(batch.boxes, batch.kinds, *grid.boxes.shape[-2:])
        heat, box = dense_loss(grid, targets, self.hparams["giou_weight"])
        loss: Tensor = heat + self.hparams["box_weight"] * box
        for teacher in self._teachers:
            with torch.no_grad():
                known = teacher.grid(images)
            loss = loss + self.hparams["teacher_weight"] * teacher_loss(grid, known)
        values = {"train/loss": loss, "train/heat_loss": heat, "train/box_loss": box}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(images), sync_dist=True)
        return loss

    def validation_step(self, batch: PlateBatch, batch_idx: int) -> dict[str, EvaluatedBatch]:
        """Measure the best-scored box of each photo that shows a plate."""
        return self._evaluate(batch)

    def test_step(self, batch: PlateBatch, batch_idx: int) -> dict[str, EvaluatedBatch]:
        """As for validation."""
        return self._evaluate(batch)

    def _evaluate(self, batch: PlateBatch) -> dict[str, EvaluatedBatch]:
        images = batch.images.contiguous(memory_format=torch.channels_last)
        evaluated = pair_best(self(images), batch)
        count = len(evaluated.numbers)
        self.photo_means.update(measure_boxes(evaluated).summary() if count else {}, count)
        return {EVALUATED: evaluated}

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with two rates; a short warm-up, then half a cosine down to nothing."""
        slow = [p for p in self.network.backbone.parameters() if p.requires_grad]
        fast = [*self.network.neck.parameters(), *self.network.head.parameters()]
        optimizer = torch.optim.AdamW(
            [
                {"params": slow, "lr": self.hparams["backbone_rate"]},
                {"params": fast, "lr": self.hparams["head_rate"]},
            ],
            weight_decay=self.hparams["weight_decay"],
        )
        schedule = WarmUpCosine(optimizer, known_length(self.trainer.estimated_stepping_batches))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def open_teacher(checkpoint: Path, spec: ModelSpec, device: torch.device) -> PlateDetector:
    """Open a trained detector for one with ``spec`` to learn from.

    Raises:
        ConfigError: It is no plate detector, or takes its input otherwise.
        InputError: The file is missing.
        ModelError: It is not a checkpoint of this project.
    """
    module = _load_detector(checkpoint, "teacher")
    if (module.spec.mean, module.spec.std) != (spec.mean, spec.std):
        raise ConfigError(f"teacher {checkpoint}: its input is scaled otherwise")
    return module.network.to(device).requires_grad_(False)


def _begin(weights: BackboneWeights, channels: int) -> _Begun:
    """A trained backbone with a new neck and head."""
    extractor = build_backbone(weights.origin.backbone, weights.origin.padding)
    weights.load_into(extractor)
    network = attach_dense_head(extractor, weights.origin.backbone, channels)
    return network, weights.origin, weights.source


def _continue(checkpoint: Path, backbone: str, channels: int) -> _Begun:
    """The network of a trained detector."""
    module = _load_detector(checkpoint, "start")
    for name, asked in (("backbone", backbone), ("channels", channels)):
        if module.hparams[name] != asked:
            raise ConfigError(
                f"start {checkpoint}: its {name} is {module.hparams[name]}, not {asked}; "
                f"give --model.{name} {module.hparams[name]}"
            )
    # Read for use; Lightning leaves the mode as it finds it.
    network: PlateDetector = module.network.train()
    return network, module.origin, f"plate detector {checkpoint.name}"


def _load_detector(checkpoint: Path, role: str) -> LitPlateDetector:
    module = load_checkpoint(checkpoint)
    if not isinstance(module, LitPlateDetector):
        raise ConfigError(f"{role} {checkpoint}: not a plate detector")
    return module


def pair_best(answer: PlateOutput, batch: PlateBatch) -> EvaluatedBatch:
    """Pair the best-scored box of each photo with the plate that it overlaps most.

    Photos without plates are left out: there is nothing to overlap.
    """
    height, width = batch.images.shape[-2:]
    size = torch.tensor([width, height] * 2, device=answer.boxes.device)
    best = answer.scores.argmax(dim=1)
    boxes = answer.boxes[torch.arange(len(best)), best] * size
    is_plate = batch.kinds == 1
    ious = torch.stack(
        [ops.box_iou(box[None], true)[0] for box, true in zip(boxes, batch.boxes, strict=True)]
    )
    nearest = torch.where(is_plate, ious, -1.0).argmax(dim=1)
    true = batch.boxes[torch.arange(len(nearest)), nearest]
    shown = is_plate.any(dim=1)
    to_photo = batch.zoom.repeat(1, 2)
    numbers, predicted, labelled = batch.numbers, boxes * to_photo, true * to_photo
    return EvaluatedBatch(numbers[shown], predicted[shown], labelled[shown])
