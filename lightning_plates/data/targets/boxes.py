"""Labelled boxes, in any of the formats of :mod:`lightning_plates.data.annotations`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lightning_plates.boxes import FloatArray
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.targets._base import TargetReader


class Boxes(TargetReader):
    """Boxes in pixels of the photo, shape ``(N, 4)``."""

    kind = "boxes"

    def read(self, path: Path) -> list[tuple[Path, FloatArray]]:
        """Photos with at least one box; see :meth:`TargetReader.read`."""
        annotations = read_annotations(path)
        return [
            (annotations.path_of(photo), np.array([box.xyxy for box in photo.boxes], np.float64))
            for photo in annotations.photos
            if photo.boxes
        ]
