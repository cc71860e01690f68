"""A network that answers with one box for one image."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from lightning_plates.models.backbones import Padding, build_backbone, feature_shape
from lightning_plates.models.heads import HeadName, build_head


class BoxOutput(NamedTuple):
    """What :class:`BoxRegressor` gives; the field's name becomes the exported output's name."""

    box: Tensor
    """``x1, y1, x2, y2`` in 0–1 of the input, shape ``(N, 4)``."""


class BoxRegressor(nn.Module):
    """A feature extractor and a head.

    Args:
        backbone: Maps images ``(N, 3, H, W)`` to features ``(N, C, h, w)``.
        head: Maps those features to boxes ``(N, 4)``.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> BoxOutput:
        """Boxes of ``images``, ``(N, 3, H, W)``, already scaled as the model's spec says."""
        return BoxOutput(self.head(self.backbone(images)))


def build_box_regressor(
    backbone: str,
    width: int = 224,
    height: int = 224,
    padding: Padding = "symmetric",
    head: HeadName = "flatten",
) -> BoxRegressor:
    """Build a box regressor with random weights.

    Args:
        backbone: torchvision's name of the feature extractor, e.g. ``"mobilenet_v2"``.
        width: Width of the input, in pixels.
        height: Height of the input, in pixels.
        padding: How the stride-2 convolutions of the backbone pad.
        head: What turns features into the box.

    Raises:
        ConfigError: The backbone is unknown or cannot pad that way.
    """
    extractor = build_backbone(backbone, padding)
    return BoxRegressor(extractor, build_head(head, feature_shape(extractor, width, height)))
