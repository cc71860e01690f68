"""Vehicles in three dimensions: the face that carries the plate, one side, wheels and lamps.

A vehicle stands with its plate-carrying face towards the viewer. Points of the face are given as
``(x, y)`` in shares of its width and height (``x`` from the middle, ``y`` from the ground); how far
the face leans back at a height comes from the body's profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lightning_plates.data.synthetic.camera import Camera

Outline = tuple[tuple[float, float], ...]
BodyName = Literal["sedan", "hatch", "suv", "pickup", "van", "truck", "motorcycle"]


@dataclass(frozen=True, slots=True)
class Body:
    """Shape of one kind of vehicle; lengths in metres, outlines in shares."""

    width: tuple[float, float]
    """Range of the overall width."""
    height: tuple[float, float]
    """Range of the height of the roof."""
    length: float
    """Bumper to bumper."""
    half: Outline
    """Right half of the face's outline, from below upwards."""
    lean: Outline
    """``(y, z)``: how many metres the face lies behind the bumper at height ``y``."""
    glass: Outline
    """Right half of the window in the face, from below upwards."""
    side: Outline
    """Silhouette of the side: ``(share of the length, y)``."""
    side_glass: Outline
    """Windows in the side: ``(share of the length, y)``."""
    plate_y: tuple[float, float]
    """Range of the height of the plate's centre."""
    plate_x: float
    """Largest sideways offset of the plate's centre, as a share of the width."""
    share: float
    """How often it is drawn."""


_CAR_HALF = (
    (0.40, 0.14),
    (0.475, 0.17),
    (0.495, 0.28),
    (0.50, 0.42),
    (0.49, 0.55),
    (0.465, 0.63),
    (0.40, 0.80),
    (0.345, 0.94),
    (0.27, 0.985),
    (0.0, 1.0),
)
_BOX_HALF = (
    (0.42, 0.13),
    (0.48, 0.15),
    (0.50, 0.25),
    (0.50, 0.50),
    (0.485, 0.62),
    (0.45, 0.82),
    (0.41, 0.95),
    (0.33, 0.99),
    (0.0, 1.0),
)
_CARGO_HALF = (
    (0.44, 0.12),
    (0.48, 0.14),
    (0.50, 0.2),
    (0.50, 0.93),
    (0.48, 0.985),
    (0.42, 1.0),
    (0.0, 1.0),
)

BODIES: dict[BodyName, Body] = {
    "sedan": Body(
        (1.68, 1.85), (1.40, 1.50), 4.5, _CAR_HALF,
        ((0.14, 0.1), (0.25, 0.0), (0.42, 0.0), (0.6, 0.1), (0.64, 0.5), (0.97, 1.1), (1, 1.2)),
        ((0.40, 0.67), (0.36, 0.82), (0.29, 0.935), (0.0, 0.95)),
        ((0.0, 0.2), (0.0, 0.55), (0.1, 0.64), (0.26, 0.98), (0.6, 1.0), (0.75, 0.68), (0.97, 0.58),
         (1.0, 0.3), (0.98, 0.16), (0.0, 0.16)),
        ((0.2, 0.68), (0.3, 0.92), (0.58, 0.93), (0.7, 0.68)),
        (0.33, 0.52), 0.02, 3.0,
    ),
    "hatch": Body(
        (1.62, 1.8), (1.45, 1.58), 3.9, _BOX_HALF,
        ((0.13, 0.08), (0.25, 0.0), (0.40, 0.0), (0.58, 0.06), (0.95, 0.38), (1, 0.5)),
        ((0.41, 0.62), (0.39, 0.78), (0.33, 0.9), (0.0, 0.92)),
        ((0.0, 0.2), (0.01, 0.55), (0.1, 0.96), (0.5, 1.0), (0.7, 0.68), (0.97, 0.58), (1.0, 0.3),
         (0.98, 0.16), (0.0, 0.16)),
        ((0.08, 0.66), (0.14, 0.9), (0.5, 0.92), (0.65, 0.66)),
        (0.33, 0.56), 0.03, 3.0,
    ),
    "suv": Body(
        (1.78, 1.98), (1.65, 1.88), 4.6, _BOX_HALF,
        ((0.13, 0.08), (0.22, 0.0), (0.36, 0.0), (0.4, 0.06), (0.58, 0.1), (0.95, 0.38), (1, 0.5)),
        ((0.41, 0.60), (0.40, 0.78), (0.35, 0.9), (0.0, 0.92)),
        ((0.0, 0.2), (0.01, 0.55), (0.07, 0.97), (0.6, 1.0), (0.73, 0.66), (0.97, 0.6), (1.0, 0.3),
         (0.98, 0.16), (0.0, 0.16)),
        ((0.06, 0.64), (0.1, 0.9), (0.58, 0.92), (0.69, 0.64)),
        (0.30, 0.55), 0.14, 3.0,
    ),
    "pickup": Body(
        (1.75, 1.95), (1.7, 1.88), 5.2, _BOX_HALF,
        ((0.13, 0.15), (0.2, 0.0), (0.33, 0.0), (0.35, 0.08), (0.58, 0.10), (0.6, 1.5), (0.95, 1.8),
         (1, 1.9)),
        ((0.38, 0.64), (0.38, 0.78), (0.34, 0.91), (0.0, 0.92)),
        ((0.0, 0.25), (0.02, 0.58), (0.3, 0.6), (0.33, 0.97), (0.62, 1.0), (0.74, 0.66),
         (0.97, 0.6), (1.0, 0.3), (0.98, 0.2), (0.0, 0.2)),
        ((0.36, 0.66), (0.37, 0.9), (0.6, 0.92), (0.7, 0.66)),
        (0.25, 0.50), 0.04, 2.0,
    ),
    "van": Body(
        (1.7, 2.05), (1.95, 2.5), 5.0, _CARGO_HALF,
        ((0.12, 0.06), (0.2, 0.0), (0.3, 0.0), (0.5, 0.04), (1, 0.15)),
        ((0.40, 0.56), (0.40, 0.78), (0.36, 0.86), (0.0, 0.87)),
        ((0.0, 0.15), (0.02, 0.97), (0.7, 1.0), (0.85, 0.6), (0.99, 0.45), (1.0, 0.14), (0, 0.12)),
        ((0.06, 0.58), (0.06, 0.85), (0.7, 0.86), (0.8, 0.58)),
        (0.20, 0.42), 0.15, 1.3,
    ),
    "truck": Body(
        (2.2, 2.5), (2.8, 3.6), 8.0, _CARGO_HALF,
        ((0.12, 0.2), (0.14, 0.0), (0.22, 0.0), (0.24, 0.1), (1, 0.1)),
        ((0.36, 0.6), (0.36, 0.8), (0.3, 0.84), (0.0, 0.84)),
        ((0.0, 0.2), (0.0, 1.0), (0.98, 1.0), (1.0, 0.12), (0.0, 0.14)),
        (),
        (0.13, 0.24), 0.2, 0.9,
    ),
    "motorcycle": Body(
        (0.30, 0.42), (0.98, 1.15), 2.0,
        ((0.1, 0.36), (0.2, 0.45), (0.34, 0.6), (0.5, 0.72), (0.5, 0.8), (0.36, 0.92), (0, 1.0)),
        ((0.2, 0.1), (0.6, 0.1), (0.8, 0.05), (1, 0.3)),
        (), (), (), (0.5, 0.62), 0.0, 0.9,
    ),
}  # fmt: skip
"""Typical outer dimensions of the vehicles on Central American roads."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle and where it stands."""

    name: BodyName
    """Key of `BODIES`."""
    is_front: bool
    """Whether the face is the front."""
    width: float
    """Metres."""
    height: float
    """Metres."""
    origin: tuple[float, float, float]
    """Point of the ground below the middle of the bumper."""
    heading: float
    """Turn about the vertical axis, in radians."""
    paint: tuple[float, float, float]
    """Colour of the body, RGB."""

    @property
    def body(self) -> Body:
        """Its shape."""
        return BODIES[self.name]

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """World coordinates of points in metres relative to the vehicle, shape ``(N, 3)``."""
        cosine, sine = np.cos(self.heading), np.sin(self.heading)
        turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
        return np.asarray(points @ turn.T + np.array(self.origin))

    def face(self, outline: Outline, lift: float = 0.0) -> NDArray[np.float64]:
        """World coordinates of face points in shares; ``lift`` metres in front of the body."""
        xy = np.array(outline, float)
        y_known, z_known = np.array(self.body.lean).T
        z = np.interp(xy[:, 1], y_known, z_known) - lift
        return self.place(np.column_stack([xy[:, 0] * self.width, xy[:, 1] * self.height, z]))

    def side(self, outline: Outline, sign: int) -> NDArray[np.float64]:
        """World coordinates of points ``(share of the length, y)`` of the side at ``sign``."""
        zy = np.array(outline, float)
        inward = np.clip(zy[:, 1] - 0.6, 0, 1) * 0.3  # cabins narrow towards the roof
        x = sign * (0.49 - inward) * self.width
        return self.place(np.column_stack([x, zy[:, 1] * self.height, zy[:, 0] * self.body.length]))

    def plate_corners(
        self, centre: tuple[float, float], size_mm: tuple[int, int]
    ) -> NDArray[np.float64]:
        """Corners (tl, tr, br, bl) of a plate on the face, shape ``(4, 3)``.

        Args:
            centre: ``(x, y)`` in shares of the vehicle's width and height.
            size_mm: Width and height of the plate.
        """
        x, y = centre[0] * self.width, centre[1] * self.height
        half_w, half_h = size_mm[0] / 2000, size_mm[1] / 2000
        rows = ((y + half_h) / self.height, (y - half_h) / self.height)
        y_known, z_known = np.array(self.body.lean).T
        top, bottom = np.interp(rows, y_known, z_known)
        # A plate is flat and hardly leans, whatever the body behind it does.
        lean = float(np.clip(top - bottom, -0.03, 0.05))
        front = float(np.interp(centre[1], y_known, z_known)) - 0.02
        return self.place(
            np.array(
                [
                    [x - half_w, y + half_h, front + lean / 2],
                    [x + half_w, y + half_h, front + lean / 2],
                    [x + half_w, y - half_h, front - lean / 2],
                    [x - half_w, y - half_h, front - lean / 2],
                ]
            )
        )


def mirrored(half: Outline) -> Outline:
    """A closed outline from its right half."""
    return half + tuple((-x, y) for x, y in reversed(half))


def rounded(points: NDArray[np.float32], rounds: int = 2, cut: float = 0.25) -> NDArray[np.float32]:
    """Cut the corners of a polygon (Chaikin), shape ``(N, 2)`` to ``(N * 2**rounds, 2)``.

    Args:
        points: The polygon.
        rounds: How often; each time doubles the corners.
        cut: Share of each side that is cut off at both its ends in the first round.
    """
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        pairs = np.stack(
            [points + cut * (following - points), following - cut * (following - points)], 1
        )
        points = pairs.reshape(-1, 2).astype(np.float32)
        cut = 0.25
    return points


def box(x: float, y: float, half_width: float, half_height: float) -> Outline:
    """A rectangle around ``(x, y)``."""
    left, right, low, high = x - half_width, x + half_width, y - half_height, y + half_height
    return ((left, high), (right, high), (right, low), (left, low))


_PAINTS: tuple[tuple[tuple[float, float, float], float], ...] = (
    ((235, 235, 232), 22), ((190, 192, 195), 18), ((120, 124, 128), 14), ((28, 29, 32), 18),
    ((150, 22, 28), 9), ((30, 52, 110), 8), ((70, 100, 150), 4), ((24, 60, 42), 3),
    ((205, 180, 140), 4), ((225, 170, 30), 3), ((110, 62, 36), 3), ((230, 90, 30), 1),
)  # fmt: skip
"""Body colours with how common they are."""


def random_vehicle(
    rng: np.random.Generator,
    names: tuple[BodyName, ...],
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    heading: float = 0.0,
) -> Vehicle:
    """Draw a vehicle of one of the kinds ``names``."""
    shares = np.array([BODIES[name].share for name in names])
    name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    body = BODIES[name]
    weights = np.array([weight for _, weight in _PAINTS])
    paint = np.array(_PAINTS[int(rng.choice(len(_PAINTS), p=weights / weights.sum()))][0])
    red, green, blue = np.clip(paint * rng.uniform(0.8, 1.1) + rng.normal(0, 6, 3), 8, 245)
    return Vehicle(
        name=name,
        is_front=name not in {"truck", "motorcycle"} and bool(rng.random() < 0.3),
        width=float(rng.uniform(*body.width)),
        height=float(rng.uniform(*body.height)),
        origin=origin,
        heading=heading,
        paint=(float(red), float(green), float(blue)),
    )


def visible_side(vehicle: Vehicle, camera: Camera) -> int:
    """+1 or -1 for the side that the camera sees, 0 for none."""
    for sign in (1, -1):
        edge = vehicle.place(np.array([[sign * vehicle.width / 2, 0.5, 0.0]]))[0]
        normal = vehicle.place(np.array([[sign * (vehicle.width / 2 + 1), 0.5, 0.0]]))[0] - edge
        if float((camera.position - edge) @ normal) > 0.05:
            return sign
    return 0
