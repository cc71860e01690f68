"""The photo while it is painted: flat and shaded polygons, textures, soft shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Colour = tuple[float, float, float]

_SUBPIXEL_BITS = 4
_FAR = 20_000.0  # pixels; beyond it OpenCV's fixed-point coordinates would overflow


@dataclass(frozen=True, slots=True)
class Glow:
    """A light source in the photo."""

    x: float
    """Centre in pixels."""
    y: float
    """Centre in pixels."""
    radius: float
    """Radius of its halo in pixels."""
    colour: Colour
    """What it adds at its centre, RGB, 1.0 is white."""


def rgb(values: NDArray[np.floating]) -> Colour:
    """A colour from three numbers, kept within 0–255."""
    red, green, blue = (min(max(value, 0.0), 255.0) for value in values.tolist())
    return red, green, blue


@dataclass(slots=True)
class Canvas:
    """A picture that is painted back to front; `pixels` changes with every call."""

    pixels: NDArray[np.uint8]
    """RGB, shape ``(H, W, 3)``."""
    glows: list[Glow] = field(default_factory=list)
    """Lights that shine at night."""

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    def fill(self, points: Points, colour: Colour) -> None:
        """Paint a polygon, shape ``(N, 2)``, in one colour."""
        cv2.fillPoly(self.pixels, [_fixed(points)], colour, cv2.LINE_AA, _SUBPIXEL_BITS)

    def stroke(self, points: Points, colour: Colour, width_px: float, closed: bool = False) -> None:
        """Paint a line through ``points``; lines under half a pixel are left out."""
        if width_px < 0.5:
            return
        width = max(1, round(width_px))
        cv2.polylines(
            self.pixels, [_fixed(points)], closed, colour, width, cv2.LINE_AA, _SUBPIXEL_BITS
        )

    def shade(self, points: Points, top: Colour, bottom: Colour) -> None:
        """Paint a polygon with a vertical gradient from ``top`` to ``bottom``."""
        window = self._window(points)
        if window is None:
            return
        y1, y2 = float(points[:, 1].min()), float(points[:, 1].max())
        rows = np.arange(window[0].start, window[0].stop, dtype=np.float32)
        t = np.clip((rows - y1) / max(y2 - y1, 1.0), 0, 1)[:, None]
        column = np.array(top, np.float32) * (1 - t) + np.array(bottom, np.float32) * t
        width = window[1].stop - window[1].start
        patch = np.repeat(column[:, None, :], width, axis=1)
        self._blend(window, patch.astype(np.uint8), self._coverage(points, window))

    def cover(self, points: Points, patch: NDArray[np.float32]) -> None:
        """Paint a polygon with ``patch``, RGB, stretched over its bounding box."""
        window = self._window(points)
        if window is None:
            return
        size = (window[1].stop - window[1].start, window[0].stop - window[0].start)
        stretched = cv2.resize(np.clip(patch, 0, 255).astype(np.uint8), size)
        self._blend(window, stretched, self._coverage(points, window))

    def modulate(self, points: Points, factor: NDArray[np.float32], blur_px: float = 0.0) -> None:
        """Multiply a polygon by ``factor``, shape ``(h, w)``, stretched over its bounding box.

        Args:
            points: Polygon, shape ``(N, 2)``.
            factor: 1.0 leaves the brightness alone.
            blur_px: Softness of the polygon's edge.
        """
        margin = round(2 * blur_px)
        window = self._window(points, margin)
        if window is None:
            return
        coverage = self._coverage(points, window)
        if blur_px >= 0.5:
            coverage = cv2.blur(coverage, (2 * margin + 1, 2 * margin + 1))
        size = (coverage.shape[1], coverage.shape[0])
        stretched = cv2.resize(factor, size) - 1.0
        weight = 1.0 + stretched * (coverage.astype(np.float32) * (1 / 255))
        part = self.pixels[window]
        self.pixels[window] = cv2.multiply(part, cv2.merge([weight] * 3), dtype=cv2.CV_8U)

    def shadow(self, points: Points, brightness: float, blur_px: float) -> None:
        """Darken a polygon to ``brightness`` (0–1) with a soft edge."""
        self.modulate(points, np.full((2, 2), brightness, np.float32), blur_px)

    def hide_glows(self, points: Points) -> None:
        """Put out the lamps inside a polygon, because something stands before them."""
        outline = np.clip(points, -_FAR, _FAR).astype(np.float32)
        self.glows[:] = [
            glow
            for glow in self.glows
            if cv2.pointPolygonTest(outline, (float(glow.x), float(glow.y)), False) < 0
        ]

    def warp_in(self, rgba: NDArray[np.uint8], corners: Points) -> None:
        """Lay a picture over the quadrilateral ``corners`` (tl, tr, br, bl), anti-aliased."""
        window = self._window(corners, 2)
        if window is None:
            return
        top, left = window[0].start, window[1].start
        target = (corners - np.array([left, top], np.float32)).astype(np.float32)
        source = _shrunk(rgba, target)
        height, width = source.shape[:2]
        square = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        # Corners are edges of pixels, while OpenCV's coordinates are centres of pixels.
        matrix = cv2.getPerspectiveTransform(square - 0.5, target - 0.5)
        size = (window[1].stop - left, window[0].stop - top)
        warped = cv2.warpPerspective(source, matrix, size, flags=cv2.INTER_LINEAR)
        colour = cv2.warpPerspective(
            source[..., :3], matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        self._blend(window, colour, np.ascontiguousarray(warped[..., 3]))

    def _window(self, points: Points, margin: int = 0) -> tuple[slice, slice] | None:
        """Rows and columns of the polygon inside the picture, or ``None`` when it is outside."""
        low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        x1, y1 = (max(0, math.floor(value) - margin) for value in low)
        x2 = min(self.width, math.ceil(high[0]) + margin + 1)
        y2 = min(self.height, math.ceil(high[1]) + margin + 1)
        return (slice(y1, y2), slice(x1, x2)) if x2 > x1 and y2 > y1 else None

    def _coverage(self, points: Points, window: tuple[slice, slice]) -> NDArray[np.uint8]:
        rows, columns = window
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        local = points - np.array([columns.start, rows.start], np.float32)
        cv2.fillPoly(mask, [_fixed(local)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        return mask

    def _blend(
        self, window: tuple[slice, slice], patch: NDArray[np.uint8], coverage: NDArray[np.uint8]
    ) -> None:
        alpha = coverage.astype(np.float32) * (1 / 255)
        self.pixels[window] = cv2.blendLinear(patch, self.pixels[window], alpha, 1 - alpha)


def _shrunk(rgba: NDArray[np.uint8], corners: Points) -> NDArray[np.uint8]:
    """Scale a picture down to about the size it is shown at, so that warping does not alias."""
    wide = max(float(np.linalg.norm(corners[1] - corners[0])), 4.0)
    tall = max(float(np.linalg.norm(corners[3] - corners[0])), 4.0)
    height, width = rgba.shape[:2]
    if wide >= width and tall >= height:
        return rgba
    size = (min(width, round(wide * 1.15)), min(height, round(tall * 1.15)))
    return np.asarray(cv2.resize(rgba, size, interpolation=cv2.INTER_AREA), np.uint8)


def _fixed(points: Points) -> NDArray[np.int32]:
    near = np.minimum(np.maximum(points, -_FAR), _FAR)
    return np.asarray(np.rint(near * (1 << _SUBPIXEL_BITS)), np.int32)
