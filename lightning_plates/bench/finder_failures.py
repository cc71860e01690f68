"""Pictures of the photos that a finder answers worst: label in green, answer in red."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from lightning_plates.bench.finder_accuracy import FinderAnswer, score_photo
from lightning_plates.boxes import BoxXyxy, FloatArray
from lightning_plates.data.contact_sheet import contact_sheet
from lightning_plates.drafts import draft_files_in
from lightning_plates.drawing import LABEL_COLOUR, PREDICTION_COLOUR, Mark, draw_marks, line_width
from lightning_plates.photos import RgbImage, encode_jpeg, load_photo

LONGEST_SIDE = 1280
"""Pixels of a picture; larger photos are shrunk, so that captions stay readable on a screen."""
TILE_SIDE = 320
"""Pixels of a close-up in the contact sheet."""
SMALLEST_MARGIN = 24.0
"""Pixels of the photo that a close-up shows around a box at least."""
SHEET = "worst.jpg"
"""Name of the contact sheet."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer and how bad it is."""

    path: Path
    """The photo."""
    answer: FinderAnswer
    iou: float
    """Of the best answer; 0 where nothing was found, or where there is no plate to find."""
    confidence: float
    """Of the best answer, 0–1; 0 where nothing was found."""

    def describe(self) -> str:
        """What went wrong, in few words."""
        if not self.answer.plates:
            return "nothing found"
        said = f"probability {self.confidence:.2f}"
        return f"IoU {self.iou:.2f} · {said}" if self.answer.photo.boxes else f"no plate · {said}"


def worst_answers(root: Path, answers: Sequence[FinderAnswer], count: int) -> list[Failure]:
    """The ``count`` worst answers to a set: least IoU first, of equal ones the surest.

    Args:
        root: Folder of the set.
        answers: An alarm in a photo without plates counts as IoU 0; no alarm is no failure.
        count: At most so many.
    """
    failures = [_failure(root, answer) for answer in answers if answer.photo.boxes or answer.plates]
    return sorted(failures, key=lambda each: (each.iou, -each.confidence))[:count]


def write_failures(failures: Sequence[Failure], folder: Path) -> None:
    """Write one picture a failure, numbered from the worst, and a contact sheet of close-ups.

    Args:
        failures: At least one.
        folder: Where they go; files of the same name are replaced, others stay.

    Raises:
        PhotoError: A photo cannot be read.
        OSError: The folder cannot be written.
    """
    tiles = []
    with draft_files_in(folder) as drafts:
        for number, failure in enumerate(failures, start=1):
            image = load_photo(failure.path)
            name = f"{number:03d}_{failure.path.parent.name}_{failure.path.stem}.jpg"
            (drafts / name).write_bytes(encode_jpeg(draw_failure(image, failure)))
            tiles.append((f"{number}: {failure.describe()}", draw_close_up(image, failure)))
        sheet = contact_sheet(tiles, columns=5, side=TILE_SIDE)
        (drafts / SHEET).write_bytes(encode_jpeg(sheet))


def draw_failure(image: RgbImage, failure: Failure) -> RgbImage:
    """The whole photo; the best answer's caption says how it fits and how sure it is."""
    shown = _resize(image, min(LONGEST_SIDE, max(image.shape[:2])))
    scale = shown.shape[1] / image.shape[1]
    return draw_marks(shown, _marks(failure, (0.0, 0.0), scale, line_width(shown)))


def draw_close_up(image: RgbImage, failure: Failure) -> RgbImage:
    """The part of the photo around labels and best answer, :data:`TILE_SIDE` pixels long."""
    boxes = [box.xyxy for box in failure.answer.photo.boxes]
    boxes += [plate.box for plate in failure.answer.plates[:1]]
    left, top, right, bottom = _window(np.array(boxes), image.shape[1], image.shape[0])
    shown = _resize(image[top:bottom, left:right], TILE_SIDE)
    marks = _marks(failure, (left, top), shown.shape[1] / (right - left), line_width(shown))
    return draw_marks(shown, [replace(mark, caption="") for mark in marks])


def _marks(
    failure: Failure, origin: tuple[float, float], scale: float, outset: float
) -> list[Mark]:
    """Labels below answers, the best answer on top; lines outside, so that they hide no plate."""
    plates = failure.answer.plates
    shift = np.array([*origin, *origin])

    def placed(box: BoxXyxy) -> BoxXyxy:
        x1, y1, x2, y2 = ((np.array(box) - shift) * scale).tolist()
        return x1 - outset, y1 - outset, x2 + outset, y2 + outset

    missed = "" if plates else failure.describe()
    marks = [Mark(placed(box.xyxy), LABEL_COLOUR, missed) for box in failure.answer.photo.boxes]
    marks += [Mark(placed(plate.box), PREDICTION_COLOUR) for plate in plates[:0:-1]]
    marks += [Mark(placed(best.box), PREDICTION_COLOUR, failure.describe()) for best in plates[:1]]
    return marks


def _window(boxes: FloatArray, width: int, height: int) -> tuple[int, int, int, int]:
    """``x1, y1, x2, y2`` around ``boxes`` with as much again beside them, inside the photo."""
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    margin = max(float((high - low).max()) / 2, SMALLEST_MARGIN)
    left, top = (max(0, math.floor(value - margin)) for value in low)
    right, bottom = np.ceil(high + margin).astype(int).tolist()
    return left, top, min(width, max(right, left + 1)), min(height, max(bottom, top + 1))


def _resize(image: RgbImage, side: int) -> RgbImage:
    """``image`` with its longer side ``side`` pixels."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def _failure(root: Path, answer: FinderAnswer) -> Failure:
    iou = score_photo(answer.photo, answer.plates).box.iou if answer.photo.boxes else 0.0
    best = answer.plates[0] if answer.plates else None
    confidence = 0.0 if best is None or best.confidence is None else best.confidence
    return Failure(root / answer.photo.file, answer, iou, confidence)
