"""Photo → model input, model output → boxes: the one copy that everything uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_plates.boxes import (
    BoxXyxy,
    FloatArray,
    clip_boxes,
    order_corners,
    scale_about_centre,
    suppress_overlaps,
)
from lightning_plates.errors import ModelError
from lightning_plates.photos import RgbImage
from lightning_plates.results import Detection
from lightning_plates.spec import FitMargin, ModelSpec

Tensor: TypeAlias = NDArray[np.float32]

PADDING_GREY = 114
"""Value of letterbox padding; the middle grey that detectors have used since YOLOv3."""

MAX_CANDIDATES = 300
"""Best-scored boxes that enter non-maximum suppression."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a photo lies on a model's input."""

    width: int
    """Width of the photo, in pixels."""
    height: int
    """Height of the photo, in pixels."""
    share_x: float
    """Part of the input's width that the photo covers, 0–1, from the left."""
    share_y: float
    """Part of the input's height that the photo covers, 0–1, from the top."""

    def to_photo(self, boxes: FloatArray) -> FloatArray:
        """Boxes in 0–1 of the input → pixels of the photo, cut at its edges; shape ``(…, 4)``."""
        scale = np.array([self.width / self.share_x, self.height / self.share_y] * 2)
        return clip_boxes(boxes * scale, self.width, self.height)

    def to_input(self, boxes: FloatArray) -> FloatArray:
        """Boxes in pixels of the photo → 0–1 of the input; shape ``(…, 4)``."""
        scale = np.array([self.share_x / self.width, self.share_y / self.height] * 2)
        scaled: FloatArray = boxes * scale
        return scaled


def place(width: int, height: int, spec: ModelSpec) -> Placement:
    """Say where a photo of ``width`` × ``height`` pixels lies on the input of ``spec``."""
    if spec.resize == "stretch":
        return Placement(width, height, 1.0, 1.0)
    scale = min(spec.width / width, spec.height / height)
    fitted_width = max(1, round(width * scale))
    fitted_height = max(1, round(height * scale))
    return Placement(width, height, fitted_width / spec.width, fitted_height / spec.height)


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


def decode(
    outputs: Mapping[str, NDArray[np.generic]], spec: ModelSpec, placements: Sequence[Placement]
) -> list[tuple[Detection, ...]]:
    """Model outputs → plates in pixels of each photo, best first.

    Args:
        outputs: Output tensors by name, as ``spec.decoding`` describes them.
        spec: The model's convention.
        placements: One a photo of the batch, from :func:`prepare`.

    Returns:
        One tuple a photo; empty where nothing reaches ``spec.score_threshold``.

    Raises:
        ModelError: An output that the spec promises is missing or has another shape, or an answer
            is no number.
    """
    shapes = {name: np.shape(values) for name, values in outputs.items()}
    misfit = spec.misfit(shapes, len(placements))
    if misfit:
        raise ModelError(f"model {spec.name}: {misfit}")
    arrays = [np.asarray(outputs[name], dtype=np.float64) for name in spec.output_names]
    if spec.decoding == "single_box":
        found = [
            _decode_single(box, spec, placement)
            for box, placement in zip(arrays[0], placements, strict=True)
        ]
    else:
        found = [
            _decode_scored(boxes, scores, spec, placement)
            for boxes, scores, placement in zip(arrays[0], arrays[1], placements, strict=True)
        ]
    return [
        apply_margin(plates, spec.margin, placement.width, placement.height)
        for plates, placement in zip(found, placements, strict=True)
    ]


def apply_margin(
    plates: Sequence[Detection], margin: FitMargin | None, width: float, height: float
) -> tuple[Detection, ...]:
    """Boxes as a network answers them → as a site labels them; never more than once.

    Overlaps were suppressed before: a margin changes where boxes end, not which ones there are.

    Args:
        plates: Boxes in pixels of a photo.
        margin: What to do with them; ``None`` for nothing.
        width: Of the photo; boxes are cut at its edges.
        height: Likewise.
    """
    if margin is None or not plates:
        return tuple(plates)
    boxes = np.array([plate.box for plate in plates])
    moved = clip_boxes(move_by_margin(boxes, margin), width, height)
    return tuple(
        replace(plate, box=_corners(box)) for plate, box in zip(plates, moved, strict=True)
    )


def move_by_margin(boxes: FloatArray, margin: FitMargin) -> FloatArray:
    """Scale and shift ``boxes``, shape ``(…, 4)``, without cutting them at any edge."""
    sides = boxes[..., 2:] - boxes[..., :2]
    shift = sides * np.array([margin.shift_x, margin.shift_y])
    scaled = scale_about_centre(boxes, margin.width_scale, margin.height_scale)
    moved: FloatArray = scaled + np.concatenate([shift, shift], axis=-1)
    return moved


def _decode_single(box: FloatArray, spec: ModelSpec, placement: Placement) -> tuple[Detection, ...]:
    _require_numbers(box, spec)
    return (_detection(placement.to_photo(order_corners(box)), None),)


def _decode_scored(
    boxes: FloatArray, scores: FloatArray, spec: ModelSpec, placement: Placement
) -> tuple[Detection, ...]:
    _require_numbers(scores, spec)
    candidates = np.flatnonzero(scores >= spec.score_threshold)
    best = candidates[np.argsort(-scores[candidates], kind="stable")][:MAX_CANDIDATES]
    _require_numbers(boxes[best], spec)
    pixels = placement.to_photo(order_corners(boxes[best]))
    kept = suppress_overlaps(pixels, scores[best], spec.max_overlap)
    return tuple(_detection(pixels[i], float(scores[best][i])) for i in kept)


def _require_numbers(values: FloatArray, spec: ModelSpec) -> None:
    """Half precision overflows where activations are large; "no plate" would be a wrong answer."""
    if not np.isfinite(values).all():
        raise ModelError(
            f"model {spec.name}: answers NaN or infinity on this runtime and device; take a file "
            "of higher precision, or convert it again"
        )


def _detection(box: FloatArray, confidence: float | None) -> Detection:
    return Detection(_corners(box), confidence)


def _corners(box: FloatArray) -> BoxXyxy:
    x1, y1, x2, y2 = (float(value) for value in box)
    return x1, y1, x2, y2
