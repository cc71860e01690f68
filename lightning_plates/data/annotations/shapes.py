"""Boxes from the shapes that labelling tools draw: outlines, turned rectangles, circles."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lightning_plates.boxes import BoxXyxy
from lightning_plates.data.annotations.record import BoxRecord, Corners, Point

TEXT_NAMES = frozenset({"text", "transcription", "plate_text", "plate_number", "number"})
"""Names of the free fields in which sets keep what a plate says."""


def drawn_box(x: float, y: float, width: float, height: float) -> BoxXyxy:
    """``x1, y1, x2, y2`` of a box given by one corner and its sides.

    Some tools write negative sides for a box that was drawn upwards or to the left.
    """
    return min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)


def box_around(points: Sequence[Point]) -> BoxXyxy:
    """Smallest ``x1, y1, x2, y2`` around ``points``, drawn in whatever order.

    Raises:
        ValueError: There are fewer than two.
    """
    if len(points) < 2:
        raise ValueError(f"expected at least 2 points, got {len(points)}")
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def outline_box(points: Sequence[Point], label: str, text: str = "") -> BoxRecord:
    """The box around an outline; four points are the plate's own corners.

    Raises:
        ValueError: There are fewer than two points.
    """
    corners: Corners | None = None
    if len(points) == 4:
        a, b, c, d = points
        corners = (a, b, c, d)
    return BoxRecord(*box_around(points), label, text, corners)


def turned_corners(box: BoxXyxy, angle_deg: float, pivot: Point) -> list[Point]:
    """Corners of a rectangle that is turned about ``pivot``, clockwise as the photo is seen."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    x1, y1, x2, y2 = box
    px, py = pivot
    offsets = [(x - px, y - py) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
    return [(px + x * cos - y * sin, py + x * sin + y * cos) for x, y in offsets]


def ellipse_box(cx: float, cy: float, rx: float, ry: float) -> BoxXyxy:
    """Box around an upright ellipse or a circle."""
    return cx - abs(rx), cy - abs(ry), cx + abs(rx), cy + abs(ry)
