"""Paints a motorcycle from behind, with or without a rider."""

from __future__ import annotations

import numpy as np

from lightning_plates.data.synthetic.brush import Brush, light_up, reflections
from lightning_plates.data.synthetic.canvas import rgb
from lightning_plates.data.synthetic.vehicles import box, rounded


def paint_motorcycle(brush: Brush) -> None:
    """Paint the whole motorcycle, the far parts first."""
    canvas, rng = brush.canvas, brush.rng
    tyre = brush.face(box(0, 0.29, 0.16, 0.29), -0.1)
    canvas.shade(rounded(tyre), (38, 38, 40), (16, 16, 17))
    arm = brush.face(((-0.3, 0.25), (-0.22, 0.6), (0.22, 0.6), (0.3, 0.25)), -0.12)
    canvas.stroke(arm, (90, 92, 96), brush.pixels(0.05))
    bar = brush.face(((-1.0, 0.95), (1.0, 0.95)), -0.9)
    canvas.stroke(bar, (30, 30, 32), brush.pixels(0.035))
    seat, tank = (
        brush.face(((-0.3, 0.7), (0.3, 0.7))),
        brush.face(((0.3, 0.98), (-0.3, 0.98)), -0.9),
    )
    canvas.shade(np.concatenate([seat, tank]), brush.tone(1.0), (30, 30, 32))
    if rng.random() < 0.6:
        _rider(brush)
    shell = rounded(brush.face(((-0.22, 0.6), (-0.34, 0.74), (0, 0.8), (0.34, 0.74), (0.22, 0.6))))
    canvas.shade(shell, brush.tone(1.2), brush.tone(0.6))
    guard = rounded(brush.face(((-0.2, 0.3), (-0.3, 0.7), (0.3, 0.7), (0.2, 0.3))), 1)
    canvas.shade(guard, (44, 44, 47), (20, 20, 22))
    lamp = rounded(brush.face(box(0, 0.73, 0.2, 0.035), 0.04))
    canvas.shade(lamp, (214, 40, 40), (120, 10, 14))
    if brush.lamps_on:
        light_up(brush, lamp)
    for x in (-0.55, 0.55):
        blinker = rounded(brush.face(box(x, 0.71, 0.1, 0.022), 0.02))
        canvas.shade(blinker, (245, 160, 40), (170, 90, 10))
        mirror = rounded(brush.face(box(2.1 * x, 1.08, 0.2, 0.04), -0.9))
        canvas.shade(mirror, (120, 130, 140), (30, 30, 33))


def _rider(brush: Brush) -> None:
    rng = brush.rng
    cloth = rng.uniform(20, 200, 3)
    legs = ((-0.75, 0.35), (-0.7, 0.75), (0.7, 0.75), (0.75, 0.35), (0.4, 0.35), (0, 0.7))
    brush.canvas.fill(rounded(brush.face(legs, -0.45), 1), (40, 44, 60))
    torso = ((-0.62, 0.72), (-0.72, 1.25), (-0.35, 1.38), (0.35, 1.38), (0.72, 1.25), (0.62, 0.72))
    points = rounded(brush.face(torso, -0.3))
    brush.canvas.shade(points, rgb(cloth), rgb(cloth * 0.7))
    brush.canvas.modulate(points, reflections(rng, 0.15))
    helmet = rounded(brush.face(box(0, 1.5, 0.38, 0.13), -0.35))
    brush.canvas.shade(helmet, rgb(rng.uniform(20, 240, 3)), (20, 20, 22))
