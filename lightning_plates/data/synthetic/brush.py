"""What every painting step of a vehicle works with: places on it, tones, writing, lamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_plates.data.synthetic.camera import Camera
from lightning_plates.data.synthetic.canvas import Canvas, Colour, Glow, rgb
from lightning_plates.data.synthetic.lettering import Typeface, draw_text
from lightning_plates.data.synthetic.textures import noise
from lightning_plates.data.synthetic.vehicles import Outline, Vehicle, box, rounded

_WORDS = ("TOYOTA", "HYUNDAI", "NISSAN", "SUZUKI", "KIA", "4X4", "TURBO", "DIESEL", "LX", "GLS")


@dataclass(frozen=True, slots=True)
class Brush:
    """What every painting step of one vehicle needs."""

    canvas: Canvas
    camera: Camera
    vehicle: Vehicle
    rng: np.random.Generator
    lamps_on: bool

    def face(self, outline: Outline, lift: float = 0.0) -> NDArray[np.float32]:
        """Pixels of an outline on the face."""
        return self.camera.project(self.vehicle.face(outline, lift))

    def side(self, outline: Outline, sign: int) -> NDArray[np.float32]:
        """Pixels of an outline on the side."""
        return self.camera.project(self.vehicle.side(outline, sign))

    def pixels(self, metres: float) -> float:
        """Length in pixels of ``metres`` at the vehicle's face."""
        return metres * self.camera.scale_at(self.vehicle.origin)

    def tone(self, factor: float) -> Colour:
        """The body's colour, lighter or darker."""
        return tone(self.vehicle.paint, factor)


def light_up(brush: Brush, points: NDArray[np.float32]) -> None:
    """Make the lamp that fills ``points`` shine, white in front and red behind."""
    centre = points.mean(axis=0)
    size = float(np.ptp(points[:, 0]) + np.ptp(points[:, 1])) / 4
    colour = (1.6, 1.5, 1.3) if brush.vehicle.is_front else (1.5, 0.16, 0.1)
    radius = min(size * brush.rng.uniform(1.0, 2.6), 0.05 * brush.canvas.width)
    brush.canvas.glows.append(Glow(float(centre[0]), float(centre[1]), radius, colour))


def sticker(brush: Brush, x: float, y: float) -> None:
    """A coloured rectangle or disc with something like writing on it."""
    rng = brush.rng
    half_w, half_h = rng.uniform(0.02, 0.07), rng.uniform(0.012, 0.03)
    points = brush.face(box(x, y, half_w, half_h), 0.02)
    if rng.random() < 0.4:
        points = rounded(points)
    brush.canvas.fill(points, rgb(rng.uniform(30, 245, 3)))
    ink = rgb(rng.uniform(0, 255, 3))
    lettering(brush, random_word(rng), (x, y), (half_w * 1.5, half_h), ink)


def lettering(
    brush: Brush, text: str, centre: tuple[float, float], size: tuple[float, float], ink: Colour
) -> None:
    """Write on the face; ``size`` in shares of the vehicle's width and height."""
    quad = brush.face(box(centre[0], centre[1], size[0] / 2, size[1] / 2), 0.02)
    if float(np.ptp(quad[:, 0])) < 6:
        return
    height, width = 48, max(48, 40 * len(text))
    blank = np.zeros((height, width), np.uint8)
    letters = draw_text(blank, text, (2, 4, width - 2, height - 4), Typeface(0.2, 0.3))
    rgba = np.dstack([np.full((height, width, 3), rgb(np.array(ink)), np.uint8), letters])
    brush.canvas.warp_in(rgba, quad)


def reflections(rng: np.random.Generator, strength: float) -> NDArray[np.float32]:
    """Brightness factors of what a shiny surface mirrors, wider than tall."""
    patch = noise(rng, "cloud", 48, 48, zoom=1.0) + 0.35 * noise(rng, "rough", 48, 48, zoom=2.0)
    return np.asarray(np.clip(1 + strength * patch, 0.2, 2.0), np.float32)


def random_word(rng: np.random.Generator) -> str:
    """Something that is written on vehicles."""
    return _WORDS[int(rng.integers(len(_WORDS)))]


def tone(colour: Colour, factor: float) -> Colour:
    """A colour, lighter or darker."""
    return rgb(np.array(colour) * factor)
