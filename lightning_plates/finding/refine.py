"""Finds plates, then looks again at enlarged crops around each answer until one confirms it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from lightning_plates import processing
from lightning_plates.boxes import BoxXyxy, Detection, apply_margin, box_iou, clip_boxes
from lightning_plates.clock import Stopwatch
from lightning_plates.finding.options import box_options, score_threshold, with_threshold
from lightning_plates.photos import RgbImage
from lightning_plates.placement import place
from lightning_plates.spec import ModelSpec
from runtimes import Runtime

DEFAULT_LOOKS = 3
"""Looks at a plate, at most: most plates need two, and a fourth gains nothing any more."""

CONFIRMED = 0.7
"""Overlap of a look's answer with the box so far from which on there is no further look. Where
they differ more, the box was wrong, and so was the size of the window around it."""

WINDOW_WIDTHS = 3.5
"""Side of a further look's window in box widths. Finders are trained on plates of 5–35 % of the
window's width; 1/3.5 = 29 % enlarges small plates most while it stays inside that range."""

SMALLEST_WINDOW = 48
"""Least side of that window, in pixels: below it there is nothing left to see."""

WORTH_A_LOOK = 0.5
"""Share of the threshold from which a second look decides: small plates are unsure at first."""

LAST_RESORT = 0.25
"""Likewise for the surest box of a photo, which may be all that there is."""

TOO_CLOSE = 0.5
"""Share of the photo's width or height from which on its surest box is too large. Of a plate that
is larger than those of the training (see :data:`WINDOW_WIDTHS`) a finder sees a part."""


@dataclass(frozen=True, slots=True)
class BareAnswer:
    """What a model sees in a photo, before the margin of its spec.

    Scores are those of the look at the whole photo, for which they were calibrated: a window around
    a box nearly always shows something like a plate. On 148 validation photos 99 % of the 111 boxes
    with 0.9 or more at the first look were plates, and 88 % of the 129 with as much at the last. A
    further look decides whether a box is an answer, and where it lies.
    """

    plates: tuple[Detection, ...]
    """In pixels of the photo, the highest score first. One that was unsure at the first look may
    score below the threshold."""
    weaker: tuple[Detection, ...]
    """Boxes of the first look below the threshold, best first; who plots precision needs them."""


def locate(
    model: Runtime, image: RgbImage, looks: int, watch: Stopwatch | None = None
) -> tuple[Detection, ...]:
    """Find the plates of a photo.

    Args:
        model: An open box model.
        image: RGB, shape ``(H, W, 3)``.
        looks: How often to look, at most; 1 for the model's first answer. Each further look is
            at a window around every box; what the model sees there counts the more, the larger
            it sees it, and a box that was too unsure at first is an answer if the model is sure
            in the window. Where it sees nothing there, a sure box stays as it was. A look that
            sees about the same box is the last. Where a scored box fills most of the photo, the
            second look is at the photo from further away, as if it were the first.
        watch: Gets the time of every step.

    Returns:
        Plates in pixels of ``image``, the highest score first; see :class:`BareAnswer`.
    """
    bare = locate_bare(model, image, looks, watch=watch)
    height, width = image.shape[:2]
    return apply_margin(bare.plates, box_options(model.spec).margin, width, height)


def locate_bare(
    model: Runtime,
    image: RgbImage,
    looks: int,
    lowest_score: float | None = None,
    watch: Stopwatch | None = None,
) -> BareAnswer:
    """Find the plates of a photo as the network places them.

    The margin waits until the last look: a window follows what the network saw, as in training,
    and not what a site calls the edge of a plate.

    Args:
        model: As for :func:`locate`.
        image: Likewise.
        looks: Likewise.
        lowest_score: Also give weaker boxes down to this score; ``None`` for none.
        watch: As for :func:`locate`.
    """
    timer = watch or Stopwatch()
    spec = model.spec.with_options(margin=None)
    threshold = score_threshold(spec)
    least = threshold if looks == 1 else threshold * LAST_RESORT
    asked = least if lowest_score is None else min(least, lowest_score)
    first = _ask(model, image, with_threshold(spec, asked), timer)
    if looks > 1 and _too_close(first, image):
        further = _step_back(model, image, looks - 1, lowest_score, timer)
        if further.plates:
            return further
    plates: list[Detection] = []
    weaker: list[Detection] = []
    for before in first:
        plate = before
        if _reaches(before, least if before is first[0] else threshold * WORTH_A_LOOK):
            plate = _look_again(model, image, before, looks, spec, timer)
        if not _reaches(plate, threshold):
            weaker.append(before)
        elif not any(_same_plate(plate, other) for other in plates):
            plates.append(replace(plate, confidence=before.confidence))
    kept = () if lowest_score is None else (p for p in weaker if _reaches(p, lowest_score))
    return BareAnswer(tuple(plates), tuple(kept))


def _too_close(first: Sequence[Detection], image: RgbImage) -> bool:
    """Whether the surest box is larger than a finder can place; a lone regressed box never is."""
    if not first or first[0].confidence is None:
        return False
    x1, y1, x2, y2 = first[0].box
    height, width = image.shape[:2]
    return bool(x2 - x1 > TOO_CLOSE * width or y2 - y1 > TOO_CLOSE * height)


def _step_back(
    model: Runtime, image: RgbImage, looks: int, lowest_score: float | None, timer: Stopwatch
) -> BareAnswer:
    """Find the plates of ``image`` in the middle of a grey canvas of twice its size."""
    height, width = image.shape[:2]
    # What the model cannot see in so large a plate need not fill the memory of a board.
    share = min(1.0, max(model.spec.width, model.spec.height) / max(width, height))
    fitted = (max(1, round(width * share)), max(1, round(height * share)))
    small = np.asarray(Image.fromarray(image).resize(fitted, Image.Resampling.BILINEAR))
    left, top = (side // 2 + 1 for side in fitted)
    grey = processing.PADDING_GREY
    canvas = np.pad(small, ((top, top), (left, left), (0, 0)), constant_values=grey)
    seen = locate_bare(model, canvas, looks, lowest_score, timer)
    scale = np.array([width / fitted[0], height / fitted[1]] * 2)

    def in_photo(plates: Sequence[Detection]) -> tuple[Detection, ...]:
        boxes = [(np.array(p.box) - (left, top, left, top)) * scale for p in plates]
        cut = [clip_boxes(box, width, height).tolist() for box in boxes]
        moved = [replace(p, box=tuple(box)) for p, box in zip(plates, cut, strict=True)]
        return tuple(p for p in moved if p.box[0] < p.box[2] and p.box[1] < p.box[3])

    return BareAnswer(in_photo(seen.plates), in_photo(seen.weaker))


def window_around(box: BoxXyxy, width: int, height: int) -> tuple[int, int, int, int]:
    """Window for a further look: ``x1, y1, x2, y2`` in pixels, inside the photo."""
    side = max(SMALLEST_WINDOW, WINDOW_WIDTHS * max(box[2] - box[0], box[3] - box[1]))
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = max(0, math.floor(x - side / 2)), max(0, math.floor(y - side / 2))
    right, bottom = min(width, math.ceil(x + side / 2)), min(height, math.ceil(y + side / 2))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _reaches(plate: Detection, score: float) -> bool:
    return plate.confidence is None or plate.confidence >= score


def _same_plate(one: Detection, other: Detection) -> bool:
    """Whether one's centre lies in the other: two first answers may lead to the same plate."""
    return _holds_centre(one.box, other.box) or _holds_centre(other.box, one.box)


def _holds_centre(outer: BoxXyxy, inner: BoxXyxy) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _look_again(
    model: Runtime,
    image: RgbImage,
    plate: Detection,
    looks: int,
    spec: ModelSpec,
    timer: Stopwatch,
) -> Detection:
    """Move ``plate``, the first of ``looks`` looks, by what the others see in windows around it."""
    weight = _magnification(image, spec)
    for _ in range(1, looks):
        left, top, right, bottom = window_around(plate.box, image.shape[1], image.shape[0])
        window = image[top:bottom, left:right]
        x, y = (plate.box[0] + plate.box[2]) / 2, (plate.box[1] + plate.box[3]) / 2
        best = _covering(_ask(model, window, spec, timer), (x - left, y - top))
        if best is None:
            break  # the same window again would show the same
        so_far, seen = np.array(plate.box), np.add(best.box, (left, top, left, top))
        more = _magnification(window, spec)
        weight += more
        x1, y1, x2, y2 = (so_far + (seen - so_far) * more / weight).tolist()
        plate = Detection((x1, y1, x2, y2), best.confidence)
        if box_iou(so_far, seen) >= CONFIRMED:
            break
    return plate


def _magnification(image: RgbImage, spec: ModelSpec) -> float:
    """Pixels of the model's input that a pixel of ``image`` becomes: what a look at it counts.

    A finder errs by pixels of its input, so that it places a plate the better, the larger it sees
    it.
    """
    height, width = image.shape[:2]
    placement = place(width, height, spec)
    across = placement.share_x * spec.width / width
    return math.sqrt(across * placement.share_y * spec.height / height)


def _covering(seen: Sequence[Detection], point: tuple[float, float]) -> Detection | None:
    """The best answer around ``point``: a neighbour in the same window is another plate."""
    x, y = point
    for plate in seen:
        slack_x, slack_y = (plate.box[2] - plate.box[0]) / 2, (plate.box[3] - plate.box[1]) / 2
        inside_x = plate.box[0] - slack_x <= x <= plate.box[2] + slack_x
        if inside_x and plate.box[1] - slack_y <= y <= plate.box[3] + slack_y:
            return plate
    return None


def _ask(
    model: Runtime, image: RgbImage, spec: ModelSpec, timer: Stopwatch
) -> tuple[Detection, ...]:
    """What :meth:`Runtime.locate` does by the convention ``spec``, with its steps timed apart."""
    with timer.step("preprocess"):
        batch, placements = processing.prepare([image], spec)
    with timer.step("locate"):
        outputs = model.run({spec.input_name: batch})
    with timer.step("postprocess"):
        found: tuple[Detection, ...] = processing.decode(outputs, spec, placements)[0]
        return found
