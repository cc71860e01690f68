"""A dense single-class plate detector: every cell of a grid answers with a box and a score.

Anchor-free, after "Objects as Points" (Zhou et al. 2019, arXiv:1904.07850): one heat map of plate
centres and one box a cell. All layers are convolutions, so any input size that is a multiple of
32 pixels works, and one pass finds every plate of the photo or none.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lightning_plates.errors import ConfigError
from lightning_plates.models.backbones import FeatureStack, pad_inception

CELL = 8
"""Pixels from one cell of the answer to the next."""
COARSEST_CELL = 32
"""Pixels of a cell of the coarsest features; an input's sides are multiples of it."""
OFFSET_CELLS = 2.0
"""A cell may place the plate's centre up to this many cells away."""
PRIOR_CELLS = (6.0, 2.5)
"""Width and height, in cells, that a size output of 0 stands for: the median training plate."""
SIZE_RANGE = (-3.0, 3.0)
"""Limits of the log size, so that INT8 and half precision cannot overflow."""
PRIOR_SCORE = 0.01
"""Score that an untrained head gives; keeps the first focal losses small (arXiv:1708.02002)."""

_TAPS: dict[str, tuple[int, int, int]] = {
    "mobilenet_v2": (6, 13, 17),
    "vgg16": (16, 23, 30),
    "inception_v3": (9, 14, 17),  # Mixed_5d, Mixed_6e, Mixed_7c
}
"""Index of the last layer at stride 8, 16 and 32 in the feature extractor; what comes after
the third (MobileNetV2's 1280 channels) is dropped."""


class PlateOutput(NamedTuple):
    """What :class:`PlateDetector` gives; field names become the exported outputs' names."""

    boxes: Tensor
    """``x1, y1, x2, y2`` in 0–1 of the input, one a cell, shape ``(N, A, 4)``."""
    scores: Tensor
    """Probability that the cell's box holds a plate, shape ``(N, A)``."""


class GridOutput(NamedTuple):
    """What the losses see: the same answer before it is flattened."""

    heat_logits: Tensor
    """Shape ``(N, 1, h, w)``."""
    boxes: Tensor
    """``x1, y1, x2, y2`` in cells, shape ``(N, 4, h, w)``."""


class SeparableBlock(nn.Module):
    """Depthwise 3 × 3 and pointwise convolution around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Same shape as ``features``, ``(N, C, h, w)``."""
        return functional.relu(features + self.layers(features))


class PyramidNeck(nn.Module):
    """Sums features of strides 8, 16 and 32 down to stride 8.

    Args:
        widths: Channels at strides 8, 16 and 32.
        channels: Channels of the answer.
    """

    def __init__(self, widths: tuple[int, int, int], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(_project(width, channels) for width in widths)
        self.refine = nn.ModuleList(
            nn.Sequential(SeparableBlock(channels), SeparableBlock(channels)) for _ in widths
        )

    def forward(self, taps: list[Tensor]) -> Tensor:
        """``(N, channels, h, w)`` at stride 8 from features at strides 8, 16 and 32."""
        merged: Tensor | None = None
        for tap, lateral, refine in zip(
            reversed(taps), reversed(self.lateral), reversed(self.refine), strict=True
        ):
            level = lateral(tap)
            if merged is not None:
                level = level + functional.interpolate(merged, scale_factor=2.0, mode="nearest")
            merged = refine(level)
        if merged is None:
            raise ValueError("no features to merge")
        return merged


class DenseHead(nn.Module):
    """A heat map of plate centres and a box a cell.

    Args:
        channels: Channels of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heat = nn.Sequential(SeparableBlock(channels), nn.Conv2d(channels, 1, 1))
        self.box = nn.Sequential(
            SeparableBlock(channels), SeparableBlock(channels), nn.Conv2d(channels, 4, 1)
        )
        _set_bias(self.heat[-1], math.log(PRIOR_SCORE / (1 - PRIOR_SCORE)))
        _set_bias(self.box[-1], 0.0)

    def forward(self, features: Tensor) -> GridOutput:
        """Heat map and boxes from features at stride 8, ``(N, C, h, w)``."""
        return GridOutput(self.heat(features), place_boxes(self.box(features)))


class PlateDetector(nn.Module):
    """A feature extractor, a neck and a dense head.

    Args:
        backbone: Its layers, in sequence, are run up to the last of ``taps``.
        taps: Indices of the layers whose outputs, at strides 8, 16 and 32, enter the neck.
        channels: Width of neck and head.
    """

    def __init__(self, backbone: nn.Module, taps: tuple[int, int, int], channels: int) -> None:
        super().__init__()
        layers = list(_layers(backbone))[: taps[-1] + 1]
        self.backbone = FeatureStack(fold_batch_norms(nn.Sequential(*layers)))
        self.taps = taps
        self.neck = PyramidNeck(self._tap_widths(), channels)
        self.head = DenseHead(channels)

    def forward(self, images: Tensor) -> PlateOutput:
        """Boxes and scores of ``images``, ``(N, 3, H, W)``, scaled as the model's spec says."""
        return flatten_grid(self.grid(images))

    def grid(self, images: Tensor) -> GridOutput:
        """The answer as a grid of ``H / 8`` × ``W / 8`` cells; what training works on."""
        head_input = self.neck(self._features(images))
        answer: GridOutput = self.head(head_input)
        return answer

    def freeze(self, layers: int) -> None:
        """Keep the first ``layers`` layers of the backbone as they are."""
        for layer in list(_layers(self.backbone))[:layers]:
            layer.requires_grad_(False)

    def _features(self, images: Tensor) -> list[Tensor]:
        taps: list[Tensor] = []
        features = images
        for index, layer in enumerate(_layers(self.backbone)):
            features = layer(features)
            if index in self.taps:
                taps.append(features)
        return taps

    def _tap_widths(self) -> tuple[int, int, int]:
        was_training = self.backbone.training
        self.backbone.eval()
        with torch.no_grad():
            fine, middle, coarse = self._features(torch.zeros(1, 3, 64, 64))
        self.backbone.train(was_training)
        return fine.shape[1], middle.shape[1], coarse.shape[1]


def average_mirrored(detector: PlateDetector, images: Tensor) -> PlateOutput:
    """Mean of a detector's answers to photos, ``(N, 3, H, W)``, and to their mirror images."""
    straight = detector.grid(images)
    mirrored = mirror_grid(detector.grid(images.flip(3)))
    pairs = zip(straight, mirrored, strict=True)
    return flatten_grid(GridOutput(*((one + other) / 2 for one, other in pairs)))


def mirror_grid(grid: GridOutput) -> GridOutput:
    """The same answer about the mirrored photo."""
    x1, y1, x2, y2 = grid.boxes.flip(3).unbind(1)
    columns = grid.boxes.shape[-1]
    return GridOutput(
        grid.heat_logits.flip(3), torch.stack([columns - x2, y1, columns - x1, y2], dim=1)
    )


def attach_dense_head(backbone: nn.Module, name: str, channels: int = 96) -> PlateDetector:
    """Build a plate detector around a feature extractor.

    Args:
        backbone: As :func:`~lightning_plates.models.backbones.build_backbone` makes it.
        name: torchvision's name of the extractor: ``mobilenet_v2``, ``vgg16`` or ``inception_v3``.
        channels: Width of neck and head.

    Raises:
        ConfigError: The dense head does not know where to tap this backbone.
    """
    if name not in _TAPS:
        raise ConfigError(
            f"backbone {name!r}: the dense head takes one of {', '.join(sorted(_TAPS))}"
        )
    extractor = pad_inception(backbone) if name == "inception_v3" else backbone
    return PlateDetector(extractor, _TAPS[name], channels)


def fold_batch_norms(stack: nn.Sequential) -> nn.Sequential:
    """Move each batch norm of pretrained layers into the convolution before it.

    Batches of windows around plates would only disturb ImageNet's statistics, and a third of a
    training step went into them. Each batch norm leaves an ``nn.Identity``; ``stack`` is changed.
    """
    for parent in stack.modules():
        for first, second in itertools.pairwise(list(parent._modules)):
            conv, norm = parent._modules[first], parent._modules[second]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                parent._modules[first] = fuse_conv_bn_eval(conv.eval(), norm.eval())
                parent._modules[second] = nn.Identity()
    # The fused biases come without gradients.
    return stack.requires_grad_(True).train()


def place_boxes(raw: Tensor) -> Tensor:
    """Head outputs → boxes.

    Args:
        raw: Centre offset and log size of each cell, shape ``(N, 4, h, w)``.

    Returns:
        ``x1, y1, x2, y2`` in cells from the top left corner of the input, same shape.
    """
    rows, columns = raw.shape[-2:]
    x = torch.arange(columns, dtype=torch.float32, device=raw.device).view(1, 1, 1, -1)
    y = torch.arange(rows, dtype=torch.float32, device=raw.device).view(1, 1, -1, 1)
    offset = torch.sigmoid(raw[:, :2].float()) * (2 * OFFSET_CELLS) - OFFSET_CELLS + 0.5
    half = torch.exp(raw[:, 2:].float().clamp(*SIZE_RANGE)) / 2
    centre_x, centre_y = offset[:, :1] + x, offset[:, 1:] + y
    half_x, half_y = half[:, :1] * PRIOR_CELLS[0], half[:, 1:] * PRIOR_CELLS[1]
    return torch.cat(
        [centre_x - half_x, centre_y - half_y, centre_x + half_x, centre_y + half_y], dim=1
    )


def flatten_grid(grid: GridOutput) -> PlateOutput:
    """The grid as a list of candidates, boxes in 0–1 of the input."""
    rows, columns = grid.boxes.shape[-2:]
    scale = torch.tensor([columns, rows, columns, rows], dtype=torch.float32).to(grid.boxes.device)
    boxes = grid.boxes.flatten(2).transpose(1, 2) / scale
    return PlateOutput(boxes, torch.sigmoid(grid.heat_logits.float()).flatten(1))


def _project(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def _layers(backbone: nn.Module) -> nn.Sequential:
    layers = backbone.features if isinstance(backbone, FeatureStack) else backbone
    if not isinstance(layers, nn.Sequential):
        raise ConfigError("the dense head needs a backbone whose layers are one nn.Sequential")
    return layers


def _set_bias(layer: nn.Module, value: float) -> None:
    if isinstance(layer, nn.Conv2d) and layer.bias is not None:
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.constant_(layer.bias, value)
