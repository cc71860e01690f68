"""Input scalings that published weights were trained with, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from lightning_plates.spec import Triple

Scaling = Literal["imagenet", "unit", "symmetric"]
"""Name of an input scaling; :data:`SCALINGS` says what it does."""

SCALINGS: Mapping[Scaling, tuple[Triple, Triple]] = {
    # Means and standard deviations of ImageNet's channels, as torchvision uses them.
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    # −1 to 1, as the networks from TensorFlow's model zoo expect.
    "symmetric": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Mean and standard deviation by name; pixels are divided by 255 first."""
