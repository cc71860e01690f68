"""Paints a vehicle: body, glass, wheels, lamps and the small parts around a plate."""

from __future__ import annotations

import numpy as np

from lightning_plates.data.synthetic.brush import (
    Brush,
    lettering,
    light_up,
    random_word,
    reflections,
    sticker,
    tone,
)
from lightning_plates.data.synthetic.camera import Camera
from lightning_plates.data.synthetic.canvas import Canvas, Colour, rgb
from lightning_plates.data.synthetic.motorcycle_paint import paint_motorcycle
from lightning_plates.data.synthetic.textures import noise
from lightning_plates.data.synthetic.vehicles import (
    Vehicle,
    box,
    mirrored,
    rounded,
    visible_side,
)

_CHROME: Colour = (176, 178, 182)
_DARK: Colour = (24, 24, 27)


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
    brush = Brush(canvas, camera, vehicle, rng, lamps_on)
    _ground_shadow(brush)
    if vehicle.name == "motorcycle":
        paint_motorcycle(brush)
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
    _add_ons(brush)
    _road_dirt(brush)


def _ground_shadow(brush: Brush) -> None:
    vehicle = brush.vehicle
    x, z = vehicle.width * 0.56, vehicle.body.length
    drift = brush.rng.normal(0, 0.25)
    feet = np.array([[-x + drift, 0, -0.25], [x + drift, 0, -0.25], [x, 0, z], [-x, 0, z]])
    points = brush.camera.project(vehicle.place(feet))
    brush.canvas.shadow(points, brush.rng.uniform(0.2, 0.5), min(40.0, brush.pixels(0.15)))


def _tyres(brush: Brush) -> None:
    top = 0.36 / brush.vehicle.height
    for x in (-0.41, 0.41):
        points = brush.face(box(x, top / 2, 0.065, top / 2), lift=-0.25)
        brush.canvas.shade(rounded(points), _DARK, (14, 14, 15))
    under = brush.face(box(0, 0.13, 0.42, 0.06), lift=-0.2)
    brush.canvas.fill(under, (18, 18, 19))


def _side(brush: Brush, sign: int) -> None:
    vehicle, canvas, rng = brush.vehicle, brush.canvas, brush.rng
    body = vehicle.body
    outline = brush.side(body.side, sign)
    canvas.shade(outline, brush.tone(0.95), brush.tone(0.55))
    canvas.modulate(outline, reflections(rng, 0.10))
    if body.side_glass:
        glass = brush.side(body.side_glass, sign)
        canvas.shade(glass, (92, 102, 112), (30, 34, 38))
        canvas.modulate(glass, reflections(rng, 0.35))
        middle = brush.side(((0.36, 0.62), (0.36, 0.95)), sign)
        canvas.stroke(middle, brush.tone(0.6), brush.pixels(0.06))
    for share in (0.17, 0.8):
        _wheel(brush, sign, share)
    crease = brush.side(((0.02, 0.45), (0.97, 0.43)), sign)
    canvas.stroke(crease, brush.tone(0.45), brush.pixels(0.01))


def _wheel(brush: Brush, sign: int, share: float) -> None:
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


def _shell(brush: Brush) -> None:
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
    brush.canvas.modulate(outline, factor * reflections(brush.rng, 0.09))


def _glass(brush: Brush) -> None:
    body, canvas, rng = brush.vehicle.body, brush.canvas, brush.rng
    if not body.glass or (brush.vehicle.name == "truck" and not brush.vehicle.is_front):
        _cargo_doors(brush)
        return
    points = rounded(brush.face(mirrored(body.glass)), 2)
    tint = rng.uniform(0.5, 1.3)
    canvas.stroke(points, (20, 20, 22), brush.pixels(0.04), closed=True)
    canvas.shade(points, tone((104, 118, 130), tint), tone((34, 38, 42), tint))
    canvas.modulate(points, reflections(rng, rng.uniform(0.2, 0.6)))
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
        sticker(brush, x, y)


def _cargo_doors(brush: Brush) -> None:
    for x in (-0.45, 0.0, 0.45):
        line = brush.face(((x, 0.25), (x, 0.95)), 0.01)
        brush.canvas.stroke(line, brush.tone(0.5), brush.pixels(0.025))
    for y in (0.25, 0.6, 0.95):
        line = brush.face(((-0.45, y), (0.45, y)), 0.01)
        brush.canvas.stroke(line, brush.tone(0.6), brush.pixels(0.015))
    if brush.rng.random() < 0.5:
        colour = brush.rng.uniform(20, 220, 3)
        brush.canvas.fill(brush.face(box(0, 0.75, 0.35, 0.1), 0.01), rgb(colour))
        lettering(brush, random_word(brush.rng), (0.0, 0.75), (0.5, 0.09), (245, 245, 245))


def _bumper(brush: Brush) -> None:
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
    canvas.modulate(band, reflections(rng, 0.05))
    gap = brush.face(((-0.48, high), (0.48, high)), 0.02)
    canvas.stroke(gap, brush.tone(0.35), brush.pixels(0.014))
    lip = brush.face(box(0, low - 0.01, 0.40, 0.05 / height), 0.02)
    canvas.shade(lip, (46, 47, 50), (20, 20, 21))
    if not brush.vehicle.is_front:
        for x in (-0.38, 0.38):
            reflector = brush.face(box(x, low + 0.06, 0.05, 0.02 / height), 0.04)
            canvas.fill(reflector, (140, 22, 24))


def _tailgate(brush: Brush) -> None:
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


def _grille(brush: Brush) -> None:
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


def _lamps(brush: Brush) -> None:
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
        canvas.shade(points, tone(lens, 1.15), tone(lens, 0.6))
        inner = rounded(brush.face(box(x, y - 0.3 * tall, wide * 0.6, tall * 0.3), 0.02))
        bulb: Colour = (120, 124, 130) if vehicle.is_front else (228, 214, 210)
        canvas.shade(inner, tone(bulb, 1.1), tone(bulb, 0.7))
        if brush.lamps_on:
            light_up(brush, points)


def _add_ons(brush: Brush) -> None:
    """Mirrors, a third brake lamp, roof rails, a taxi's sign: what breaks up the outline."""
    vehicle, canvas, rng = brush.vehicle, brush.canvas, brush.rng
    if vehicle.name == "truck":
        return
    if vehicle.is_front:
        for x in (-0.555, 0.555):
            mirror = rounded(brush.face(box(x, 0.64, 0.05, 0.045), -0.3), 2, 0.2)
            canvas.shade(mirror, brush.tone(1.1), brush.tone(0.5))
    if not vehicle.is_front and rng.random() < 0.6:
        stop = brush.face(box(0, vehicle.body.glass[-1][1] + 0.015, 0.1, 0.008), 0.02)
        canvas.fill(stop, (150, 20, 24))
        if brush.lamps_on and rng.random() < 0.4:
            light_up(brush, stop)
    if rng.random() < 0.25:
        for x in (-0.36, 0.36):
            rail = brush.face(((x, 0.97), (x * 0.95, 1.04)), 0.0)
            canvas.stroke(rail, (40, 40, 42), brush.pixels(0.04))
        bar = brush.face(((-0.36, 1.03), (0.36, 1.03)), 0.0)
        canvas.stroke(bar, (60, 60, 62), brush.pixels(0.03))
    if rng.random() < 0.05:
        sign = brush.face(box(0, 1.04, 0.1, 0.04), 0.0)
        canvas.fill(sign, (240, 200, 40))
        lettering(brush, "TAXI", (0, 1.04), (0.16, 0.05), (20, 20, 20))


def _road_dirt(brush: Brush) -> None:
    """Dust and splashes on the lower half of the face."""
    if brush.rng.random() < 0.5:
        return
    lower = tuple((x, min(y, 0.55)) for x, y in mirrored(brush.vehicle.body.half))
    splashes = noise(brush.rng, "rough", 96, 96) * brush.rng.uniform(0.03, 0.14)
    fade = np.linspace(0, 1, 96, dtype=np.float32)[:, None]
    brush.canvas.modulate(brush.face(lower), np.clip(1 + splashes * fade, 0.5, 1.4))


def _recess(brush: Brush, plate: tuple[float, float]) -> None:
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


def _badges(brush: Brush, plate: tuple[float, float] | None) -> None:
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
            lettering(brush, random_word(rng), centre, (0.1, 0.022), _CHROME)
    if rng.random() < 0.3:
        sticker(brush, rng.choice((-0.3, 0.3)), y - 0.1)
