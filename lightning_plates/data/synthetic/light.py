"""Light and optics: what happens between the scene and the file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from lightning_plates.data.synthetic.canvas import Canvas, Glow
from lightning_plates.data.synthetic.textures import noise

Pixels = NDArray[np.uint8]
Corners = NDArray[np.float32]

_COARSE = 4  # light varies slowly: it is computed on every fourth pixel


@dataclass(frozen=True, slots=True)
class Conditions:
    """Light and camera of one photo."""

    hour: Literal["day", "dusk", "night"]
    """Which light there is."""
    is_grey: bool
    """Whether the camera gives grey pictures, as traffic cameras with infrared light do."""
    blur: float
    """Defocus, as a share of the width of the plate."""
    motion: float
    """Length of the motion blur, as a share of the width of the plate."""
    grain: float
    """Deviation of the sensor noise, in grey levels."""


def random_conditions(rng: np.random.Generator) -> Conditions:
    """Draw the light and the camera of one photo."""
    hours: tuple[Literal["day", "dusk", "night"], ...] = ("day", "dusk", "night")
    hour = hours[int(rng.choice(3, p=(0.72, 0.12, 0.16)))]
    is_blurred, is_moving = rng.random(2) < (0.45, 0.15)
    return Conditions(
        hour=hour,
        is_grey=bool(rng.random() < 0.07),
        blur=float(rng.uniform(0.003, 0.02)) if is_blurred else 0.0,
        motion=float(rng.uniform(0.02, 0.10)) if is_moving else 0.0,
        grain=float(rng.gamma(1.5, 3.0 if hour == "day" else 5.0)),
    )


def illuminate(
    canvas: Canvas, plates: list[Corners], conditions: Conditions, rng: np.random.Generator
) -> Pixels:
    """Light a scene that was painted in even light.

    Args:
        canvas: The painted scene with its lamps.
        plates: Corners of the plates; at night their sheets throw light back.
        conditions: Which light there is.
        rng: Chooses shadows, headlights and exposure.

    Returns:
        RGB, shape ``(H, W, 3)``.
    """
    height, width = canvas.height, canvas.width
    coarse = (height // _COARSE + 1, width // _COARSE + 1)
    if conditions.hour == "night":
        light = _night_light(coarse, plates, rng)
    else:
        light = _day_light(coarse, rng) * (1.0 if conditions.hour == "day" else _DUSK)
    light *= _vignette(coarse, rng)[..., None]
    full = cv2.resize(light.astype(np.float32), (width, height))
    if conditions.hour == "night":
        full = _reflecting_plates(full, plates, rng)
    lit = cv2.multiply(canvas.pixels, full, dtype=cv2.CV_32F)
    if conditions.hour != "day" and canvas.glows:
        halo = cv2.resize(_halos(coarse, canvas.glows), (width, height))
        lit = cv2.scaleAdd(halo, 255.0, lit)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def photograph(
    pixels: Pixels, plate_px: float, conditions: Conditions, rng: np.random.Generator
) -> Pixels:
    """Apply lens, sensor and tone curve.

    Args:
        pixels: The lit scene, RGB.
        plate_px: Width of the smallest plate in pixels; bounds the blur.
        conditions: Blur and noise.
        rng: Chooses direction, curve and white balance.

    Returns:
        RGB of the same shape.
    """
    seen = _blur(pixels, plate_px, conditions, rng)
    seen = _tone(seen, conditions, rng)
    if rng.random() < 0.25:
        soft = cv2.GaussianBlur(seen, (0, 0), 1.5)
        seen = cv2.addWeighted(seen, 1.6, soft, -0.6, 0)
    if conditions.grain > 0.5:
        seen = cv2.add(seen, _grain(seen, conditions, rng), dtype=cv2.CV_8U)
    return np.asarray(seen, np.uint8)


_DUSK = np.array([0.62, 0.5, 0.46], np.float32)


def _day_light(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """A gentle slope of brightness, the edge of a shadow, or the shade of leaves."""
    slope = rng.normal(0, 0.08, 2)
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    light = rng.uniform(0.95, 1.4) + slope[0] * x + slope[1] * y
    kind = rng.random()
    depth = rng.uniform(0.3, 0.65)
    if kind < 0.15:
        spots = noise(rng, "rough", *shape, zoom=rng.uniform(1, 3))
        low = np.clip(1.5 * (y + 1), 0, 1)  # leaves shade the ground, not the sky
        light *= 1 - depth * low * np.clip(spots * 1.5 + 0.3, 0, 1)
    elif kind < 0.3:
        angle = rng.uniform(0, 2 * np.pi)
        edge = np.cos(angle) * x + np.sin(angle) * y + rng.uniform(-0.6, 0.6)
        light *= 1 - depth * np.clip(edge * rng.uniform(6, 40) + 0.5, 0, 1)
    shade = np.where(light < 0.7, 1.08, 1.0)  # shadows are lit by the blue sky
    return np.dstack([light, light, light * shade]).astype(np.float32)


def _night_light(
    shape: tuple[int, int], plates: list[Corners], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Little ambient light and the cone of the viewer's own headlights or flash."""
    tint = np.array(((1.0, 0.8, 0.55), (0.75, 0.85, 1.0), (1.0, 0.95, 0.9))[int(rng.integers(3))])
    light = np.full((*shape, 3), rng.uniform(0.03, 0.28)) * tint
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    centre = plates[0].mean(axis=0) / _COARSE if plates else np.array(shape[::-1]) / 2
    centre = centre + rng.normal(0, 0.12 * shape[1], 2)
    radius = rng.uniform(0.2, 0.6) * shape[1]
    cone = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * radius**2))
    lamp = np.array([1.0, 0.94, 0.84]) * rng.uniform(0.1, 0.75)
    return np.asarray(light + cone[..., None] * lamp, np.float32)


def _reflecting_plates(
    light: NDArray[np.float32], plates: list[Corners], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Lift the light on the retro-reflecting sheets."""
    mask = np.zeros(light.shape[:2], np.uint8)
    cv2.fillPoly(mask, [corners.round().astype(np.int32) for corners in plates], 255)
    gain = rng.uniform(0.15, 1.0)
    return np.asarray(
        cv2.add(light, (gain,) * 3 + (0,), mask=mask) + light * (mask == 0)[..., None]
    )


def _vignette(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    return np.asarray(1 - rng.uniform(0, 0.22) * (x**2 + y**2) / 2, np.float32)


def _halos(shape: tuple[int, int], glows: list[Glow]) -> NDArray[np.float32]:
    """What all lamps add, on the coarse grid: a bright core in a wide faint halo."""
    halo = np.zeros((*shape, 3), np.float32)
    for glow in glows:
        radius = max(0.7, glow.radius / _COARSE)
        reach = int(6 * radius) + 2
        cx, cy = glow.x / _COARSE, glow.y / _COARSE
        x1, x2 = max(0, int(cx) - reach), min(shape[1], int(cx) + reach)
        y1, y2 = max(0, int(cy) - reach), min(shape[0], int(cy) + reach)
        if x2 <= x1 or y2 <= y1:
            continue
        distance = np.hypot(np.arange(y1, y2)[:, None] - cy, np.arange(x1, x2)[None] - cx) / radius
        falloff = np.exp(-(distance**2)) + 0.18 * np.exp(-distance / 1.6)
        halo[y1:y2, x1:x2] += falloff[..., None] * np.array(glow.colour)
    return halo


def _blur(
    pixels: Pixels, plate_px: float, conditions: Conditions, rng: np.random.Generator
) -> Pixels:
    seen = pixels
    sigma = conditions.blur * plate_px
    if sigma > 0.3:
        seen = cv2.GaussianBlur(seen, (0, 0), sigma)
    length = round(conditions.motion * plate_px)
    if length >= 3:
        kernel = np.zeros((length, length), np.float32)
        angle = rng.normal(0, 0.5) + (np.pi / 2 if rng.random() < 0.2 else 0)
        half = (length - 1) / 2
        dx, dy = half * np.cos(angle), half * np.sin(angle)
        ends = [(round(half - dx), round(half - dy)), (round(half + dx), round(half + dy))]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        seen = cv2.filter2D(seen, -1, kernel / kernel.sum())
    return np.asarray(seen, np.uint8)


def _tone(pixels: Pixels, conditions: Conditions, rng: np.random.Generator) -> Pixels:
    """White balance, gamma, contrast and haze in one look-up table."""
    levels = np.linspace(0, 1, 256)[:, None]
    warmth, tint = rng.normal(0, 0.05), rng.normal(0, 0.02)
    if conditions.hour == "night" and rng.random() < 0.25:
        warmth, tint = rng.normal(0.15, 0.1), rng.normal(-0.1, 0.06)  # cheap dashboard cameras
    balance = np.array([1 + warmth, 1 + tint, 1 - warmth])
    curve = (levels * balance) ** rng.uniform(0.6, 1.2)
    contrast = rng.uniform(0.75, 1.3)
    curve = (curve - 0.45) * contrast + 0.45 + rng.normal(0, 0.04)
    haze = rng.uniform(0, 0.25) if rng.random() < 0.15 else 0.0
    curve = curve * (1 - haze) + 0.75 * haze
    table = np.clip(curve * 255, 0, 255).astype(np.uint8)[None]
    toned = cv2.LUT(pixels, table)
    grey = cv2.cvtColor(toned, cv2.COLOR_RGB2GRAY)
    saturation = 0.0 if conditions.is_grey else rng.uniform(0.6, 1.25)
    return np.asarray(
        cv2.addWeighted(toned, saturation, cv2.merge([grey] * 3), 1 - saturation, 0), np.uint8
    )


def _grain(pixels: Pixels, conditions: Conditions, rng: np.random.Generator) -> NDArray[np.float32]:
    height, width = pixels.shape[:2]
    if conditions.is_grey:
        return np.repeat(_white(rng, height, width)[..., :1], 3, axis=2) * conditions.grain
    return _white(rng, height, width) * np.float32(conditions.grain)


def _white(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A patch of stored sensor noise, shape ``(height, width, 3)``."""
    tile = _sensor_noise()
    side = tile.shape[0]
    if height > side or width > side:
        tile = np.tile(tile, (height // side + 1, width // side + 1, 1))
    top = int(rng.integers(0, tile.shape[0] - height + 1))
    left = int(rng.integers(0, tile.shape[1] - width + 1))
    return tile[top : top + height, left : left + width]


@cache
def _sensor_noise() -> NDArray[np.float32]:
    """Noise that is partly shared by the colours and slightly smoothed by demosaicing."""
    rng = np.random.default_rng(7)
    white = rng.standard_normal((768, 768, 3), np.float32) * np.float32(0.7)
    white += rng.standard_normal((768, 768, 1), np.float32) * np.float32(0.7)
    smooth = cv2.GaussianBlur(white, (0, 0), 0.6)
    return np.asarray(smooth / smooth.std(), np.float32)
