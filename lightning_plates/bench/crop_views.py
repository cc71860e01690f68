"""Ways to cut and prepare a plate before it is read, to measure what the reader should do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lightning_plates.bench.crop_views import deskew
from lightning_plates.bench.reading_trials import Answer, Reader, Trial
from lightning_plates.boxes import BoxXyxy
from lightning_plates.photos import RgbImage
from lightning_plates.reading.crop_reader import CropReader, read_once
from lightning_plates.reading.crops import MARGIN, cut_plate, rectify


@dataclass(frozen=True, slots=True)
class CropView:
    """One way from a photo and a box to what the engine sees."""

    name: str
    margin: float = MARGIN
    """Share of the box that is added on every side."""
    upscale: int = 1
    """Factor by which the crop is enlarged."""
    deskewed: bool = False
    """Whether slanted lines are made level."""
    once: bool = False
    """Whether unsure texts are left as they were read first."""
    rectified: bool = False
    """Whether labelled corners, where there are some, replace the box."""

    def cut(self, image: RgbImage, trial: Trial, box: BoxXyxy) -> RgbImage:
        """Cut and prepare the plate of ``trial``; a crop without a box stays whole."""
        plate = trial.plates[0]
        if plate.area == 0:
            crop = image
        elif self.rectified and plate.corners is not None:
            crop = rectify(image, plate.corners)
        else:
            crop = cut_plate(image, box, self.margin)
        if self.deskewed:
            crop = deskew(crop)
        return enlarge(crop, self.upscale)


VIEWS: Sequence[CropView] = (
    CropView("as read does"),
    CropView("read once", once=True),
    CropView("upscaled twice", upscale=2),
    CropView("deskewed", deskewed=True),
)
"""Ways that every crop allows."""

BOX_VIEWS: Sequence[CropView] = (
    *(CropView(f"margin {share} %", margin=share / 100) for share in (0, 2, 6, 8, 10)),
    CropView("between the labelled corners", rectified=True),
)
"""Further ways that need the photo around the plate."""


def read_view(crops: CropReader, view: CropView, jitter: float, seed: int) -> Reader:
    """Read plates by ``view``.

    Args:
        crops: What reads them.
        view: How to cut.
        jitter: Standard deviation of the error that every side of a labelled box gets, as a
            share of the box's width or height: found boxes are never exact.
        seed: Of those errors; equal seeds disturb every view alike.
    """

    def read(image: RgbImage, trial: Trial) -> Answer:
        box = disturb(trial.plates[0].xyxy, jitter, [seed, *trial.file.name.encode()])
        crop = view.cut(image, trial, box)
        return Answer(read_once(crops.engine, crop) if view.once else crops.read(crop))

    return read


def disturb(box: BoxXyxy, jitter: float, seed: Sequence[int]) -> BoxXyxy:
    """Move every side of ``box`` by a normal error of ``jitter`` of its width or height."""
    errors = np.random.default_rng(seed).normal(0.0, jitter, 4) if jitter else np.zeros(4)
    width, height = box[2] - box[0], box[3] - box[1]
    x1, y1, x2, y2 = (
        float(side + error * span)
        for side, error, span in zip(box, errors, (width, height) * 2, strict=True)
    )
    return x1, y1, x2, y2


def enlarge(crop: RgbImage, factor: int) -> RgbImage:
    """Enlarge a crop by a whole ``factor``, bicubic."""
    if factor == 1 or min(crop.shape[:2]) == 0:
        return crop
    size = (crop.shape[1] * factor, crop.shape[0] * factor)
    picture = Image.fromarray(crop).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.uint8)
