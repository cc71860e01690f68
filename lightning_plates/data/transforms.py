"""Albumentations pipelines for training; the box moves with the photo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import albumentations as A  # noqa: N812 -- the package's own idiom
import numpy as np

from lightning_plates.boxes import BoxXyxy
from lightning_plates.photos import RgbImage

AugmentName = Literal["none", "light", "strong"]
Transforms: TypeAlias = list[Any]


def _no_transforms() -> Transforms:
    return []


def _light() -> Transforms:
    return [
        A.HorizontalFlip(p=0.5),
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.7),
        A.Affine(scale=(0.9, 1.15), translate_percent=(-0.08, 0.08), rotate=(-5, 5), p=0.7),
    ]


def _strong() -> Transforms:
    return [
        A.HorizontalFlip(p=0.5),
        A.BBoxSafeRandomCrop(erosion_rate=0.0, p=0.5),
        A.Affine(
            scale=(0.75, 1.25), translate_percent=(-0.15, 0.15), rotate=(-10, 10), shear=(-6, 6),
            p=0.8,
        ),
        A.Perspective(scale=(0.02, 0.06), p=0.3),
        A.RandomBrightnessContrast(brightness_limit=0.35, contrast_limit=0.35, p=0.8),
        A.HueSaturationValue(hue_shift_limit=12, sat_shift_limit=35, val_shift_limit=20, p=0.5),
        A.ToGray(p=0.1),
        A.OneOf([A.MotionBlur(blur_limit=5), A.GaussianBlur(blur_limit=(3, 5))], p=0.25),
        A.GaussNoise(std_range=(0.02, 0.1), p=0.25),
        A.ImageCompression(quality_range=(40, 90), p=0.25),
    ]  # fmt: skip


PRESETS: Mapping[AugmentName, Callable[[], Transforms]] = {
    "none": _no_transforms,
    "light": _light,
    "strong": _strong,
}
"""Pipelines by the name that a config gives them."""

MIN_VISIBILITY = 0.7
"""Share of the plate that must stay inside; otherwise the photo is used as it was."""


class Augmentation:
    """A pipeline whose result depends on its seed alone.

    Args:
        name: One of :data:`PRESETS`.
    """

    def __init__(self, name: AugmentName) -> None:
        boxes = A.BboxParams(format="pascal_voc", min_visibility=MIN_VISIBILITY, clip=True)
        self._pipeline: Any = A.Compose(PRESETS[name](), bbox_params=boxes)

    def __call__(self, image: RgbImage, box: BoxXyxy, seed: int) -> tuple[RgbImage, BoxXyxy]:
        """Change ``image``, RGB ``(H, W, 3)``, and ``box`` in its pixels.

        The same seed gives the same change, whichever worker computes it.
        """
        self._pipeline.set_random_seed(seed)
        answer = self._pipeline(image=image, bboxes=np.array([box], dtype=np.float32))
        if len(answer["bboxes"]) == 0:
            return image, box
        x1, y1, x2, y2 = (float(value) for value in answer["bboxes"][0][:4])
        return answer["image"], (x1, y1, x2, y2)
