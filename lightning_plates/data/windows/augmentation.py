"""Photometric changes of training windows: light, colour, blur, noise, compression."""

from __future__ import annotations

import albumentations as A  # noqa: N812 -- the library's own convention

from lightning_plates.photos import RgbImage


class WindowLook:
    """Random changes that leave every pixel in its place."""

    def __init__(self) -> None:
        self._pipeline = A.Compose(_transforms())

    def __call__(self, image: RgbImage, seed: int) -> RgbImage:
        """Change ``image``, RGB, shape ``(H, W, 3)``; the same seed gives the same change."""
        self._pipeline.set_random_seed(seed)
        changed: RgbImage = self._pipeline(image=image)["image"]
        return changed


def _transforms() -> list[A.BasicTransform | A.BaseCompose]:
    return [
        A.RandomBrightnessContrast(brightness_limit=0.35, contrast_limit=0.35, p=0.6),
        A.RandomGamma(gamma_limit=(55, 170), p=0.3),
        A.HueSaturationValue(hue_shift_limit=12, sat_shift_limit=45, val_shift_limit=15, p=0.4),
        A.RGBShift(r_shift_limit=25, g_shift_limit=25, b_shift_limit=25, p=0.2),
        A.ToGray(p=0.15),
        A.OneOf(
            [
                A.MotionBlur(blur_limit=(3, 9)),
                A.GaussianBlur(sigma_limit=(0.4, 1.8)),
                A.Downscale(scale_range=(0.4, 0.8)),
            ],
            p=0.3,
        ),
        A.GaussNoise(std_range=(0.01, 0.07), p=0.25),
        A.ImageCompression(quality_range=(25, 90), p=0.3),
    ]
