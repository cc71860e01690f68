"""Average precision as COCO defines it, computed by COCO's own code (pycocotools)."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_plates.bench.finder_accuracy import FinderAnswer
from lightning_plates.boxes import BoxXyxy
from lightning_plates.optional import require

PLATE = 1
"""Number of the only category."""


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """COCO's figures, 0–1; ``None`` where no label is of that size."""

    ap: float | None
    """Mean over the IoU thresholds 0.50, 0.55 … 0.95: "mAP" of a single class."""
    ap50: float | None
    """At IoU 0.5."""
    ap75: float | None
    """At IoU 0.75."""
    ap_small: float | None
    """As :attr:`ap`, of labels below 32² pixels of the photo."""
    ap_medium: float | None
    """From 32² to 96² pixels."""
    ap_large: float | None
    """Above 96² pixels."""


def average_precision(answers: Sequence[FinderAnswer]) -> AveragePrecision:
    """Average precision over all boxes and labels of ``answers``; at most 100 boxes a photo.

    Args:
        answers: Photos with and without plates; a box in one without costs precision.

    Raises:
        MissingDependencyError: pycocotools is not installed.
    """
    evaluation = require("pycocotools.cocoeval", extra="evaluate")
    labels = [[box.xyxy for box in each.photo.boxes] for each in answers]
    found = [[*each.plates, *each.weaker] for each in answers]
    detected = list(_objects([[plate.box for plate in plates] for plates in found]))
    for entry, plate in zip(detected, itertools.chain(*found), strict=True):
        # A network that gives no score is equally sure of every box.
        entry["score"] = 1.0 if plate.confidence is None else plate.confidence
    # pycocotools has no quiet mode.
    with contextlib.redirect_stdout(io.StringIO()):
        images = range(len(answers))
        run = evaluation.COCOeval(
            _dataset(images, list(_objects(labels))), _dataset(images, detected), "bbox"
        )
        run.evaluate()
        run.accumulate()
        run.summarize()
    # It says −1 where it has nothing to measure.
    figures = [float(value) if value >= 0 else None for value in run.stats[:6]]
    return AveragePrecision(*figures)


def _objects(boxes_by_photo: Sequence[Sequence[BoxXyxy]]) -> Iterator[dict[str, Any]]:
    numbered = [(image, box) for image, boxes in enumerate(boxes_by_photo) for box in boxes]
    # Its matching takes the number 0 for "no match", so that they begin with 1.
    for number, (image, (x1, y1, x2, y2)) in enumerate(numbered, start=1):
        width, height = x2 - x1, y2 - y1
        yield {
            "id": number,
            "image_id": image,
            "category_id": PLATE,
            "bbox": [x1, y1, width, height],
            "area": width * height,
            "iscrowd": 0,
        }


def _dataset(images: Sequence[int], objects: list[dict[str, Any]]) -> Any:  # noqa: ANN401 -- untyped
    dataset = require("pycocotools.coco", extra="evaluate").COCO()
    dataset.dataset = {
        "images": [{"id": image} for image in images],
        "categories": [{"id": PLATE, "name": "plate"}],
        "annotations": objects,
    }
    dataset.createIndex()
    return dataset
