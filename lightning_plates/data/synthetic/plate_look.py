"""How a plate looks: print, embossing, screws, frame, wear and dirt."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from lightning_plates.data.synthetic.lettering import Typeface, draw_text
from lightning_plates.data.synthetic.plates import Plate
from lightning_plates.data.synthetic.textures import noise

Pixels = NDArray[np.float32]

_FLAG = ((0, 43, 127), (255, 255, 255), (206, 17, 38), (255, 255, 255), (0, 43, 127))
_FLAG_ROWS = np.repeat(np.arange(5), (1, 1, 2, 1, 1))  # blue 1 : white 1 : red 2 : white 1 : blue 1


@dataclass(frozen=True, slots=True)
class PlateLook:
    """The choices that tell one specimen from another; lengths are shares of the height."""

    ground: tuple[float, float, float]
    """Colour of the sheet, RGB 0–255."""
    ink: tuple[float, float, float]
    """Colour of the print, RGB 0–255."""
    face: Typeface
    """Cut of the large characters."""
    condense: float
    """Share of the free width that the large characters take."""
    relief: float
    """Strength of the light and dark edges of the embossing."""
    light_deg: float
    """Direction the light comes from, in the plane of the plate."""
    watermark: float
    """Strength of the pale flag behind the text."""
    border: float
    """Width of the printed rim; 0 for none."""
    frame: float
    """Width of the holder around the sheet; 0 for none."""
    frame_colour: tuple[float, float, float]
    """Colour of the holder, RGB 0–255."""
    corner: float
    """Radius of the rounded corners."""
    screws: tuple[bool, bool, bool, bool]
    """Which of the four holes hold a screw."""
    dirt: float
    """0 for a clean plate, 1 for a muddy one."""
    wear: float
    """0 for fresh print, 1 for worn print."""


def random_look(rng: np.random.Generator, plate: Plate) -> PlateLook:
    """Draw the look of one specimen of ``plate``."""
    brightness = rng.uniform(205, 250)
    ground = brightness - np.abs(rng.normal(0, (5, 5, 12)))
    ink = np.clip(np.array(plate.kind.ink) + rng.normal(0, 10, 3), 0, 255)
    has_frame = rng.random() < 0.35
    chance = rng.random(4).tolist()
    return PlateLook(
        ground=_colour(ground),
        ink=_colour(ink),
        face=Typeface(stroke=rng.uniform(0.095, 0.14), gap=rng.uniform(0.2, 0.4)),
        condense=rng.uniform(0.86, 1.0),
        relief=rng.uniform(10, 60),
        light_deg=rng.uniform(30, 150),
        watermark=rng.uniform(0, 0.22),
        border=rng.uniform(0.012, 0.025) if rng.random() < 0.4 else 0.0,
        frame=rng.uniform(0.02, 0.07) if has_frame else 0.0,
        frame_colour=_colour(np.full(3, rng.choice([15.0, 30.0, 60.0, 170.0, 205.0]))),
        corner=rng.uniform(0.03, 0.1),
        screws=(chance[0] < 0.6, chance[1] < 0.6, chance[2] < 0.6, chance[3] < 0.6),
        dirt=float(rng.beta(0.7, 3.0)),
        wear=float(rng.beta(0.6, 4.0)),
    )


def render_plate(
    plate: Plate, look: PlateLook, width: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw a plate from the front.

    Args:
        plate: What is written.
        look: How this specimen looks.
        width: Width of the picture in pixels; the height follows from the class.
        rng: Places dirt and wear.

    Returns:
        RGBA, shape ``(H, W, 4)``; alpha is 0 outside the rounded corners.
    """
    millimetres = plate.kind.size_mm
    height = max(2, round(width * millimetres[1] / millimetres[0]))
    outer = _rounded(height, width, 0, look.corner)
    inset = round(look.frame * height)
    pixels = _sheet(look, height, width)
    letters = _letters(plate, look, height, width)
    worn = letters * (1 - look.wear * _blotches(rng, height, width))
    pixels = _mix(pixels, look.ink, worn)
    pixels += _relief(letters, look, height)[..., None]
    pixels = _screws(pixels, look)
    pixels = _soil(pixels, look, rng)
    if inset:
        pixels = _mix(pixels, look.frame_colour, outer - _rounded(height, width, inset, 0.04))
    rgba = np.dstack([pixels, outer * 255])
    return np.clip(rgba, 0, 255).astype(np.uint8)


def clean(look: PlateLook) -> PlateLook:
    """The same specimen without dirt and wear."""
    return replace(look, dirt=0.0, wear=0.0)


def _sheet(look: PlateLook, height: int, width: int) -> Pixels:
    """The sheet with its pale flag across the middle and its printed rim."""
    pixels = np.empty((height, width, 3), np.float32)
    pixels[:] = look.ground
    flag = np.array(_FLAG, np.float32)[_FLAG_ROWS][:, None, :]
    top, bottom = round(0.2 * height), round(0.8 * height)
    band = cv2.resize(np.repeat(flag, 2, axis=1), (width, bottom - top))
    pixels[top:bottom] += look.watermark * (band - 255) * np.array(look.ground, np.float32) / 255
    if look.border:
        rim = max(1, round(look.border * height))
        gap = round(0.025 * height) + round(look.frame * height)
        inner = _rounded(height, width, gap + rim, 0.06)
        pixels = _mix(pixels, look.ink, _rounded(height, width, gap, 0.08) - inner)
    return pixels


def _letters(plate: Plate, look: PlateLook, height: int, width: int) -> Pixels:
    """Coverage 0–1 of everything that is printed."""
    mask = np.zeros((height, width), np.uint8)
    rows = _rows(plate)
    for text, (y1, y2), share in rows:
        is_large = y2 - y1 > 0.2
        face = look.face if is_large else Typeface(stroke=0.13, gap=0.5)
        span = width * (share * look.condense if is_large else share)
        left = (width - span) / 2
        mask = draw_text(mask, text, (left, y1 * height, left + span, y2 * height), face)
    return np.asarray(mask / 255, np.float32)


def _rows(plate: Plate) -> list[tuple[str, tuple[float, float], float]]:
    """Text, vertical extent and share of the width of each printed line."""
    country: tuple[str, tuple[float, float], float] = ("COSTA RICA", (0.065, 0.17), 0.44)
    if len(plate.lines) == 2:
        top, bottom = plate.lines
        share = min(0.86, 0.15 * len(top))
        return [country, (top, (0.22, 0.5), share), (bottom, (0.57, 0.92), 0.86)]
    text = plate.lines[0]
    share = min(0.88, 0.135 * len(text))
    return [country, (text, (0.24, 0.78), share), ("CENTROAMÉRICA", (0.845, 0.935), 0.52)]


def _relief(letters: Pixels, look: PlateLook, height: int) -> Pixels:
    """Light and dark edges of the raised letters for light from one side."""
    raised = cv2.GaussianBlur(letters, (0, 0), max(0.6, 0.012 * height))
    angle = np.radians(look.light_deg)
    gx = cv2.Sobel(raised, cv2.CV_32F, 1, 0)
    gy = cv2.Sobel(raised, cv2.CV_32F, 0, 1)
    slope = np.cos(angle) * gx + np.sin(angle) * gy
    return np.asarray(slope * look.relief * (height / 150), np.float32)


def _screws(pixels: Pixels, look: PlateLook) -> Pixels:
    """Holes with or without screws at the four places of the North American standard."""
    height, width = pixels.shape[:2]
    marked = pixels.copy()
    places = [(x, y) for y in (0.1, 0.9) for x in (0.2, 0.8)]
    for (x, y), has_screw in zip(places, look.screws, strict=True):
        centre = (round(x * width), round(y * height))
        radius = max(1, round((0.032 if has_screw else 0.02) * height))
        cv2.circle(marked, (centre[0], centre[1] + 1), radius + 1, (60, 60, 60), -1, cv2.LINE_AA)
        colour = (165, 160, 150) if has_screw else (45, 45, 45)
        cv2.circle(marked, centre, radius, colour, -1, cv2.LINE_AA)
    return marked


def _soil(pixels: Pixels, look: PlateLook, rng: np.random.Generator) -> Pixels:
    """Dust that gathers in blotches and towards the lower edge."""
    if look.dirt < 0.05:
        return pixels
    height, width = pixels.shape[:2]
    low = np.linspace(-0.8, 0.5, height, dtype=np.float32)[:, None]
    cover = noise(rng, "rough", height, width, zoom=width / 200) * 0.5 + low
    amount = np.clip(cover + 2 * look.dirt - 0.4, 0, 1) * min(0.85, 0.3 + look.dirt)
    dust = np.array([110, 95, 75]) * rng.uniform(0.5, 1.2)
    return _mix(pixels, _colour(dust), amount)


def _blotches(rng: np.random.Generator, height: int, width: int) -> Pixels:
    return np.asarray(np.clip(noise(rng, "leaf", height, width, zoom=width / 150), 0, 1))


def _rounded(height: int, width: int, inset: int, corner: float) -> Pixels:
    """Coverage 0–1 of a rectangle with rounded corners, ``inset`` pixels inside the picture."""
    mask = np.zeros((height, width), np.uint8)
    radius = round(corner * height)
    x1, y1, x2, y2 = inset, inset, width - 1 - inset, height - 1 - inset
    cv2.rectangle(mask, (x1 + radius, y1), (x2 - radius, y2), 255, -1)
    cv2.rectangle(mask, (x1, y1 + radius), (x2, y2 - radius), 255, -1)
    for x in (x1 + radius, x2 - radius):
        for y in (y1 + radius, y2 - radius):
            cv2.circle(mask, (x, y), radius, 255, -1, cv2.LINE_AA)
    return np.asarray(mask / 255, np.float32)


def _mix(pixels: Pixels, colour: tuple[float, float, float], amount: Pixels) -> Pixels:
    part = amount[..., None]
    return np.asarray(pixels * (1 - part) + np.array(colour, np.float32) * part, np.float32)


def _colour(values: NDArray[np.floating]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
