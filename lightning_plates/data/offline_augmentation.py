"""The thesis' offline recipe: each photo becomes 91, with its boxes carried along.

A photo and its six rotations make 7; each of these once as it is, with six brightnesses and with
six contrasts make 7 × 13 = 91. So 130 photos give 910 by rotating, 6,370 with the brightnesses and
11,830 with the contrasts.

Conventions, which the thesis leaves open: angles turn counter-clockwise about the photo's centre
and its size stays; what comes in at the edges repeats the edge. Brightness +15 % multiplies by
1.15; contrast +2 % moves each value away from the photo's mean luminance by a factor of 1.02.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from lightning_plates.boxes import FloatArray
from lightning_plates.data.annotations.record import BoxRecord, Corners, PhotoRecord, Point
from lightning_plates.photos import RgbImage

ROTATIONS_DEG = (3, 6, 9, 351, 354, 357)
BRIGHTNESS_PERCENT = (15, 20, 25, 30, -5, -2)
CONTRAST_PERCENT = (2, 4, 6, 8, 10, 12)

_VALUES = np.arange(256, dtype=np.float64)
_LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of R, G and B, ITU-R BT.601."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to change a photo."""

    rotation_deg: int = 0
    """Counter-clockwise."""
    brightness_percent: int = 0
    contrast_percent: int = 0

    @property
    def suffix(self) -> str:
        """What is added to the photo's name, e.g. ``-r003-b115`` or ``-r357-c102``."""
        brightness = f"-b{100 + self.brightness_percent:03}" if self.brightness_percent else ""
        contrast = f"-c{100 + self.contrast_percent:03}" if self.contrast_percent else ""
        return f"-r{self.rotation_deg:03}{brightness}{contrast}"


def list_variants() -> tuple[Variant, ...]:
    """The 91 variants: by rotation, and per rotation the plain one, brightnesses, contrasts."""
    return tuple(variant for angle in (0, *ROTATIONS_DEG) for variant in _variants_at(angle))


def _variants_at(angle: int) -> Iterator[Variant]:
    yield Variant(angle)
    for percent in BRIGHTNESS_PERCENT:
        yield Variant(angle, brightness_percent=percent)
    for percent in CONTRAST_PERCENT:
        yield Variant(angle, contrast_percent=percent)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a copy is set aside.

    Light is measured on its largest plate, because a dark street may frame a well-lit one.
    """

    darkest: float = 35.0
    """Mean luminance of a plate below which it is too dark, 0–255."""
    brightest: float = 225.0
    """Mean luminance of a plate above which it is too bright, 0–255."""
    visible: float = 0.98
    """Share of a plate's box that must remain inside the photo."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One variant of a photo."""

    variant: Variant
    image: RgbImage
    """Of the same size as the photo."""
    reason: str
    """Why it should be set aside; empty where it should not."""


def make_copies(image: RgbImage, photo: PhotoRecord, limits: Limits) -> Iterator[Copy]:
    """Yield all variants of a photo in the order of :func:`list_variants`.

    Args:
        image: RGB, shape ``(H, W, 3)``.
        photo: Its labels.
        limits: When a copy is set aside.
    """
    for angle in (0, *ROTATIONS_DEG):
        rotated = rotate_image(image, angle)
        cut = _cut_reason(photo, angle, limits)
        record = copy_record(photo, photo.file, angle)
        for variant in _variants_at(angle):
            changed = change_brightness(rotated, variant.brightness_percent)
            changed = change_contrast(changed, variant.contrast_percent)
            yield Copy(variant, changed, cut or _light_reason(changed, record, limits))


def copy_record(photo: PhotoRecord, file: str, angle_deg: float) -> PhotoRecord:
    """Labels of a copy: boxes turned and cut at the edges, and the source it derives from."""
    limit = (float(photo.width), float(photo.height))
    turned = (rotate_box(box, angle_deg, photo.width, photo.height) for box in photo.boxes)
    boxes = tuple(_clipped(box, *limit) for box in turned if _visible_share(box, *limit) > 0)
    return replace(photo, file=file, boxes=boxes, source=photo.group)


def rotate_image(image: RgbImage, angle_deg: float) -> RgbImage:
    """Turn a photo counter-clockwise about its centre; the size stays.

    Args:
        image: RGB, shape ``(H, W, 3)``.
        angle_deg: Degrees.
    """
    if angle_deg % 360 == 0:
        return image
    height, width = image.shape[:2]
    # OpenCV counts pixel centres, boxes count pixel edges: half a pixel between them.
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, 1.0)
    turned: RgbImage = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return turned


def rotate_box(box: BoxRecord, angle_deg: float, width: int, height: int) -> BoxRecord:
    """Turn a box as :func:`rotate_image` turns its photo of ``width`` × ``height`` pixels.

    The result is the upright box around the turned corners: those of the plate where they are
    known, else those of the box, which then grows a little. It may lie partly outside the photo.
    """
    if angle_deg % 360 == 0:
        return box
    outline = box.corners or (
        (box.x1, box.y1),
        (box.x2, box.y1),
        (box.x2, box.y2),
        (box.x1, box.y2),
    )
    a, b, c, d = (_rotate_point(point, angle_deg, width, height) for point in outline)
    xs, ys = zip(a, b, c, d, strict=True)
    corners: Corners | None = (a, b, c, d) if box.corners else None
    return replace(box, x1=min(xs), y1=min(ys), x2=max(xs), y2=max(ys), corners=corners)


def change_brightness(image: RgbImage, percent: float) -> RgbImage:
    """Multiply all values by 1 + ``percent`` / 100."""
    if percent == 0:
        return image
    return _map_values(image, _VALUES * (1 + percent / 100))


def change_contrast(image: RgbImage, percent: float) -> RgbImage:
    """Move all values away from the photo's mean luminance by 1 + ``percent`` / 100."""
    if percent == 0:
        return image
    mean = mean_luminance(image)
    return _map_values(image, (_VALUES - mean) * (1 + percent / 100) + mean)


def mean_luminance(image: RgbImage) -> float:
    """Mean of 0.299 R + 0.587 G + 0.114 B, 0–255; of shape ``(H, W, 3)``."""
    return float(image.mean(axis=(0, 1)) @ np.array(_LUMINANCE))


def _map_values(image: RgbImage, values: FloatArray) -> RgbImage:
    table = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    mapped: RgbImage = cv2.LUT(image, table)
    return mapped


def _rotate_point(point: Point, angle_deg: float, width: int, height: int) -> Point:
    angle = math.radians(angle_deg)
    x, y = point[0] - width / 2, point[1] - height / 2
    # y points down in a photo: this sign turns counter-clockwise as seen.
    turned_x = x * math.cos(angle) + y * math.sin(angle)
    turned_y = y * math.cos(angle) - x * math.sin(angle)
    return turned_x + width / 2, turned_y + height / 2


def _clipped(box: BoxRecord, width: float, height: float) -> BoxRecord:
    return replace(
        box,
        x1=max(box.x1, 0.0),
        y1=max(box.y1, 0.0),
        x2=min(box.x2, width),
        y2=min(box.y2, height),
    )


def _visible_share(box: BoxRecord, width: float, height: float) -> float:
    return _clipped(box, width, height).area / box.area


def _cut_reason(photo: PhotoRecord, angle_deg: float, limits: Limits) -> str:
    boxes = (rotate_box(box, angle_deg, photo.width, photo.height) for box in photo.boxes)
    share = min((_visible_share(box, photo.width, photo.height) for box in boxes), default=1.0)
    return f"plate cut: {share:.0%} of it visible" if share < limits.visible else ""


def _light_reason(image: RgbImage, record: PhotoRecord, limits: Limits) -> str:
    box = record.largest_box()
    if box is None:
        return ""
    left, top = math.floor(box.x1), math.floor(box.y1)
    plate = image[top : math.ceil(box.y2), left : math.ceil(box.x2)]
    luminance = mean_luminance(plate)
    if luminance < limits.darkest:
        return f"too dark: mean luminance {luminance:.0f} on the plate"
    if luminance > limits.brightest:
        return f"too bright: mean luminance {luminance:.0f} on the plate"
    return ""
