"""What data loaders hand to a network that answers with one box."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from torch import Tensor


class Targets(NamedTuple):
    """The true boxes of a batch."""

    boxes: Tensor
    """``x1, y1, x2, y2`` in 0–1 of the model's input, shape ``(N, 4)``."""
    scale: Tensor
    """Pixels of the photo that one unit of the input spans in x and y, shape ``(N, 2)``."""
    numbers: Tensor
    """Number of each photo in its data set, shape ``(N,)``."""

    def to_photo(self, boxes: Tensor) -> Tensor:
        """Boxes ``(N, 4)`` in 0–1 of the input → pixels of the photos."""
        return boxes * self.scale.repeat(1, 2)


class ImageBatch(NamedTuple):
    """Photos, ready for the network."""

    images: Tensor
    """Scaled as the model's spec says, shape ``(N, 3, H, W)``."""
    targets: Targets


class FeatureBatch(NamedTuple):
    """What a frozen backbone gave for photos."""

    features: Tensor
    """Shape ``(N, C, h, w)``."""
    targets: Targets


BoxBatch: TypeAlias = ImageBatch | FeatureBatch
