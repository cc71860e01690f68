"""Reads labelled crops and photos in several ways, and keeps what was read and what it took."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from lightning_plates.boxes import BoxXyxy, FitMargin, apply_margin, box_iou
from lightning_plates.clock import Timer
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.errors import InputError
from lightning_plates.finding.refine import locate_bare
from lightning_plates.photos import RgbImage, load_or_skip
from lightning_plates.reading.accuracy import ReadSample, read_crop_labels
from lightning_plates.reading.characters import NOTHING, Belief, normalise
from lightning_plates.reading.crop_reader import CropReader
from lightning_plates.reading.crops import MARGIN, cut_plate, rectify
from lightning_plates.reading.plate_text import read_plate
from lightning_plates.reading.rules.formats import PlateFormat
from runtimes import Runtime


@dataclass(frozen=True, slots=True)
class Trial:
    """A photo or crop with its labelled plates."""

    file: Path
    plates: tuple[BoxRecord, ...]
    """The largest first; a crop is one plate without a place."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one way of reading made of a photo."""

    belief: Belief
    box: BoxXyxy | None = None
    """Where it found the plate, in pixels; ``None`` where it did not search, or found none."""
    searched: bool = False
    """Whether it searched for the plate by itself."""


Reader: TypeAlias = Callable[[RgbImage, Trial], Answer]


def crop_trials(folder: Path) -> list[Trial]:
    """Crops of a folder with ``text.csv``."""
    labels = read_crop_labels(folder)
    return [Trial(file, (BoxRecord(0, 0, 0, 0, text=text),)) for file, text in labels]


def photo_trials(path: Path, only: str = "") -> list[Trial]:
    """Photos of an annotated set that show a plate.

    Args:
        path: Folder or label file of the set.
        only: Regular expression that the beginning of a photo's name must match.

    Raises:
        InputError: There are none, or ``only`` is no regular expression.
    """
    try:
        chosen = re.compile(only)
    except re.error as error:
        raise InputError(f"--only {only!r}: not a regular expression ({error})") from error
    annotations = read_annotations(path)
    trials = [
        Trial(annotations.path_of(photo), _largest_first(photo.boxes))
        for photo in annotations.photos
        if photo.boxes and chosen.match(photo.file)
    ]
    if not trials:
        named = f" whose name begins with {only!r}" if only else ""
        raise InputError(f"{path}: no photo with a labelled plate{named}")
    return trials


def with_corners(trials: Iterable[Trial]) -> list[Trial]:
    """The trials whose largest plate has labelled corners."""
    return [trial for trial in trials if trial.plates[0].corners is not None]


def choose_trials(trials: Sequence[Trial], limit: int | None, seed: int = 0) -> list[Trial]:
    """At most ``limit`` of ``trials``, drawn by ``seed``, in their order."""
    if limit is None or limit >= len(trials):
        return list(trials)
    drawn = np.random.default_rng(seed).choice(len(trials), limit, replace=False)
    return [trials[index] for index in sorted(drawn)]


def read_whole(crops: CropReader) -> Reader:
    """Read the whole picture: it is a crop already."""
    return lambda image, trial: Answer(crops.read(image))


def read_true_box(crops: CropReader, margin: float = MARGIN) -> Reader:
    """Read the largest labelled plate by its box."""

    def read(image: RgbImage, trial: Trial) -> Answer:
        return Answer(crops.read(cut_plate(image, trial.plates[0].xyxy, margin)))

    return read


def read_true_corners(crops: CropReader) -> Reader:
    """Read the largest labelled plate by its corners, for :func:`with_corners`."""

    def read(image: RgbImage, trial: Trial) -> Answer:
        corners = trial.plates[0].corners
        if corners is None:
            raise InputError(f"{trial.file}: its plate has no labelled corners")
        return Answer(crops.read(rectify(image, corners)))

    return read


def read_found_box(
    crops: CropReader, model: Runtime, looks: int, margin: FitMargin | None
) -> Reader:
    """Search the plate with ``model`` and read the best answer.

    Args:
        crops: Reads the answer.
        model: An open finder; the margin of its spec is left aside.
        looks: As for :func:`~lightning_plates.finding.refine.locate`.
        margin: What is done to its boxes instead; ``None`` for nothing.
    """

    def read(image: RgbImage, trial: Trial) -> Answer:
        height, width = image.shape[:2]
        found = apply_margin(locate_bare(model, image, looks).plates, margin, width, height)
        if not found:
            return Answer(NOTHING, None, searched=True)
        box = found[0].box
        return Answer(crops.read(cut_plate(image, box)), box, searched=True)

    return read


def run_trials(
    trials: Sequence[Trial],
    read: Reader,
    formats: Sequence[PlateFormat] = (),
    words: Sequence[str] = (),
) -> Iterator[ReadSample]:
    """Read every trial and time it from the file to the text.

    Args:
        trials: What to read; the first is read once more before the clock counts.
        read: How.
        formats: Plate formats that settle lookalikes; none by default.
        words: Names and slogans on the plates, which are no part of their texts.

    A trial whose photo cannot be read is named on standard error and has no sample.

    Raises:
        InputError: None can be read.
    """
    for trial in trials[:1]:
        image = load_or_skip(trial.file)
        if image is not None:
            read(image, trial)
    answered = 0
    for trial in trials:
        timer = Timer()
        image = load_or_skip(trial.file)
        if image is None:
            continue
        answer = read(image, trial)
        text = read_plate(answer.belief, formats, words).text
        answered += 1
        yield _sample(trial, answer, text, timer)
    if trials and not answered:
        raise InputError(f"{trials[0].file.parent}: none of these photos can be read")


def _sample(trial: Trial, answer: Answer, text: str, timer: Timer) -> ReadSample:
    span = timer.read()
    plate, iou = trial.plates[0], 0.0
    if answer.box is not None:
        labels = np.array([label.xyxy for label in trial.plates])
        ious = box_iou(labels, np.array(answer.box))
        plate, iou = trial.plates[int(ious.argmax())], float(ious.max())
    overlap = iou if answer.searched else None
    return ReadSample(trial.file.name, normalise(plate.text), text, span, overlap)


def _largest_first(plates: Sequence[BoxRecord]) -> tuple[BoxRecord, ...]:
    return tuple(sorted(plates, key=lambda plate: -plate.area))
