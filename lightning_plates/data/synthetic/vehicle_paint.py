"""Paints a vehicle: body, glass, wheels, lamps and the small parts around a plate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_plates.data.synthetic.camera import Camera
from lightning_plates.data.synthetic.canvas import Canvas, Colour, Glow, rgb
from lightning_plates.data.synthetic.lettering import Typeface, draw_text
from lightning_plates.data.synthetic.textures import noise
from lightning_plates.data.synthetic.vehicles import (
    Outline,
    Vehicle,
    box,
    mirrored,
    rounded,
    visible_side,
)

_CHROME: Colour = (176, 178, 182)
_DARK: Colour = (24, 24, 27)
_WORDS = ("TOYOTA", "HYUNDAI", "NISSAN", "SUZUKI", "KIA", "4X4", "TURBO", "DIESEL", "LX", "GLS")


@dataclass(frozen=True, slots=True)
class _Brush:
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
        return _tone(self.vehicle.paint, factor)


def paint_vehicle(
    canvas: Canvas,
    camera: Camera,
    vehicle: Vehicle,
    rng: np.random.Generator,
    plate: tuple[float, float] | None = None,
    lamps_on: bool = False,
) -> None:
    """Paint ``vehicle`` with its shadow.

    Args:
        canvas: Is painted on.
        camera: Where it is seen from.
        vehicle: What to paint.
        rng: Chooses the details.
        plate: Centre of the plate in shares of width and height, to build a recess around it.
        lamps_on: Whether the lamps shine.
    """
    brush = _Brush(canvas, camera, vehicle, rng, lamps_on)
    _ground_shadow(brush)
    if vehicle.name == "motorcycle":
        _motorcycle(brush)
        return
    _tyres(brush)
    sign = visible_side(vehicle, camera)
    if sign:
        _side(brush, sign)
    _shell(brush)
    _glass(brush)
    _bumper(brush)
    if vehicle.is_front:
        _grille(brush)
    else:
        _tailgate(brush)
    _lamps(brush)
    if plate is not None and rng.random() < 0.6:
        _recess(brush, plate)
    _badges(brush, plate)


def _ground_shadow(brush: _Brush) -> None:
    vehicle = brush.vehicle
    x, z = vehicle.width * 0.56, vehicle.body.length
    drift = brush.rng.normal(0, 0.25)
    feet = np.array([[-x + drift, 0, -0.25], [x + drift, 0, -0.25], [x, 0, z], [-x, 0, z]])
    points = brush.camera.project(vehicle.place(feet))
    brush.canvas.shadow(points, brush.rng.uniform(0.2, 0.5), min(40.0, brush.pixels(0.15)))


def _tyres(brush: _Brush) -> None:
    top = 0.36 / brush.vehicle.height
    for x in (-0.41, 0.41):
        points = brush.face(box(x, top / 2, 0.065, top / 2), lift=-0.25)
        brush.canvas.shade(rounded(points), _DARK, (14, 14, 15))
    under = brush.face(box(0, 0.13, 0.42, 0.06), lift=-0.2)
    brush.canvas.fill(under, (18, 18, 19))


def _side(brush: _Brush, sign: int) -> None:
    vehicle, canvas, rng = brush.vehicle, brush.canvas, brush.rng
    body = vehicle.body
    outline = brush.side(body.side, sign)
    canvas.shade(outline, brush.tone(0.95), brush.tone(0.55))
    canvas.modulate(outline, _reflections(rng, 0.10))
    if body.side_glass:
        glass = brush.side(body.side_glass, sign)
        canvas.shade(glass, (92, 102, 112), (30, 34, 38))
        canvas.modulate(glass, _reflections(rng, 0.35))
        middle = brush.side(((0.36, 0.62), (0.36, 0.95)), sign)
        canvas.stroke(middle, brush.tone(0.6), brush.pixels(0.06))
    for share in (0.17, 0.8):
        _wheel(brush, sign, share)
    crease = brush.side(((0.02, 0.45), (0.97, 0.43)), sign)
    canvas.stroke(crease, brush.tone(0.45), brush.pixels(0.01))


def _wheel(brush: _Brush, sign: int, share: float) -> None:
    vehicle = brush.vehicle
    radius = 0.32 if vehicle.name != "truck" else 0.5
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    for scale, colour in ((1.15, (12, 12, 13)), (1.0, (30, 30, 32)), (0.62, (140, 142, 146))):
        z = share + scale * radius * np.cos(angle) / vehicle.body.length
        y = (radius + scale * radius * np.sin(angle)) / vehicle.height
        points = brush.side(tuple(zip(z.tolist(), y.tolist(), strict=True)), sign)
        brush.canvas.fill(points, colour)
    hub = radius / vehicle.height
    reach = 0.55 * radius / vehicle.body.length
    start = brush.rng.uniform(0, np.pi)
    for turn in (start, start + np.pi / 3, start + 2 * np.pi / 3):
        dz, dy = reach * float(np.cos(turn)), 0.55 * hub * float(np.sin(turn))
        spoke = brush.side(((share - dz, hub - dy), (share + dz, hub + dy)), sign)
        brush.canvas.stroke(spoke, (60, 60, 62), brush.pixels(0.035))


def _shell(brush: _Brush) -> None:
    """The face's silhouette with the sheen of paint: sky above, road below, soft reflections."""
    outline = rounded(brush.face(mirrored(brush.vehicle.body.half)), 1)
    gloss = brush.rng.uniform(0.05, 0.3)
    brush.canvas.shade(outline, brush.tone(1.12 + gloss), brush.tone(0.72))
    brush.canvas.hide_glows(outline)
    rows = np.interp(
        np.linspace(0, 1, 48), (0, 0.36, 0.42, 0.55, 0.62, 1), (1, 1, 1 + gloss, 1, 0.93, 0.8)
    )
    columns = 1 - 0.25 * np.abs(np.linspace(-1, 1, 48)) ** 3
    factor = (rows[:, None] * columns).astype(np.float32)
    brush.canvas.modulate(outline, factor * _reflections(brush.rng, 0.09))


def _glass(brush: _Brush) -> None:
    body, canvas, rng = brush.vehicle.body, brush.canvas, brush.rng
    if not body.glass or (brush.vehicle.name == "truck" and not brush.vehicle.is_front):
        _cargo_doors(brush)
        return
    points = rounded(brush.face(mirrored(body.glass)), 2)
    tint = rng.uniform(0.5, 1.3)
    canvas.stroke(points, (20, 20, 22), brush.pixels(0.04), closed=True)
    canvas.shade(points, _tone((104, 118, 130), tint), _tone((34, 38, 42), tint))
    canvas.modulate(points, _reflections(rng, rng.uniform(0.2, 0.6)))
    low, high = body.glass[0][1], body.glass[-1][1]
    if rng.random() < 0.6:
        for x in (-0.2, 0.2):
            rest = brush.face(box(x, low + 0.35 * (high - low), 0.06, 0.14 * (high - low)), -0.02)
            canvas.modulate(rounded(rest), np.full((2, 2), 0.6, np.float32), brush.pixels(0.02))
    if not brush.vehicle.is_front and rng.random() < 0.6:
        wiper = brush.face(((0.0, low + 0.01), (-0.22, low + 0.08)), 0.01)
        canvas.stroke(wiper, (16, 16, 18), brush.pixels(0.02))
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(-0.3, 0.3), rng.uniform(low + 0.04, high - 0.04)
        _sticker(brush, x, y)


def _cargo_doors(brush: _Brush) -> None:
    for x in (-0.45, 0.0, 0.45):
        line = brush.face(((x, 0.25), (x, 0.95)), 0.01)
        brush.canvas.stroke(line, brush.tone(0.5), brush.pixels(0.025))
    for y in (0.25, 0.6, 0.95):
        line = brush.face(((-0.45, y), (0.45, y)), 0.01)
        brush.canvas.stroke(line, brush.tone(0.6), brush.pixels(0.015))
    if brush.rng.random() < 0.5:
        colour = brush.rng.uniform(20, 220, 3)
        brush.canvas.fill(brush.face(box(0, 0.75, 0.35, 0.1), 0.01), rgb(colour))
        _lettering(brush, _word(brush.rng), (0.0, 0.75), (0.5, 0.09), (245, 245, 245))


def _bumper(brush: _Brush) -> None:
    """The bumper: in body colour, grey plastic or chrome, with its shadow gap."""
    canvas, rng, height = brush.canvas, brush.rng, brush.vehicle.height
    low, high = 0.2 / height, rng.uniform(0.46, 0.66) / height
    band = rounded(brush.face(mirrored(((0.46, low), (0.5, (low + high) / 2), (0.49, high))), 0.03))
    style = rng.random()
    if style < 0.3:
        canvas.shade(band, (74, 75, 78), (34, 35, 37))
    elif style < 0.4:
        canvas.shade(band, (216, 218, 222), (92, 94, 98))
    else:
        canvas.shade(band, brush.tone(1.05), brush.tone(0.68))
    canvas.modulate(band, _reflections(rng, 0.05))
    gap = brush.face(((-0.48, high), (0.48, high)), 0.02)
    canvas.stroke(gap, brush.tone(0.35), brush.pixels(0.014))
    lip = brush.face(box(0, low - 0.01, 0.40, 0.05 / height), 0.02)
    canvas.shade(lip, (46, 47, 50), (20, 20, 21))
    if not brush.vehicle.is_front:
        for x in (-0.38, 0.38):
            reflector = brush.face(box(x, low + 0.06, 0.05, 0.02 / height), 0.04)
            canvas.fill(reflector, (140, 22, 24))


def _tailgate(brush: _Brush) -> None:
    canvas, rng, height = brush.canvas, brush.rng, brush.vehicle.height
    edge = rng.uniform(0.36, 0.42)
    top = 0.62 if brush.vehicle.name != "truck" else 0.22
    seam = brush.face(((-edge, top), (-edge, 0.42), (edge, 0.42), (edge, top)), 0.01)
    canvas.stroke(seam, brush.tone(0.4), brush.pixels(0.009))
    if rng.random() < 0.5:
        strip = brush.face(box(0, rng.uniform(0.5, 0.58), rng.uniform(0.12, 0.3), 0.022 / height))
        top_tone, low_tone = (_CHROME, (90, 92, 96)) if rng.random() < 0.6 else (_DARK, _DARK)
        canvas.shade(strip, top_tone, low_tone)
    if rng.random() < 0.3:
        for x in (-0.3, 0.3):
            pipe = rounded(brush.face(box(x, 0.19 / height, 0.03, 0.025 / height), 0.05))
            canvas.shade(pipe, (200, 200, 202), (20, 20, 20))


def _grille(brush: _Brush) -> None:
    canvas, rng, height = brush.canvas, brush.rng, brush.vehicle.height
    y, half_w, half_h = 0.72 / height, rng.uniform(0.16, 0.30), rng.uniform(0.05, 0.11) / height
    points = rounded(brush.face(box(0, y, half_w, half_h), 0.02), 2, 0.1)
    canvas.fill(points, (18, 18, 20))
    bars = int(rng.integers(2, 7))
    colour = _CHROME if rng.random() < 0.6 else (50, 50, 54)
    for level in np.linspace(y - half_h, y + half_h, bars + 2)[1:-1]:
        line = brush.face(((-half_w, level), (half_w, level)), 0.03)
        canvas.stroke(line, colour, brush.pixels(0.014))
    canvas.stroke(points, _CHROME, brush.pixels(0.015), closed=True)
    intake = rounded(brush.face(box(0, 0.30 / height, 0.3, 0.06 / height), 0.05), 2, 0.12)
    canvas.fill(intake, (16, 16, 17))
    hood = brush.face(((-0.42, 0.58), (0.0, 0.60), (0.42, 0.58)), 0.01)
    canvas.stroke(hood, brush.tone(0.45), brush.pixels(0.01))


def _lamps(brush: _Brush) -> None:
    """Head or tail lamps in one of several shapes, with their glow when they are on."""
    vehicle, canvas, rng = brush.vehicle, brush.canvas, brush.rng
    if vehicle.name == "truck":
        y, tall, wide = 0.6 / vehicle.height, 0.07 / vehicle.height, 0.07
    elif vehicle.is_front:
        y, tall, wide = rng.uniform(0.7, 0.78) / vehicle.height, 0.075 / vehicle.height, 0.085
    else:
        y, wide = rng.uniform(0.52, 0.6), rng.uniform(0.05, 0.11)
        tall = rng.uniform(0.05, 0.13) if wide < 0.07 else rng.uniform(0.04, 0.07)
    skew, cut = rng.uniform(-0.02, 0.02), rng.uniform(0.06, 0.25)
    lens: Colour = (206, 210, 214) if vehicle.is_front else (150, 14, 20)
    for side in (-1, 1):
        x = side * (0.485 - wide)
        outline = tuple((px + side * skew * (py > y), py) for px, py in box(x, y, wide, tall))
        points = rounded(brush.face(outline, 0.015), 2, cut)
        canvas.stroke(points, brush.tone(0.4), brush.pixels(0.02), closed=True)
        canvas.shade(points, _tone(lens, 1.15), _tone(lens, 0.6))
        inner = rounded(brush.face(box(x, y - 0.3 * tall, wide * 0.6, tall * 0.3), 0.02))
        tone = (120, 124, 130) if vehicle.is_front else (228, 214, 210)
        canvas.shade(inner, _tone(tone, 1.1), _tone(tone, 0.7))
        if brush.lamps_on:
            _light_up(brush, points)


def _light_up(brush: _Brush, points: NDArray[np.float32]) -> None:
    centre = points.mean(axis=0)
    size = float(np.ptp(points[:, 0]) + np.ptp(points[:, 1])) / 4
    colour = (1.6, 1.5, 1.3) if brush.vehicle.is_front else (1.5, 0.16, 0.1)
    radius = min(size * brush.rng.uniform(1.0, 2.6), 0.05 * brush.canvas.width)
    brush.canvas.glows.append(Glow(float(centre[0]), float(centre[1]), radius, colour))


def _recess(brush: _Brush, plate: tuple[float, float]) -> None:
    """The hollow or holder that a plate sits in."""
    vehicle, rng = brush.vehicle, brush.rng
    half_w = rng.uniform(0.17, 0.3) / vehicle.width
    half_h = rng.uniform(0.088, 0.12) / vehicle.height
    cut = brush.rng.uniform(0.02, 0.1)
    points = rounded(brush.face(box(plate[0], plate[1], half_w, half_h), 0.03), 2, cut)
    if rng.random() < 0.5:
        brush.canvas.shade(points, brush.tone(0.42), brush.tone(0.8))
    else:
        brush.canvas.shade(points, (20, 20, 22), (52, 52, 55))
    brush.canvas.stroke(points, brush.tone(0.6), brush.pixels(0.01), closed=True)


def _badges(brush: _Brush, plate: tuple[float, float] | None) -> None:
    """Maker's badge, names and stickers, none of them on the plate."""
    vehicle, rng = brush.vehicle, brush.rng
    if vehicle.name == "truck":
        return
    y = plate[1] + 0.17 / vehicle.height if plate else 0.55
    if rng.random() < 0.7:
        badge = rounded(brush.face(box(0, y + 0.03, 0.05 / vehicle.width, 0.035 / vehicle.height)))
        brush.canvas.shade(badge, (220, 222, 225), (96, 98, 102))
    for side in (-1, 1):
        if rng.random() < 0.4:
            centre = (side * rng.uniform(0.24, 0.3), y + rng.uniform(-0.02, 0.03))
            _lettering(brush, _word(rng), centre, (0.1, 0.022), _CHROME)
    if rng.random() < 0.3:
        _sticker(brush, rng.choice((-0.3, 0.3)), y - 0.1)


def _sticker(brush: _Brush, x: float, y: float) -> None:
    """A coloured rectangle or disc with something like writing on it."""
    rng = brush.rng
    half_w, half_h = rng.uniform(0.02, 0.07), rng.uniform(0.012, 0.03)
    points = brush.face(box(x, y, half_w, half_h), 0.02)
    if rng.random() < 0.4:
        points = rounded(points)
    brush.canvas.fill(points, rgb(rng.uniform(30, 245, 3)))
    ink = rgb(rng.uniform(0, 255, 3))
    _lettering(brush, _word(rng), (x, y), (half_w * 1.5, half_h), ink)


def _lettering(
    brush: _Brush, text: str, centre: tuple[float, float], size: tuple[float, float], ink: Colour
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


def _motorcycle(brush: _Brush) -> None:
    canvas, rng = brush.canvas, brush.rng
    tyre = brush.face(box(0, 0.29, 0.16, 0.29), -0.1)
    canvas.shade(rounded(tyre), (38, 38, 40), (16, 16, 17))
    arm = brush.face(((-0.3, 0.25), (-0.22, 0.6), (0.22, 0.6), (0.3, 0.25)), -0.12)
    canvas.stroke(arm, (90, 92, 96), brush.pixels(0.05))
    if rng.random() < 0.6:
        _rider(brush)
    shell = rounded(brush.face(((-0.22, 0.6), (-0.34, 0.74), (0, 0.8), (0.34, 0.74), (0.22, 0.6))))
    canvas.shade(shell, brush.tone(1.2), brush.tone(0.6))
    guard = rounded(brush.face(((-0.2, 0.3), (-0.3, 0.7), (0.3, 0.7), (0.2, 0.3))), 1)
    canvas.shade(guard, (44, 44, 47), (20, 20, 22))
    lamp = rounded(brush.face(box(0, 0.73, 0.2, 0.035), 0.04))
    canvas.shade(lamp, (214, 40, 40), (120, 10, 14))
    if brush.lamps_on:
        _light_up(brush, lamp)
    for x in (-0.55, 0.55):
        blinker = rounded(brush.face(box(x, 0.71, 0.1, 0.022), 0.02))
        canvas.shade(blinker, (245, 160, 40), (170, 90, 10))
        mirror = rounded(brush.face(box(2.1 * x, 1.08, 0.2, 0.04), -0.9))
        canvas.shade(mirror, (120, 130, 140), (30, 30, 33))
    bar = brush.face(((-1.0, 0.95), (1.0, 0.95)), -0.9)
    canvas.stroke(bar, (30, 30, 32), brush.pixels(0.035))


def _rider(brush: _Brush) -> None:
    rng = brush.rng
    cloth = rng.uniform(20, 200, 3)
    legs = ((-0.75, 0.35), (-0.7, 0.75), (0.7, 0.75), (0.75, 0.35), (0.4, 0.35), (0, 0.7))
    brush.canvas.fill(rounded(brush.face(legs, -0.45), 1), (40, 44, 60))
    torso = ((-0.62, 0.72), (-0.72, 1.25), (-0.35, 1.38), (0.35, 1.38), (0.72, 1.25), (0.62, 0.72))
    points = rounded(brush.face(torso, -0.3))
    brush.canvas.shade(points, rgb(cloth), rgb(cloth * 0.7))
    brush.canvas.modulate(points, _reflections(rng, 0.15))
    helmet = rounded(brush.face(box(0, 1.5, 0.38, 0.13), -0.35))
    brush.canvas.shade(helmet, rgb(rng.uniform(20, 240, 3)), (20, 20, 22))


def _reflections(rng: np.random.Generator, strength: float) -> NDArray[np.float32]:
    """Brightness factors of what a shiny surface mirrors, wider than tall."""
    patch = noise(rng, "cloud", 48, 48, zoom=1.0) + 0.35 * noise(rng, "rough", 48, 48, zoom=2.0)
    return np.asarray(np.clip(1 + strength * patch, 0.2, 2.0), np.float32)


def _word(rng: np.random.Generator) -> str:
    return _WORDS[int(rng.integers(len(_WORDS)))]


def _tone(colour: Colour, factor: float) -> Colour:
    return rgb(np.array(colour) * factor)
