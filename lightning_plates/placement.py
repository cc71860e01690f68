"""Where a photo lies on a model's input, by the resize mode of its spec."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightning_plates.boxes import FloatArray, clip_boxes
from lightning_plates.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a photo lies on a model's input."""

    width: int
    """Width of the photo, in pixels."""
    height: int
    """Height of the photo, in pixels."""
    share_x: float
    """Width of the placed photo in widths of the input; above 1 where its sides are cut off."""
    share_y: float
    """Height of the placed photo in heights of the input."""
    offset_x: float = 0.0
    """Left edge of the placed photo, in widths of the input; negative where it is cut off."""
    offset_y: float = 0.0
    """Top edge of the placed photo, in heights of the input."""

    def to_photo(self, boxes: FloatArray) -> FloatArray:
        """Boxes in 0–1 of the input → pixels of the photo, cut at its edges; shape ``(…, 4)``."""
        scale = np.array([self.width / self.share_x, self.height / self.share_y] * 2)
        return clip_boxes((boxes - self._offset()) * scale, self.width, self.height)

    def to_input(self, boxes: FloatArray) -> FloatArray:
        """Boxes in pixels of the photo → 0–1 of the input; shape ``(…, 4)``."""
        scale = np.array([self.share_x / self.width, self.share_y / self.height] * 2)
        scaled: FloatArray = boxes * scale + self._offset()
        return scaled

    def _offset(self) -> FloatArray:
        return np.array([self.offset_x, self.offset_y] * 2)


WHOLE = Placement(1, 1, 1.0, 1.0)
"""Placement under which boxes stay in 0–1 of the input."""


def place(width: int, height: int, spec: ModelSpec) -> Placement:
    """Say where a photo of ``width`` × ``height`` pixels lies on the input of ``spec``."""
    if spec.resize == "stretch":
        return Placement(width, height, 1.0, 1.0)
    if spec.resize == "crop":
        return _place_centre(width, height, spec)
    scale = min(spec.width / width, spec.height / height)
    fitted_width = max(1, round(width * scale))
    fitted_height = max(1, round(height * scale))
    return Placement(width, height, fitted_width / spec.width, fitted_height / spec.height)


def _place_centre(width: int, height: int, spec: ModelSpec) -> Placement:
    """Scale the short side to ``1 / crop_share`` of the input and keep the centre.

    Sizes are rounded as torchvision's ``Resize`` (down) and ``CenterCrop`` (to nearest) do.
    """
    wanted_width, wanted_height = spec.width / spec.crop_share, spec.height / spec.crop_share
    scale = max(wanted_width / width, wanted_height / height)
    # The side that decides is exact; only the other one is rounded down.
    fitted_width = max(round(wanted_width), int(width * scale + 1e-6))
    fitted_height = max(round(wanted_height), int(height * scale + 1e-6))
    left, top = round((fitted_width - spec.width) / 2), round((fitted_height - spec.height) / 2)
    return Placement(
        width, height, fitted_width / spec.width, fitted_height / spec.height,
        -left / spec.width, -top / spec.height,
    )  # fmt: skip
