"""What a photo set consists of: counts, sizes, and a histogram of its boxes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from lightning_plates.boxes import FloatArray
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.optional import require


@dataclass(frozen=True, slots=True)
class Spread:
    """How a quantity is distributed."""

    smallest: float
    low: float
    """10th percentile."""
    median: float
    high: float
    """90th percentile."""
    largest: float

    def __str__(self) -> str:
        """All five, separated by blanks."""
        values = (self.smallest, self.low, self.median, self.high, self.largest)
        return " ".join(f"{value:8.4g}" for value in values)


@dataclass(frozen=True, slots=True)
class SetStatistics:
    """Counts and sizes of a photo set."""

    photos: int
    boxes: int
    sources: int
    """Different originals; see :attr:`PhotoRecord.group`."""
    photos_without_box: int
    photos_with_several: int
    boxes_with_text: int
    boxes_with_corners: int
    labels: dict[str, int]
    """Boxes by class name, the most frequent first."""
    spreads: dict[str, Spread]
    """By name of the quantity; empty where there are no boxes."""


def compute_statistics(annotations: AnnotationSet) -> SetStatistics:
    """Count and measure the labels of a set; no photo is opened."""
    photos = annotations.photos
    boxes = [box for photo in photos for box in photo.boxes]
    return SetStatistics(
        photos=len(photos),
        boxes=len(boxes),
        sources=len({photo.group for photo in photos}),
        photos_without_box=sum(not photo.boxes for photo in photos),
        photos_with_several=sum(len(photo.boxes) > 1 for photo in photos),
        boxes_with_text=sum(bool(box.text) for box in boxes),
        boxes_with_corners=sum(box.corners is not None for box in boxes),
        labels=dict(Counter(box.label for box in boxes).most_common()),
        spreads=_spreads(annotations),
    )


def box_sizes(annotations: AnnotationSet) -> FloatArray:
    """Width and height of each box in pixels, then of its photo; shape ``(boxes, 4)``."""
    rows = [
        (box.x2 - box.x1, box.y2 - box.y1, photo.width, photo.height)
        for photo in annotations.photos
        for box in photo.boxes
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def draw_histogram(annotations: AnnotationSet, title: str) -> bytes:
    """PNG with three histograms: box width in the photo, box width in pixels, aspect ratio.

    Raises:
        MissingDependencyError: matplotlib (extra ``data``) is not installed.
    """
    figures = require("matplotlib.figure", extra="data")
    sizes = box_sizes(annotations)
    figure = figures.Figure(figsize=(12, 3.6), layout="constrained")
    panels = {
        "box width, % of the photo's": 100 * sizes[:, 0] / sizes[:, 2],
        "box width, pixels": sizes[:, 0],
        "box width / height": sizes[:, 0] / sizes[:, 1],
    }
    for axes, (name, values) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        axes.hist(values, bins=30, color="#3b6ea5")
        axes.set_xlabel(name)
        axes.set_ylabel("boxes")
    figure.suptitle(f"{title}: {len(annotations.photos)} photos, {len(sizes)} boxes")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _spreads(annotations: AnnotationSet) -> dict[str, Spread]:
    sizes = box_sizes(annotations)
    if not len(sizes):
        return {}
    width, height, photo_width, photo_height = sizes.T
    return {
        "photo width, px": _spread(photo_width),
        "photo height, px": _spread(photo_height),
        "box width, px": _spread(width),
        "box height, px": _spread(height),
        "box width, % of photo": _spread(100 * width / photo_width),
        "box area, % of photo": _spread(100 * width * height / (photo_width * photo_height)),
        "box width / height": _spread(width / height),
    }


def _spread(values: FloatArray) -> Spread:
    return Spread(*(float(value) for value in np.percentile(values, (0, 10, 50, 90, 100))))
