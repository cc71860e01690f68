"""Fractal noise that gives surfaces, leaves, clouds and dirt their irregularity.

A few large tiles are computed once per process from a fixed seed; what is random about a photo
is which part of which tile it cuts out, so that a patch costs a resize and no FFT.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Kind = Literal["cloud", "rough", "leaf", "grain"]

_TILE = 512  # pixels; a power of two keeps the FFT quick
_SLOPES: dict[Kind, float] = {"cloud": 1.9, "rough": 1.15, "leaf": 0.75, "grain": 0.2}
"""Exponent of 1/f^a amplitude: the larger, the smoother."""


def noise(
    rng: np.random.Generator, kind: Kind, height: int, width: int, zoom: float = 1.0
) -> NDArray[np.float32]:
    """A random patch of noise with mean 0 and deviation about 1, shape ``(height, width)``.

    Args:
        rng: Chooses the patch.
        kind: Smoothness.
        height: Rows.
        width: Columns.
        zoom: Pixels of the result per pixel of the tile.
    """
    tile = _tiles()[kind]
    rows = min(_TILE, max(2, round(height / zoom)))
    columns = min(_TILE, max(2, round(width / zoom)))
    top = int(rng.integers(0, _TILE - rows + 1))
    left = int(rng.integers(0, _TILE - columns + 1))
    part = tile[top : top + rows, left : left + columns][:: _sign(rng), :: _sign(rng)]
    resized = cv2.resize(np.ascontiguousarray(part), (width, height))
    return np.asarray(resized, np.float32)


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


@cache
def _tiles() -> dict[Kind, NDArray[np.float32]]:
    return {kind: _fractal(index, slope) for index, (kind, slope) in enumerate(_SLOPES.items())}


def _fractal(seed: int, slope: float) -> NDArray[np.float32]:
    """White noise filtered to a 1/f^slope spectrum."""
    white = np.random.default_rng(seed).standard_normal((_TILE, _TILE))
    fy = np.fft.fftfreq(_TILE)[:, None]
    fx = np.fft.rfftfreq(_TILE)[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1.0
    shaped = np.fft.irfft2(np.fft.rfft2(white) / frequency**slope, s=(_TILE, _TILE))
    shaped -= shaped.mean()
    return np.asarray(shaped / shaped.std(), np.float32)
