"""Random square windows around plates, and elsewhere: what the dense detector trains on.

A window is cut, stretched, turned and mirrored in one warp, so pixels are interpolated once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lightning_plates.boxes import FloatArray, box_areas, clip_boxes
from lightning_plates.data.windows.photos import PhotoPool, WindowPhoto
from lightning_plates.errors import ConfigError
from lightning_plates.photos import RgbImage
from lightning_plates.processing import PADDING_GREY

PLATE, UNCOUNTED = 1, -1
"""Kinds of a box: a plate to find, or one that may be found or not."""

Matrix = NDArray[np.float64]
"""Affine map, shape ``(2, 3)``, from pixels of the photo to pixels of the window."""


@dataclass(frozen=True)
class WindowRanges:
    """How windows are drawn."""

    size: int = 320
    """Side of the window, in pixels."""
    plate_share: tuple[float, float] = (0.035, 0.45)
    """Width of the plate as a share of the window's; drawn log-uniformly."""
    close_up: float = 0.08
    """Share of the windows with a plate of up to :attr:`close_up_share` of their width."""
    close_up_share: float = 0.92
    """Widest plate, as a share of the window."""
    empty: float = 0.12
    """Share of the windows that are placed without regard to plates."""
    mosaic: float = 0.12
    """Share of the windows that are put together from four."""
    angle_deg: float = 4.0
    """Largest turn to either side."""
    max_zoom: float = 5.0
    """A pixel of the photo covers at most this many of the window."""
    max_padding: float = 1.15
    """Side of the window as a multiple of the photo's longer side, at most."""
    min_width: float = 7.0
    """Plates of fewer pixels are neither asked for nor punished."""
    min_visible: float = 0.6
    """Plates of which less can be seen are neither asked for nor punished."""

    def __post_init__(self) -> None:
        """See that windows can be drawn.

        Raises:
            ConfigError: A value is out of its range.
        """
        low, high = self.plate_share
        rules = {
            "size": self.size >= 32 and self.size % 2 == 0,
            "plate_share": 0 < low <= high <= self.close_up_share,
            "close_up_share": self.close_up_share < math.inf,
            "max_zoom": 0 < self.max_zoom < math.inf,
            "max_padding": 0 < self.max_padding < math.inf,
            "angle_deg": 0 <= self.angle_deg <= 360,
        }
        for name, holds in rules.items():
            if not holds:
                raise ConfigError(f"ranges: {name} {getattr(self, name)} is out of its range")


@dataclass(frozen=True, slots=True)
class Window:
    """A training example."""

    image: RgbImage
    """RGB, shape ``(size, size, 3)``."""
    boxes: FloatArray
    """``x1, y1, x2, y2`` in pixels of the window, shape ``(M, 4)``."""
    kinds: NDArray[np.int64]
    """:data:`PLATE` or :data:`UNCOUNTED`, shape ``(M,)``."""


def draw_window(pool: PhotoPool, ranges: WindowRanges, rng: np.random.Generator) -> Window:
    """Cut one window out of a random photo, or four as a mosaic."""
    if rng.random() < ranges.mosaic:
        half = ranges.size // 2
        return _join([_draw_single(pool, ranges, half, rng) for _ in range(4)])
    return _draw_single(pool, ranges, ranges.size, rng)


def cut_window(photo: WindowPhoto, matrix: Matrix, ranges: WindowRanges, size: int) -> Window:
    """Warp a window of ``size`` pixels out of a photo.

    Args:
        photo: The photo and its plates.
        matrix: From pixels of the photo's full size to pixels of the window.
        ranges: Which plates count.
        size: Side of the window, in pixels.
    """
    shrink = 1 / math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    level = min(max(0, round(math.log2(max(shrink, 1.0)))), len(photo.levels) - 1)
    source = photo.levels[level]
    ratio = photo.levels[0].shape[1] / source.shape[1], photo.levels[0].shape[0] / source.shape[0]
    warp = matrix @ np.diag([*ratio, 1.0])
    # warpAffine maps pixel centres; boxes use pixel edges.
    warp[:, 2] += warp[:, :2] @ np.array([0.5, 0.5]) - 0.5
    grey = (PADDING_GREY,) * 3
    image = cv2.warpAffine(source, warp, (size, size), flags=cv2.INTER_LINEAR, borderValue=grey)
    boxes = warp_boxes(np.concatenate([photo.boxes, photo.unlabelled]), matrix)
    boxes, kinds = _label(boxes, np.arange(len(boxes)) < len(photo.boxes), ranges, size)
    return Window(np.asarray(image, dtype=np.uint8), boxes, kinds)


def warp_boxes(boxes: FloatArray, matrix: Matrix) -> FloatArray:
    """Boxes around the warped corners of ``boxes``, shape ``(M, 4)``."""
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    moved = corners @ matrix[:, :2].T + matrix[:, 2]
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)


def _draw_single(
    pool: PhotoPool, ranges: WindowRanges, size: int, rng: np.random.Generator
) -> Window:
    if rng.random() < ranges.empty or not len(pool.plates):
        photo = pool.photos[rng.integers(len(pool.photos))]
        span = max(photo.size) * rng.uniform(0.3, 1.1)
        focus = np.array(photo.size) * rng.random(2)
    else:
        index, which = pool.plates[rng.integers(len(pool.plates))]
        photo = pool.photos[index]
        span, focus = _around_plate(photo, photo.boxes[which], ranges, size, rng)
    matrix = _random_matrix(span, focus, pool.source.stretch, ranges, size, rng)
    return cut_window(photo, matrix, ranges, size)


def _around_plate(
    photo: WindowPhoto, box: FloatArray, ranges: WindowRanges, size: int, rng: np.random.Generator
) -> tuple[float, FloatArray]:
    """Side of the window in pixels of the photo, and its centre."""
    width = max(float(box[2] - box[0]), 2.0)
    low, high = ranges.plate_share
    if rng.random() < ranges.close_up:
        low, high = high, ranges.close_up_share
    share = math.exp(rng.uniform(math.log(low), math.log(high)))
    # A smaller window, as in a mosaic, shows plates of the same size in pixels.
    share = min(share * ranges.size / size, ranges.close_up_share)
    span = width / share
    span = min(max(span, size / ranges.max_zoom), max(photo.size) * ranges.max_padding)
    slack = max(span - width, 0.0) / 2
    centre = (box[:2] + box[2:]) / 2 + rng.uniform(-slack, slack, size=2)
    return span, _keep_inside(centre, span, photo.size) if rng.random() < 0.7 else centre


def _keep_inside(centre: FloatArray, span: float, size: tuple[int, int]) -> FloatArray:
    """Move the window so that it shows as little padding as possible."""
    sides = np.array(size, dtype=np.float64)
    low = np.minimum(span / 2, sides / 2)
    moved: FloatArray = np.clip(centre, low, sides - low)
    return moved


def _random_matrix(
    span: float,
    focus: FloatArray,
    stretch: tuple[float, float],
    ranges: WindowRanges,
    size: int,
    rng: np.random.Generator,
) -> Matrix:
    """Scale, stretch, mirror and turn about ``focus``, which becomes the window's middle."""
    zoom = size / span
    aspect = math.exp(rng.uniform(math.log(stretch[0]), math.log(stretch[1])))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    angle = math.radians(rng.uniform(-ranges.angle_deg, ranges.angle_deg))
    if rng.random() < 0.5:
        angle = 0.0
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = turn @ np.diag([zoom * math.sqrt(aspect) * mirror, zoom / math.sqrt(aspect)])
    shift = np.array([size / 2, size / 2]) - linear @ focus
    return np.concatenate([linear, shift[:, None]], axis=1)


def _label(
    boxes: FloatArray, labelled: NDArray[np.bool_], ranges: WindowRanges, size: int
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Cut boxes at the window's edges and say which count; those outside are dropped."""
    cut = clip_boxes(boxes, size, size)
    visible = box_areas(cut) / np.maximum(box_areas(boxes), 1e-6)
    seen = visible > 0
    large = (cut[:, 2] - cut[:, 0]) >= ranges.min_width
    counts = labelled & large & (visible >= ranges.min_visible)
    kinds = np.where(counts, PLATE, UNCOUNTED).astype(np.int64)
    return cut[seen], kinds[seen]


def _join(quarters: list[Window]) -> Window:
    """Put four windows together, two by two."""
    size = len(quarters[0].image)
    rows = [np.concatenate([q.image for q in quarters[i : i + 2]], axis=1) for i in (0, 2)]
    shifts = [np.array([x, y, x, y]) for y in (0.0, size) for x in (0.0, size)]
    boxes = [q.boxes + shift for q, shift in zip(quarters, shifts, strict=True)]
    return Window(
        np.concatenate(rows, axis=0),
        np.concatenate(boxes, axis=0),
        np.concatenate([q.kinds for q in quarters]),
    )
