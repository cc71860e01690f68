"""Photo → model input, model output → answer: the one copy that everything uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_plates.photos import RgbImage
from lightning_plates.placement import Placement, place
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import Outputs, task_of

Tensor: TypeAlias = NDArray[np.float32]

PADDING_GREY = 114
"""Value of letterbox padding; the middle grey that detectors have used since YOLOv3."""


def resize_photo(image: RgbImage, spec: ModelSpec) -> tuple[RgbImage, Placement]:
    """Bring a photo to the input's size by ``spec.resize``.

    Args:
        image: RGB, shape ``(H, W, 3)``.
        spec: The model's convention.

    Returns:
        RGB, shape ``(spec.height, spec.width, 3)``, and where the photo lies on it.
    """
    height, width = image.shape[:2]
    placement = place(width, height, spec)
    fitted = (round(placement.share_x * spec.width), round(placement.share_y * spec.height))
    # Pillow's bilinear filter widens when it shrinks: small plates are not lost to aliasing.
    resized = np.asarray(Image.fromarray(image).resize(fitted, Image.Resampling.BILINEAR))
    if spec.resize == "stretch":
        return resized, placement
    if spec.resize == "crop":
        left, top = (
            round(-placement.offset_x * spec.width),
            round(-placement.offset_y * spec.height),
        )
        return resized[top : top + spec.height, left : left + spec.width], placement
    canvas = np.full((spec.height, spec.width, 3), PADDING_GREY, dtype=np.uint8)
    canvas[: fitted[1], : fitted[0]] = resized
    return canvas, placement


def scale_pixels(images: NDArray[np.uint8], spec: ModelSpec) -> Tensor:
    """Turn resized photos into the model's input values.

    Args:
        images: RGB, shape ``(N, spec.height, spec.width, 3)``.
        spec: The model's convention.

    Returns:
        Shape ``(N, 3, H, W)`` or ``(N, H, W, 3)``, by ``spec.layout``.
    """
    channels = images if spec.colour_order == "RGB" else images[..., ::-1]
    # One multiply and one add a pixel: (p / 255 − mean) / std; plane by plane, because numpy is ten
    # times slower where the innermost axis has three entries.
    gain = np.array([[[1.0 / (255.0 * s)]] for s in spec.std], dtype=np.float32)
    offset = np.array([[[-m / s]] for m, s in zip(spec.mean, spec.std, strict=True)], np.float32)
    values = np.ascontiguousarray(channels.transpose(0, 3, 1, 2)) * gain
    values += offset
    if spec.layout == "NHWC":
        values = values.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(values)


def prepare(images: Sequence[RgbImage], spec: ModelSpec) -> tuple[Tensor, list[Placement]]:
    """Photos of any sizes → one batch for the model, and where each photo lies on its input."""
    resized = [resize_photo(image, spec) for image in images]
    batch = scale_pixels(np.stack([pixels for pixels, _ in resized]), spec)
    return batch, [placement for _, placement in resized]


def decode(outputs: Outputs, spec: ModelSpec, placements: Sequence[Placement]) -> list[Any]:
    """Model outputs → one answer a photo, of the kind that the spec's task answers.

    Args:
        outputs: Output tensors by name.
        spec: The model's convention.
        placements: One a photo of the batch, from :func:`prepare`.

    Raises:
        ModelError: An output that the task needs is missing or has another shape, or an answer is
            no number.
        SpecError: This version has no such task.
    """
    return task_of(spec).decode(outputs, spec, placements)
