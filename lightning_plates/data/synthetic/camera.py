"""A pinhole camera that orbits a point of the scene.

World axes in metres: ``x`` to the right, ``y`` up from the ground, ``z`` away from the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NEAREST = 0.05  # metres; points closer than this are pushed away so that projecting them is safe


@dataclass(frozen=True, slots=True)
class Camera:
    """Projects points of the world into the photo."""

    axes: NDArray[np.float64]
    """Rows are the camera's right, up and forward directions, shape ``(3, 3)``."""
    position: NDArray[np.float64]
    """Place of the lens in metres, shape ``(3,)``."""
    focal: float
    """Focal length in pixels."""
    centre: tuple[float, float]
    """Pixel that the optical axis meets."""

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        """Pixels of world ``points``, from shape ``(N, 3)`` to ``(N, 2)``."""
        seen = (np.asarray(points, np.float64) - self.position) @ self.axes.T
        depth = np.maximum(seen[:, 2:], _NEAREST)
        flat = seen[:, :2] / depth * self.focal * (1, -1) + self.centre
        return flat.astype(np.float32)

    def scale_at(self, point: tuple[float, float, float]) -> float:
        """Pixels per metre at ``point``."""
        depth = float((np.asarray(point) - self.position) @ self.axes[2])
        return self.focal / max(depth, _NEAREST)

    def ground(self) -> NDArray[np.float64]:
        """Homography from ground coordinates ``(x, z, 1)`` to pixels, shape ``(3, 3)``."""
        intrinsic = np.array(
            [[self.focal, 0, self.centre[0]], [0, -self.focal, self.centre[1]], [0, 0, 1]]
        )
        offset = -self.axes @ self.position
        return intrinsic @ np.column_stack([self.axes[:, 0], self.axes[:, 2], offset])

    def horizon(self, width: int) -> tuple[float, float]:
        """Row of the horizon at the left and at the right edge of a photo ``width`` wide."""
        # A direction (a, b, 1) of camera space is level when its world y component is 0.
        ax, ay, az = self.axes[:, 1]
        columns = (np.array([0.0, width]) - self.centre[0]) / self.focal
        up = -(ax * columns + az) / max(ay, 1e-6)
        left, right = self.centre[1] - self.focal * up
        return float(left), float(right)


def orbit(
    target: tuple[float, float, float],
    distance: float,
    angles_deg: tuple[float, float, float],
    focal: float,
    centre: tuple[float, float],
) -> Camera:
    """A camera that looks at ``target``.

    Args:
        target: Point in metres that falls on ``centre``.
        distance: From the lens to the target, in metres.
        angles_deg: Yaw (positive: from the right), elevation and roll.
        focal: Focal length in pixels.
        centre: Pixel of the target.
    """
    yaw, elevation, roll = np.radians(angles_deg)
    away = np.array(
        [np.sin(yaw) * np.cos(elevation), np.sin(elevation), -np.cos(yaw) * np.cos(elevation)]
    )
    forward = -away
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    up = np.cross(forward, right)
    turned = np.cos(roll) * right + np.sin(roll) * up, np.cos(roll) * up - np.sin(roll) * right
    axes = np.stack([*turned, forward])
    return Camera(axes, np.asarray(target) + distance * away, focal, centre)
