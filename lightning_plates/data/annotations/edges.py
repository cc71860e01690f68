"""Boxes at the edge of their photo: what overshoots a little is cut, what lies outside is refused.

Boxes that are drawn by hand, or whose coordinates were rounded, often end a few pixels outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lightning_plates.boxes import clip_boxes
from lightning_plates.data.annotations.record import BoxRecord

ROUNDING_PX = 1.0
"""Formats with whole pixels or few decimals overhang by rounding; that is always cut."""

INVERTED = "inverted box"
OUTSIDE = "box outside its photo"
EMPTY = "empty box"
NOT_FINITE = "box with a coordinate that is no number"


@dataclass(frozen=True, slots=True)
class EdgeTolerance:
    """How far a box may reach over the edge of its photo: the larger of the two."""

    pixels: float = 3.0
    """Of the photo as it was labelled."""
    share: float = 0.01
    """Of the photo's width or height, 0–1."""

    def allowed(self, side: float) -> float:
        """Pixels that a box may reach over the ends of a ``side``."""
        return max(ROUNDING_PX, self.pixels, self.share * side)


@dataclass(frozen=True, slots=True)
class BoxProblem:
    """Why a box cannot be used."""

    kind: str
    text: str
    """The kind with the box."""


def box_problem(
    box: BoxRecord, width: float, height: float, tolerance: EdgeTolerance
) -> BoxProblem | None:
    """Say what is wrong with a box in a photo of ``width`` × ``height`` pixels, if anything.

    At least half of a box must lie inside, however small its overhang.
    """
    shown = ", ".join(f"{value:g}" for value in box.xyxy)
    if not all(math.isfinite(value) for value in box.xyxy):
        return BoxProblem(NOT_FINITE, f"{NOT_FINITE} ({shown})")
    if box.x2 < box.x1 or box.y2 < box.y1:
        return BoxProblem(INVERTED, f"{INVERTED} ({shown})")
    if box.area == 0:
        return BoxProblem(EMPTY, f"{EMPTY} ({shown})")
    over_x, over_y = overhang(box, width, height)
    within = over_x <= tolerance.allowed(width) and over_y <= tolerance.allowed(height)
    if not within or 2 * clip_box(box, width, height).area < box.area:
        return BoxProblem(OUTSIDE, f"box ({shown}) outside its photo of {width:g} x {height:g}")
    return None


def overhang(box: BoxRecord, width: float, height: float) -> tuple[float, float]:
    """Pixels by which a box reaches over the edge in x and in y; at most 0 for one inside."""
    return max(-box.x1, box.x2 - width), max(-box.y1, box.y2 - height)


def clip_box(box: BoxRecord, width: float, height: float) -> BoxRecord:
    """Cut an overhang at the edge; a corner of the plate itself may lie outside the photo."""
    if max(overhang(box, width, height)) <= 0:
        return box
    x1, y1, x2, y2 = clip_boxes(np.array(box.xyxy, dtype=np.float64), width, height).tolist()
    return replace(box, x1=x1, y1=y1, x2=x2, y2=y2)
