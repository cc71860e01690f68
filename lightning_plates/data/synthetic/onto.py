"""Lays synthetic plates over the real plates of annotated photos."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from lightning_plates.data.annotations.record import BoxRecord, PhotoRecord
from lightning_plates.data.synthetic.canvas import Canvas
from lightning_plates.data.synthetic.plate_look import random_look, render_plate
from lightning_plates.data.synthetic.plates import CLASSES, random_plate
from lightning_plates.data.synthetic.scene import PlacedPlate, Scene

Pixels: TypeAlias = NDArray[np.uint8]
Corners: TypeAlias = NDArray[np.float32]

_SQUAT = 1.7  # plates narrower than this many heights may be a motorcycle's
_SMALLEST_PX = 4  # boxes with a shorter side hold nothing to match


def replace_plates(
    pixels: Pixels, photo: PhotoRecord, size: int, rng: np.random.Generator
) -> Scene:
    """Put a synthetic plate over every plate of ``photo``.

    Args:
        pixels: The decoded photo, RGB, shape ``(H, W, 3)``.
        photo: Its labels; where a box has corners the plate is warped onto them.
        size: Long side of the result; a smaller photo keeps its size.
        rng: Chooses the plates.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, size / max(height, width))
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA)
    stretch = np.array([shape[0] / photo.width, shape[1] / photo.height], np.float32)
    canvas = Canvas(np.ascontiguousarray(small, np.uint8))
    placed = []
    for box in photo.boxes:
        corners = (_corners(box) * stretch).astype(np.float32)
        if float(np.ptp(corners, axis=0).min()) >= _SMALLEST_PX:
            placed.append(_cover(canvas, corners, rng))
    return Scene(canvas.pixels, tuple(placed))


def _corners(box: BoxRecord) -> Corners:
    if box.corners is not None:
        return np.array(box.corners, np.float32)
    x1, y1, x2, y2 = box.xyxy
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)


def _cover(canvas: Canvas, corners: Corners, rng: np.random.Generator) -> PlacedPlate:
    wide = float(np.linalg.norm(corners[1] - corners[0]))
    is_squat = wide < _SQUAT * float(np.linalg.norm(corners[3] - corners[0]))
    plate = random_plate(rng, tuple(kind for kind in CLASSES if is_squat or not kind.is_motorcycle))
    picture = render_plate(plate, random_look(rng, plate), int(np.clip(1.3 * wide, 120, 900)), rng)
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, None)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int), 1, (canvas.width, canvas.height))
    below = canvas.pixels[low[1] : high[1], low[0] : high[0]]
    if below.size:
        picture = _matched(picture, below)
    canvas.warp_in(picture, corners)
    return PlacedPlate(corners, plate.text)


def _matched(picture: Pixels, below: Pixels) -> Pixels:
    """Give the plate the brightness, the colour cast and the blur of what it covers."""
    bright = np.percentile(below.reshape(-1, 3), 80, axis=0)
    dark = np.percentile(below.reshape(-1, 3), 5, axis=0)
    sheet = np.percentile(picture[..., :3].reshape(-1, 3), 80, axis=0)
    # Blends the channels' own gains with their mean: a yellow plate below is no yellow light.
    gain = (bright - dark) / np.maximum(sheet, 1.0)
    gain = np.maximum(0.4 * gain + 0.6 * gain.mean(), 0.15)
    colour = picture[..., :3].astype(np.float32) * gain.astype(np.float32)
    lit = np.clip(colour + 0.6 * dark, 0, 255).astype(np.uint8)
    width, height = below.shape[1], below.shape[0]
    wanted = _sharpness(below)
    for step in range(8):
        sigma = 0.4 * step
        seen = cv2.resize(lit, (width, height), interpolation=cv2.INTER_AREA)
        if sigma:
            seen = cv2.GaussianBlur(seen, (0, 0), sigma)
        if _sharpness(seen) <= 1.2 * wanted:
            break
    if sigma:
        lit = cv2.GaussianBlur(lit, (0, 0), sigma * lit.shape[1] / width)
    return np.dstack([lit, picture[..., 3]]).astype(np.uint8)


def _sharpness(pixels: Pixels) -> float:
    """Deviation of the Laplacian relative to the contrast."""
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).std() / (grey.std() + 1.0))
