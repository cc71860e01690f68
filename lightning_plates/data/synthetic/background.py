"""What lies around a vehicle: ground, sky, houses, leaves, walls, signs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lightning_plates.data.synthetic.camera import Camera
from lightning_plates.data.synthetic.canvas import Canvas, Colour, Glow, rgb
from lightning_plates.data.synthetic.lettering import STROKES, Typeface, draw_text
from lightning_plates.data.synthetic.textures import noise

_GROUND_PX_PER_M = 20  # resolution of the ground's texture
_GROUND_PX = 512  # side of the ground's texture: 26 m
_GROUNDS: tuple[Colour, ...] = (
    (96, 96, 98), (122, 120, 116), (80, 82, 86), (140, 134, 124), (150, 126, 98), (98, 112, 66),
    (172, 168, 160),
)  # fmt: skip
_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((96, 148, 214), (196, 216, 236)),
    ((150, 160, 172), (214, 216, 218)),
    ((236, 240, 244), (250, 250, 248)),
    ((66, 92, 140), (244, 178, 122)),
    ((120, 134, 150), (190, 188, 182)),
)
_SIGN_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((240, 240, 236), (30, 30, 120)), ((24, 96, 60), (240, 240, 236)),
    ((200, 30, 36), (245, 245, 240)), ((236, 190, 30), (24, 24, 24)),
    ((30, 60, 150), (240, 240, 240)), ((245, 245, 240), (180, 20, 30)),
)  # fmt: skip
_LETTERS = tuple(character for character in STROKES if character.isalnum())


def paint_background(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    """Paint the whole picture: ground below the horizon, sky and a skyline or a wall above."""
    _ground(canvas, camera, rng)
    for _ in range(int(rng.integers(0, 4))):
        _verge(canvas, camera, rng)
    grain = noise(rng, "grain", canvas.height, canvas.width, zoom=1.5) * rng.uniform(2, 9)
    canvas.pixels[:] = cv2.add(canvas.pixels, cv2.merge([grain] * 3), dtype=cv2.CV_8U)
    left, right = camera.horizon(canvas.width)
    if max(left, right) > 0:
        _above(canvas, camera, rng, left, right)
    for _ in range(int(rng.poisson(0.8))):
        _post(canvas, camera, rng)
    for _ in range(int(rng.poisson(0.7))):
        _passer_by(canvas, camera, rng)
    _distant_lights(canvas, rng, (left + right) / 2)


def _ground(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    """Asphalt, paving, earth or grass with markings, in perspective."""
    side = _GROUND_PX
    base = np.array(_GROUNDS[int(rng.integers(len(_GROUNDS)))]) * rng.uniform(0.7, 1.15)
    grain = noise(rng, "leaf", side, side) * rng.uniform(3, 12)
    stains = noise(rng, "cloud", side, side) * rng.uniform(3, 12)
    rough = cv2.add(grain, stains)
    texture = cv2.add(cv2.merge([rough] * 3), (*base.tolist(), 0), dtype=cv2.CV_8U)
    _markings(texture, rng)
    metres = np.array(
        [
            [1 / _GROUND_PX_PER_M, 0, -side / 2 / _GROUND_PX_PER_M],
            [0, 1 / _GROUND_PX_PER_M, -6.0],
            [0, 0, 1],
        ]
    )
    canvas.pixels[:] = cv2.warpPerspective(
        texture,
        camera.ground() @ metres,
        (canvas.width, canvas.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )


def _markings(texture: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Lane lines, parking bays or the joints of paving stones."""
    side, metre = texture.shape[0], _GROUND_PX_PER_M
    kind = rng.random()
    paint = (210, 208, 200) if rng.random() < 0.6 else (214, 170, 50)
    start = int(rng.integers(metre, 3 * metre))
    if kind < 0.35:
        for x in range(start, side, round(3.2 * metre)):
            step = 4 * metre if rng.random() < 0.5 else side
            for y in range(0, side, step):
                cv2.rectangle(texture, (x, y), (x + 4, y + min(step, 2 * metre)), paint, -1)
    elif kind < 0.5:
        for x in range(start, side, round(2.5 * metre)):
            cv2.rectangle(texture, (x, 4 * metre), (x + 3, 10 * metre), paint, -1)
    elif kind < 0.65:
        step = round(rng.uniform(0.4, 1.5) * metre)
        texture[::step] = (texture[::step] * 0.7).astype(np.uint8)
        texture[:, ::step] = (texture[:, ::step] * 0.7).astype(np.uint8)


def _verge(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    """A strip of pavement, grass or earth along the road, with its kerb."""
    start = rng.choice((-1, 1)) * rng.uniform(1.6, 7)
    end = start + np.sign(start) * rng.uniform(0.3, 8)
    near, far = float(camera.position[2]) + 1.0, float(camera.position[2]) + 90.0
    feet = np.array([[start, 0, near], [start, 0, far], [end, 0, far], [end, 0, near]])
    points = camera.project(feet)
    colour = np.array(_GROUNDS[int(rng.integers(len(_GROUNDS)))]) * rng.uniform(0.7, 1.2)
    canvas.fill(points, rgb(colour))
    canvas.stroke(points[:2], rgb(colour * 1.25), 0.02 * canvas.width * rng.random())


def _above(
    canvas: Canvas, camera: Camera, rng: np.random.Generator, left: float, right: float
) -> None:
    """Everything above the horizon, cut off along it."""
    rows = min(canvas.height, max(2, int(np.ceil(max(left, right))) + 1))
    scenery = Canvas(np.zeros((rows, canvas.width, 3), np.uint8), canvas.glows)
    base = min(rows, max(left, right))
    if rng.random() < 0.3:
        _wall(scenery, rng)
    else:
        _sky(scenery, rng)
        if rng.random() < 0.5:
            _hills(scenery, rng, base)
        _skyline(scenery, camera, rng, base)
    if rng.random() < 0.7:
        sigma = rng.uniform(0.4, 3.0)
        scenery.pixels[:] = cv2.GaussianBlur(scenery.pixels, (0, 0), sigma)
    sink = rng.uniform(0, 0.03) * canvas.height  # the far end of the ground hides behind things
    corners = np.array(
        [[0, -9], [canvas.width, -9], [canvas.width, right + sink], [0, left + sink]], np.float32
    )
    window = np.zeros((rows, canvas.width), np.uint8)
    cv2.fillPoly(window, [corners.round().astype(np.int32)], 255)
    canvas.pixels[:rows] = cv2.copyTo(scenery.pixels, window, canvas.pixels[:rows])


def _sky(canvas: Canvas, rng: np.random.Generator) -> None:
    top, bottom = _SKIES[int(rng.integers(len(_SKIES)))]
    t = np.linspace(0, 1, canvas.height, dtype=np.float32)[:, None, None]
    sky = np.array(top, np.float32) * (1 - t) + np.array(bottom, np.float32) * t
    clouds = np.clip(noise(rng, "cloud", canvas.height, canvas.width, zoom=2.0), 0, 2)
    cover = (clouds * rng.uniform(0, 0.35))[..., None]
    canvas.pixels[:] = np.clip(sky * (1 - cover) + 244 * cover, 0, 255).astype(np.uint8)


def _wall(canvas: Canvas, rng: np.random.Generator) -> None:
    """A close wall, shutter or hedge that fills the view."""
    height, width = canvas.height, canvas.width
    base = rng.uniform(60, 225) + rng.normal(0, 18, 3)
    rough = noise(rng, "rough", height, width, zoom=1.5) * rng.uniform(3, 10)
    wall = np.clip(base.astype(np.float32) + rough[..., None], 0, 255).astype(np.uint8)
    step = int(rng.integers(8, 40))
    kind = rng.random()
    if kind < 0.35:
        wall[::step] = (wall[::step] * 0.75).astype(np.uint8)
        if kind < 0.2:
            for row in range(0, height, step):
                shift = step if (row // step) % 2 else 0
                wall[row : row + step, shift :: 2 * step] = (
                    wall[row : row + step, shift :: 2 * step] * 0.75
                ).astype(np.uint8)
    canvas.pixels[:] = wall
    if kind > 0.7:
        everything = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        _leaves(canvas, everything, rng)
    for _ in range(int(rng.integers(0, 3))):
        _sign(canvas, rng, rng.uniform(0, width), rng.uniform(0, height), rng.uniform(30, 120))


def _hills(canvas: Canvas, rng: np.random.Generator, base: float) -> None:
    """A ridge in the haze, and sometimes wires across the sky."""
    x = np.linspace(0, canvas.width, 48)
    ridge = noise(rng, "cloud", 2, 48, zoom=rng.uniform(0.4, 1.0))[0]
    y = base - canvas.height * np.clip(rng.uniform(0.08, 0.25) + 0.06 * ridge, 0.01, 1)
    outline = np.vstack([np.column_stack([x, y]), [[canvas.width, base], [0, base]]])
    green = np.array([92, 116, 104]) * rng.uniform(0.6, 1.4)
    canvas.shade(outline.astype(np.float32), rgb(green + 30), rgb(green))
    canvas.modulate(
        outline.astype(np.float32), np.clip(1 + 0.1 * noise(rng, "rough", 96, 96), 0.5, 1.5)
    )
    for _ in range(int(rng.integers(0, 4))):
        start, end, sag = *rng.uniform(0, base, 2), rng.uniform(0, 0.08) * canvas.height
        t = np.linspace(0, 1, 16)
        wire = np.column_stack(
            [t * canvas.width, start + (end - start) * t + 4 * sag * t * (1 - t)]
        )
        canvas.stroke(wire.astype(np.float32), (50, 50, 54), rng.uniform(0.6, 2.4))


def _skyline(canvas: Canvas, camera: Camera, rng: np.random.Generator, base: float) -> None:
    """Houses, trees, poles and signs, the far ones first."""
    count = int(rng.integers(4, 14))
    for distance in sorted(rng.uniform(10, 60, count), reverse=True):
        scale = camera.focal / distance
        x = rng.uniform(-0.1, 1.1) * canvas.width
        foot = base + scale * min(1.0, float(camera.position[1])) * 0.5
        kind = rng.random()
        if kind < 0.45:
            _house(canvas, rng, x, foot, scale)
        elif kind < 0.8:
            _tree(canvas, rng, x, foot, scale)
        elif kind < 0.9:
            _sign(canvas, rng, x, foot - scale * rng.uniform(2, 5), scale * rng.uniform(0.6, 3))
        else:
            _street_lamp(canvas, rng, x, foot, scale)


def _house(canvas: Canvas, rng: np.random.Generator, x: float, foot: float, scale: float) -> None:
    wide, tall = scale * rng.uniform(5, 18), scale * rng.uniform(3, 14)
    wall = rng.uniform(60, 230) + rng.normal(0, 22, 3)
    outline = _rectangle(x - wide / 2, foot - tall, x + wide / 2, foot)
    canvas.shade(outline, rgb(wall * 1.05), rgb(wall * 0.8))
    stains = noise(rng, "rough", 96, 96) * rng.uniform(0.03, 0.1)
    canvas.modulate(outline, np.clip(1 + stains, 0.4, 1.6))
    pane, gap = scale * rng.uniform(0.8, 1.8), scale * rng.uniform(1.8, 3.2)
    glass = rgb(rng.uniform(20, 110) + rng.normal(0, 8, 3))
    is_lit = rng.random() < 0.5
    roof = _rectangle(x - 0.52 * wide, foot - tall, x + 0.52 * wide, foot - tall + 0.3 * scale)
    canvas.fill(roof, rgb(wall * 0.6))
    for row in np.arange(foot - tall + 0.5 * gap, foot - gap, gap)[-7:]:
        for column in np.arange(x - wide / 2 + 0.4 * gap, x + wide / 2 - pane, gap)[:12]:
            frame = _rectangle(column, row, column + pane, row + 1.1 * pane)
            canvas.fill(frame, glass)
            canvas.stroke(frame, rgb(wall * 1.15), 0.08 * scale, closed=True)
            if is_lit and rng.random() < 0.25:
                glow = (0.9, 0.7, 0.4)
                canvas.glows.append(Glow(column + pane / 2, row + pane / 2, pane * 0.4, glow))


def _tree(canvas: Canvas, rng: np.random.Generator, x: float, foot: float, scale: float) -> None:
    tall, wide = scale * rng.uniform(2, 9), scale * rng.uniform(1.5, 6)
    trunk = _rectangle(x - 0.12 * scale, foot - 0.6 * tall, x + 0.12 * scale, foot)
    canvas.fill(trunk, (70, 58, 46))
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    lobes = 0.1 * np.sin(rng.integers(3, 7) * angle + rng.uniform(0, 6))
    radius = 1 + lobes + rng.normal(0, 0.07, angle.size)
    bottom = rng.uniform(0.0, 0.4)
    centre = foot - tall * (1 + bottom) / 2
    crown = np.column_stack(
        [
            x + radius * np.cos(angle) * wide / 2,
            centre + radius * np.sin(angle) * tall * (1 - bottom) / 2,
        ]
    )
    _leaves(canvas, crown.astype(np.float32), rng)


def _leaves(canvas: Canvas, points: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Fill a polygon with foliage: dark gaps, lit leaves."""
    light = noise(rng, "leaf", 160, 160) * 0.45 + noise(rng, "rough", 160, 160, zoom=2) * 0.5
    green = np.array([74, 96, 44]) * rng.uniform(0.5, 1.3) + rng.normal(0, 8, 3)
    canvas.cover(points, (green * np.clip(0.85 + light, 0.1, 2.2)[..., None]).astype(np.float32))


def _sign(canvas: Canvas, rng: np.random.Generator, x: float, y: float, wide: float) -> None:
    """A board with writing: looks a little like a plate and is none."""
    if wide < 4:
        return
    ground, ink = _SIGN_COLOURS[int(rng.integers(len(_SIGN_COLOURS)))]
    tall = wide * rng.uniform(0.2, 1.2)
    picture = np.full((80, 160, 3), ground, np.uint8)
    letters = np.zeros((80, 160), np.uint8)
    rows = int(rng.integers(1, 4))
    for row in range(rows):
        word = "".join(_LETTERS[i] for i in rng.integers(0, len(_LETTERS), rng.integers(3, 9)))
        top, bottom = 8 + row * 72 / rows, row * 72 / rows + 64 / rows
        letters = draw_text(letters, word, (10, top, 150, bottom), Typeface(0.16, 0.3))
    picture[letters > 127] = np.array(ink, np.uint8)
    rgba = np.dstack([picture, np.full((80, 160), 255, np.uint8)])
    corners = _rectangle(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
    canvas.warp_in(rgba, corners)


def _street_lamp(
    canvas: Canvas, rng: np.random.Generator, x: float, foot: float, scale: float
) -> None:
    top = foot - scale * rng.uniform(5, 9)
    canvas.stroke(np.array([[x, foot], [x, top]], np.float32), (70, 70, 72), 0.15 * scale)
    colour = ((1.4, 1.0, 0.5), (1.2, 1.25, 1.3), (0.3, 1.2, 0.7))[int(rng.integers(3))]
    canvas.glows.append(Glow(x, top, scale * rng.uniform(0.15, 0.5), colour))


def _distant_lights(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Lamps of the traffic, the shops and the streets around; they only shine after sunset."""
    colours = ((1.6, 0.2, 0.1), (1.5, 1.4, 1.2), (1.4, 0.9, 0.4), (0.2, 1.2, 0.8))
    for _ in range(int(rng.integers(0, 14))):
        x, y = rng.uniform(0, canvas.width), horizon + rng.normal(0, 0.1) * canvas.height
        radius = canvas.width * rng.uniform(0.002, 0.015)
        canvas.glows.append(Glow(x, y, radius, colours[int(rng.integers(4))]))


def _post(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    """A pole or a traffic sign beside the road, standing on the ground."""
    x, z = rng.choice((-1, 1)) * rng.uniform(2.5, 6), rng.uniform(4, 18)
    foot, top = camera.project(np.array([[x, 0, z], [x, rng.uniform(2, 7), z]]))
    scale = camera.scale_at((x, 0.0, z))
    grey = rng.uniform(50, 190)
    canvas.stroke(np.stack([foot, top]), (grey, grey, grey), 0.12 * scale)
    if rng.random() < 0.5:
        _sign(canvas, rng, float(top[0]), float(top[1]), scale * rng.uniform(0.4, 1.0))


def _passer_by(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    """Somebody standing or walking at the roadside."""
    x, z = rng.choice((-1, 1)) * rng.uniform(1.5, 6), rng.uniform(2, 20)
    foot, head = camera.project(np.array([[x, 0, z], [x, rng.uniform(1.5, 1.85), z]]))
    tall = float(foot[1] - head[1])
    if tall < 8:
        return
    middle, top, low = float(foot[0]), float(head[1]), float(foot[1])
    step = rng.uniform(0.03, 0.12) * tall
    trousers, shirt = rng.uniform(15, 130, 3), rng.uniform(20, 240, 3)
    for side in (-1, 1):
        leg = np.array([[middle, low - 0.5 * tall], [middle + side * step, low]], np.float32)
        canvas.stroke(leg, rgb(trousers), 0.09 * tall)
        arm = np.array(
            [[middle, low - 0.8 * tall], [middle + side * 1.6 * step, low - 0.48 * tall]],
            np.float32,
        )
        canvas.stroke(arm, rgb(shirt * 0.85), 0.06 * tall)
    torso = _rectangle(
        middle - 0.1 * tall, top + 0.16 * tall, middle + 0.1 * tall, low - 0.48 * tall
    )
    canvas.shade(torso, rgb(shirt), rgb(shirt * 0.7))
    skin = np.array([206, 160, 128]) * rng.uniform(0.4, 1.1)
    face = np.array([[middle, top + 0.06 * tall], [middle, top + 0.1 * tall]], np.float32)
    canvas.stroke(face, rgb(skin), 0.1 * tall)


def _rectangle(x1: float, y1: float, x2: float, y2: float) -> NDArray[np.float32]:
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)
