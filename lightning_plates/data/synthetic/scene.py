"""Composes one photo: vehicles in their surroundings, a plate on them, light and camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_plates.data.synthetic.background import paint_background
from lightning_plates.data.synthetic.camera import Camera, orbit
from lightning_plates.data.synthetic.canvas import Canvas, Glow
from lightning_plates.data.synthetic.light import (
    Conditions,
    illuminate,
    photograph,
    random_conditions,
)
from lightning_plates.data.synthetic.plate_look import random_look, render_plate
from lightning_plates.data.synthetic.plates import CLASSES, Plate, random_plate
from lightning_plates.data.synthetic.vehicle_paint import paint_vehicle
from lightning_plates.data.synthetic.vehicles import BodyName, Vehicle, random_vehicle

Corners = NDArray[np.float32]

_CARS: tuple[BodyName, ...] = ("sedan", "hatch", "suv", "pickup", "van", "truck")
_ASPECTS = ((4, 3), (16, 9), (3, 2), (1, 1), (3, 4))
_ASPECT_SHARES = (0.4, 0.25, 0.15, 0.1, 0.1)


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """What the photos of a set have in common."""

    size: int = 640
    """Long side of a photo in pixels."""
    plate_width: tuple[float, float] = (0.04, 0.45)
    """Range of the main plate's width as a share of the photo's width; drawn log-uniformly."""
    negatives: float = 0.0
    """Share of the photos that show no plate."""
    several: float = 0.1
    """Share of the photos in which other vehicles may show a plate, too."""


@dataclass(frozen=True, slots=True)
class PlacedPlate:
    """A plate in a photo."""

    corners: Corners
    """Top left, top right, bottom right, bottom left in pixels, shape ``(4, 2)``; may lie outside
    the photo."""
    text: str
    """Characters without separators."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A finished photo."""

    pixels: NDArray[np.uint8]
    """RGB, shape ``(H, W, 3)``."""
    plates: tuple[PlacedPlate, ...]
    """The plates that can be seen."""


def compose(rng: np.random.Generator, options: SceneOptions) -> Scene:
    """Draw one photo; the same generator state and options give the same photo."""
    width, height = _photo_size(rng, options.size)
    plate = random_plate(rng)
    names: tuple[BodyName, ...] = ("motorcycle",) if plate.kind.is_motorcycle else _CARS
    main = random_vehicle(rng, names)
    centre = _plate_centre(rng, main)
    camera = _camera(rng, main, centre, plate, options, (width, height))
    conditions = random_conditions(rng)
    is_negative = bool(rng.random() < options.negatives)
    canvas = Canvas(np.zeros((height, width, 3), np.uint8))
    paint_background(canvas, camera, rng)
    others = _other_vehicles(rng, camera, main)
    show_several = not is_negative and bool(rng.random() < options.several)
    placed = _paint_others(canvas, camera, [*others, main], rng, conditions, show_several)
    lamps_on = conditions.hour != "day" and bool(rng.random() < 0.8)
    if is_negative:
        if rng.random() < 0.6:
            paint_vehicle(canvas, camera, main, rng, lamps_on=lamps_on)
    else:
        paint_vehicle(canvas, camera, main, rng, centre, lamps_on)
        placed = [_mount(canvas, camera, main, centre, plate, rng), *placed]
        _occlude(canvas, placed[0], rng)
    quads = [item.corners for item in placed]
    lit = illuminate(canvas, quads, conditions, rng)
    smallest = min((_width_px(quad) for quad in quads), default=0.1 * width)
    return Scene(photograph(lit, smallest, conditions, rng), tuple(placed))


def _photo_size(rng: np.random.Generator, long_side: int) -> tuple[int, int]:
    wide, tall = _ASPECTS[int(rng.choice(len(_ASPECTS), p=_ASPECT_SHARES))]
    scale = long_side / max(wide, tall)
    return round(wide * scale), round(tall * scale)


def _plate_centre(rng: np.random.Generator, vehicle: Vehicle) -> tuple[float, float]:
    """Where the plate sits, in shares of the vehicle's width and height."""
    body = vehicle.body
    if vehicle.is_front:
        return float(rng.normal(0, 0.01)), float(rng.uniform(0.4, 0.55) / vehicle.height)
    is_central = rng.random() < 0.7
    x = rng.normal(0, 0.006) if is_central else rng.uniform(-body.plate_x, body.plate_x)
    return float(x), float(rng.uniform(*body.plate_y))


def _camera(
    rng: np.random.Generator,
    vehicle: Vehicle,
    centre: tuple[float, float],
    plate: Plate,
    options: SceneOptions,
    photo: tuple[int, int],
) -> Camera:
    """A view in which the plate has the wanted width and lies inside the photo."""
    width, height = photo
    share = float(np.exp(rng.uniform(*np.log(options.plate_width))))
    focal = float(max(photo) * rng.uniform(0.9, 2.0))
    yaw = float(np.clip(rng.normal(0, 22), -50, 50))
    plate_m = plate.kind.size_mm[0] / 1000
    distance = focal * plate_m * np.cos(np.radians(yaw)) / (share * width)
    target = vehicle.place(
        np.array([[centre[0] * vehicle.width, centre[1] * vehicle.height, 0.0]])
    )[0]
    eye = rng.uniform(3, 6) if rng.random() < 0.08 else rng.uniform(0.7, 1.8)
    elevation = float(np.degrees(np.arctan2(eye - target[1], distance)))
    elevation = float(np.clip(elevation, -8, 30) + rng.normal(0, 1))
    roll = float(rng.normal(0, 7 if rng.random() < 0.12 else 2))
    half_w = 0.53 * share
    half_h = 0.56 * share * width * plate.kind.size_mm[1] / plate.kind.size_mm[0] / height
    x = half_w + (1 - 2 * half_w) * rng.beta(2.2, 2.2)
    y = half_h + (1 - 2 * half_h) * rng.beta(3.2, 2.0)
    pixel = (float(x * width), float(y * height))
    return orbit((*target,), float(distance), (yaw, elevation, roll), focal, pixel)


def _other_vehicles(rng: np.random.Generator, camera: Camera, main: Vehicle) -> list[Vehicle]:
    """Vehicles beside and behind the main one, the farthest first."""
    vehicles = []
    for lane in rng.choice((-2, -1, 1, 2), int(rng.integers(0, 4)), replace=False):
        x = float(lane * rng.uniform(2.5, 3.6))
        z = float(rng.uniform(-0.5, 14))
        if camera.scale_at((x, 0.0, z)) > 0.6 * camera.focal:
            continue  # so close that it would fill the photo
        heading = float(rng.normal(0, 0.1))
        if rng.random() < 0.15:  # crosses the road behind the main vehicle
            heading, z = np.pi / 2, main.body.length + float(rng.uniform(2, 9))
        vehicles.append(random_vehicle(rng, _CARS, (x, 0.0, z), heading))
    return sorted(vehicles, key=lambda vehicle: -vehicle.origin[2])


def _paint_others(
    canvas: Canvas,
    camera: Camera,
    vehicles: list[Vehicle],
    rng: np.random.Generator,
    conditions: Conditions,
    show_plates: bool,
) -> list[PlacedPlate]:
    """Paint all but the last vehicle; plates only where no nearer vehicle can hide them."""
    placed = []
    for index, vehicle in enumerate(vehicles[:-1]):
        lamps_on = conditions.hour != "day" and bool(rng.random() < 0.8)
        centre = _plate_centre(rng, vehicle)
        paint_vehicle(canvas, camera, vehicle, rng, centre, lamps_on)
        plate = random_plate(rng, CLASSES[:-1])
        quad = camera.project(vehicle.plate_corners(centre, plate.kind.size_mm))
        hidden = any(_overlap(quad, _silhouette(camera, near)) for near in vehicles[index + 1 :])
        if show_plates and not hidden and _is_legible(quad, canvas):
            placed.append(_mount(canvas, camera, vehicle, centre, plate, rng))
    return placed


def _mount(
    canvas: Canvas,
    camera: Camera,
    vehicle: Vehicle,
    centre: tuple[float, float],
    plate: Plate,
    rng: np.random.Generator,
) -> PlacedPlate:
    """Screw a plate to the face of a painted vehicle."""
    corners = camera.project(vehicle.plate_corners(centre, plate.kind.size_mm))
    wide = _width_px(corners)
    canvas.shadow(corners + np.float32(0.02 * wide), rng.uniform(0.4, 0.8), 0.02 * wide)
    look = random_look(rng, plate)
    picture = render_plate(plate, look, int(np.clip(1.3 * wide, 120, 900)), rng)
    canvas.warp_in(picture, corners)
    slope = np.linspace(rng.uniform(0.75, 1.05), rng.uniform(0.75, 1.05), 16, dtype=np.float32)
    canvas.modulate(corners, np.tile(slope[:, None], (1, 16)))
    if rng.random() < 0.08:
        _glare(canvas, corners, rng)
    return PlacedPlate(corners, plate.text)


def _glare(canvas: Canvas, corners: Corners, rng: np.random.Generator) -> None:
    """The sun's reflection on part of the sheet."""
    y, x = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-1, 1, 32), indexing="ij")
    cx, cy = rng.uniform(-1, 1, 2)
    spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / rng.uniform(0.05, 0.5))
    canvas.modulate(corners, (1 + rng.uniform(0.3, 1.5) * spot).astype(np.float32))
    middle = corners.mean(axis=0)
    glow = (0.6, 0.58, 0.5)
    canvas.glows.append(Glow(float(middle[0]), float(middle[1]), 0.2 * _width_px(corners), glow))


def _occlude(canvas: Canvas, plate: PlacedPlate, rng: np.random.Generator) -> None:
    """Sometimes lay a tow bar, a strap or a twig over at most a third of the plate."""
    if rng.random() > 0.08:
        return
    corners = plate.corners
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    wide = _width_px(corners)
    start, slant = rng.uniform(0.05, 0.95), rng.normal(0, 0.15)
    top = corners[0] + start * across - 0.5 * down
    low = corners[3] + (start + slant) * across + rng.uniform(-0.4, 0.8) * down
    grey = float(rng.uniform(15, 110))
    canvas.stroke(np.stack([top, low]), (grey, grey, grey), wide * rng.uniform(0.02, 0.16))


def _silhouette(camera: Camera, vehicle: Vehicle) -> Corners:
    """Pixels of the eight corners of the box around a vehicle."""
    half, tall, long = vehicle.width / 2, vehicle.height, vehicle.body.length
    corners = np.array([[x, y, z] for x in (-half, half) for y in (0, tall) for z in (0, long)])
    return camera.project(vehicle.place(corners))


def _overlap(first: Corners, second: Corners) -> bool:
    """Whether the bounding boxes of two sets of points meet."""
    low = np.maximum(first.min(axis=0), second.min(axis=0))
    high = np.minimum(first.max(axis=0), second.max(axis=0))
    return bool((high > low).all())


def _is_legible(corners: Corners, canvas: Canvas) -> bool:
    """Whether a plate is large enough, seen from the front, and wholly inside the photo."""
    size = np.array([canvas.width, canvas.height])
    is_inside = bool((corners >= 0).all() and (corners <= size).all())
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    is_front = float(across[0] * down[1] - across[1] * down[0]) > 0
    return is_inside and is_front and _width_px(corners) >= 0.025 * canvas.width


def _width_px(corners: Corners) -> float:
    return float(np.linalg.norm(corners[1] - corners[0]))
