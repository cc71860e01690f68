"""A vector alphabet like the pressed type of licence plates: constant strokes with round ends.

Each character is one or more strokes on a unit square, ``x`` to the right and ``y`` down.
A stroke is a list of points; ``~x,y`` is the control point of a quadratic curve between
its neighbours. No font file is needed, so none has to be licensed or shipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

_ROUND = "0,.3 ~0,0 .5,0 ~1,0 1,.3 1,.7 ~1,1 .5,1 ~0,1 0,.7 0,.3"
_BOWL = "0,1 0,0 .55,0 ~1,0 1,.27 ~1,.54 .55,.54 0,.54"
_E = ("1,0 0,0 0,1 1,1", "0,.48 .85,.48")

STROKES: dict[str, tuple[str, ...]] = {
    "A": ("0,1 .5,0 1,1", ".17,.68 .83,.68"),
    "B": ("0,.48 .6,.48 ~1,.48 1,.25 ~1,0 .6,0 0,0 0,1 .6,1 ~1,1 1,.74 ~1,.48 .6,.48",),
    "C": ("1,.28 ~1,0 .5,0 ~0,0 0,.3 0,.7 ~0,1 .5,1 ~1,1 1,.72",),
    "D": ("0,0 .45,0 ~1,0 1,.35 1,.65 ~1,1 .45,1 0,1 0,0",),
    "E": _E,
    "É": (*_E, ".4,-.14 .7,-.28"),
    "F": ("1,0 0,0 0,1", "0,.48 .85,.48"),
    "G": ("1,.26 ~1,0 .5,0 ~0,0 0,.3 0,.7 ~0,1 .5,1 ~1,1 1,.7 1,.52 .55,.52",),
    "H": ("0,0 0,1", "1,0 1,1", "0,.5 1,.5"),
    "I": (".5,0 .5,1",),
    "J": ("1,0 1,.7 ~1,1 .5,1 ~0,1 0,.7",),
    "K": ("0,0 0,1", "1,0 0,.62", ".35,.42 1,1"),
    "L": ("0,0 0,1 1,1",),
    "M": ("0,1 0,0 .5,.55 1,0 1,1",),
    "N": ("0,1 0,0 1,1 1,0",),
    "O": (_ROUND,),
    "P": (_BOWL,),
    "Q": (_ROUND, ".6,.72 1,1"),
    "R": (_BOWL, ".5,.54 1,1"),
    "S": ("1,.25 ~1,0 .5,0 ~0,0 0,.25 ~0,.46 .5,.48 ~1,.5 1,.75 ~1,1 .5,1 ~0,1 0,.75",),
    "T": ("0,0 1,0", ".5,0 .5,1"),
    "U": ("0,0 0,.7 ~0,1 .5,1 ~1,1 1,.7 1,0",),
    "V": ("0,0 .5,1 1,0",),
    "W": ("0,0 .22,1 .5,.35 .78,1 1,0",),
    "X": ("0,0 1,1", "1,0 0,1"),
    "Y": ("0,0 .5,.5 1,0", ".5,.5 .5,1"),
    "Z": ("0,0 1,0 0,1 1,1",),
    "0": (_ROUND,),
    "1": (".15,.2 .6,0 .6,1",),
    "2": ("0,.28 ~0,0 .5,0 ~1,0 1,.28 ~1,.45 .68,.6 0,1 1,1",),
    "3": ("0,.25 ~0,0 .5,0 ~1,0 1,.25 ~1,.47 .45,.47 ~1,.47 1,.74 ~1,1 .5,1 ~0,1 0,.75",),
    "4": (".75,1 .75,0 0,.7 1,.7",),
    "5": (".95,0 .1,0 .05,.45 ~.2,.38 .5,.38 ~1,.38 1,.68 ~1,1 .5,1 ~0,1 0,.76",),
    "6": (".95,.22 ~.95,0 .5,0 ~0,0 0,.35 0,.7 ~0,1 .5,1 ~1,1 1,.7 ~1,.43 .5,.43 ~0,.43 0,.68",),
    "7": ("0,0 1,0 .35,1",),
    "8": (
        ".5,.47 ~.05,.47 .05,.23 ~.05,0 .5,0 ~.95,0 .95,.23 ~.95,.47 .5,.47 "
        "~0,.47 0,.73 ~0,1 .5,1 ~1,1 1,.73 ~1,.47 .5,.47",
    ),
    "9": (".05,.78 ~.05,1 .5,1 ~1,1 1,.65 1,.3 ~1,0 .5,0 ~0,0 0,.3 ~0,.57 .5,.57 ~1,.57 1,.32",),
    "-": (".1,.5 .9,.5",),
    " ": (),
}
_CURVE_STEPS = np.linspace(0.125, 1.0, 8, dtype=np.float32)[:, None]
_SUBPIXEL_BITS = 4  # OpenCV's fixed-point coordinates: 1/16 pixel


@dataclass(frozen=True, slots=True)
class Typeface:
    """Proportions of one cut of the alphabet."""

    stroke: float
    """Width of a stroke as a share of the letter height."""
    gap: float
    """Space between two characters as a share of the width of one."""


def draw_text(
    mask: NDArray[np.uint8], text: str, box: tuple[float, float, float, float], face: Typeface
) -> NDArray[np.uint8]:
    """Write ``text`` so that it fills ``box``.

    Args:
        mask: Grey picture to start from, shape ``(H, W)``.
        text: Characters of `STROKES`.
        box: ``x1, y1, x2, y2`` in pixels that the outer edges of the strokes touch.
        face: Proportions of the letters.

    Returns:
        A copy of ``mask`` with the letters at 255.

    Raises:
        KeyError: The alphabet has no such character.
    """
    drawn = mask.copy()
    x1, y1, x2, y2 = box
    thickness = max(1, round(face.stroke * (y2 - y1)))
    advance = (x2 - x1) / (len(text) - face.gap / (1 + face.gap))
    width = advance / (1 + face.gap)
    inset = thickness / 2
    size = np.array([max(width - thickness, 1), max(y2 - y1 - thickness, 1)], np.float32)
    for index, character in enumerate(text):
        corner = np.array([x1 + index * advance + inset, y1 + inset], np.float32)
        lines = [_fixed_point(stroke * size + corner) for stroke in _glyph(character)]
        cv2.polylines(drawn, lines, False, 255, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
    return drawn


@cache
def _glyph(character: str) -> tuple[NDArray[np.float32], ...]:
    return tuple(_flatten(stroke) for stroke in STROKES[character])


def _flatten(stroke: str) -> NDArray[np.float32]:
    """Turn a stroke in the notation of `STROKES` into a polyline, shape ``(N, 2)``."""
    points: list[NDArray[np.float32]] = []
    control: NDArray[np.float32] | None = None
    for word in stroke.split():
        point = np.array([word.lstrip("~").split(",")], np.float32)
        if word.startswith("~"):
            control = point
        elif control is None:
            points.append(point)
        else:
            start, t = points[-1][-1:], _CURVE_STEPS
            points.append((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * point)
            control = None
    return np.concatenate(points)


def _fixed_point(points: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.round(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
