"""Finds plates, then looks again at an enlarged crop around each answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lightning_plates import processing
from lightning_plates.boxes import BoxXyxy
from lightning_plates.photos import RgbImage
from lightning_plates.reading.stopwatch import Stopwatch
from lightning_plates.results import Detection
from runtimes import Runtime

WINDOW_WIDTHS = 3.5
"""Side of the second look's window in box widths. Finders are trained on plates of 5–35 % of the
window's width; 1/3.5 = 29 % enlarges small plates most while it stays inside that range."""

SMALLEST_WINDOW = 48
"""Least side of that window, in pixels: below it there is nothing left to see."""


def locate(
    model: Runtime, image: RgbImage, looks: int, watch: Stopwatch | None = None
) -> tuple[Detection, ...]:
    """Find the plates of a photo.

    Args:
        model: An open box model.
        image: RGB, shape ``(H, W, 3)``.
        looks: 1 for the model's first answer; each further look replaces every box by what the
            model sees in a window around it, or keeps it where the model sees nothing there.
        watch: Gets the time of every step.

    Returns:
        Plates in pixels of ``image``, best first.
    """
    timer = watch or Stopwatch()
    found = _ask(model, image, timer)
    for _ in range(looks - 1):
        found = tuple(_look_again(model, image, plate, timer) for plate in found)
    return found


def window_around(box: BoxXyxy, width: int, height: int) -> tuple[int, int, int, int]:
    """Window for the second look: ``x1, y1, x2, y2`` in pixels, inside the photo."""
    side = max(SMALLEST_WINDOW, WINDOW_WIDTHS * max(box[2] - box[0], box[3] - box[1]))
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = max(0, math.floor(x - side / 2)), max(0, math.floor(y - side / 2))
    right, bottom = min(width, math.ceil(x + side / 2)), min(height, math.ceil(y + side / 2))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _look_again(model: Runtime, image: RgbImage, plate: Detection, timer: Stopwatch) -> Detection:
    left, top, right, bottom = window_around(plate.box, image.shape[1], image.shape[0])
    seen = _ask(model, image[top:bottom, left:right], timer)
    centre = ((plate.box[0] + plate.box[2]) / 2 - left, (plate.box[1] + plate.box[3]) / 2 - top)
    best = _covering(seen, centre)
    if best is None:
        return plate
    x1, y1, x2, y2 = best.box
    return Detection((x1 + left, y1 + top, x2 + left, y2 + top), best.confidence)


def _covering(seen: Sequence[Detection], point: tuple[float, float]) -> Detection | None:
    """The best answer around ``point``: a neighbour in the same window is another plate."""
    x, y = point
    for plate in seen:
        slack_x, slack_y = (plate.box[2] - plate.box[0]) / 2, (plate.box[3] - plate.box[1]) / 2
        inside_x = plate.box[0] - slack_x <= x <= plate.box[2] + slack_x
        if inside_x and plate.box[1] - slack_y <= y <= plate.box[3] + slack_y:
            return plate
    return None


def _ask(model: Runtime, image: RgbImage, timer: Stopwatch) -> tuple[Detection, ...]:
    """What :meth:`Runtime.locate` does, with its steps timed apart."""
    with timer.step("preprocess"):
        batch, placements = processing.prepare([image], model.spec)
    with timer.step("locate"):
        outputs = model.run({model.spec.input_name: batch})
    with timer.step("postprocess"):
        return processing.decode(outputs, model.spec, placements)[0]
