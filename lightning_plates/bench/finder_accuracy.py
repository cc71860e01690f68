"""What a finder answers for labelled photos, and how well that fits the labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lightning_plates.bench.accuracy import PhotoScore
from lightning_plates.boxes import BoxXyxy, Detection, FitMargin, apply_margin, box_iou
from lightning_plates.data.annotations.record import AnnotationSet, PhotoRecord
from lightning_plates.errors import InputError
from lightning_plates.finding.refine import locate_bare
from lightning_plates.photos import load_or_skip
from runtimes import Runtime

NOTHING: BoxXyxy = (0.0, 0.0, 0.0, 0.0)
"""Stands for the box of a photo in which no plate was found."""
LOWEST_SCORE = 0.01
"""Boxes down to this score enter the average precision; weaker ones move it by less than it shows,
and there are thousands of them."""


@dataclass(frozen=True, slots=True)
class FinderAnswer:
    """All boxes that a finder gives for one labelled photo."""

    photo: PhotoRecord
    plates: tuple[Detection, ...]
    """What it calls plates, best first, in pixels of the photo."""
    weaker: tuple[Detection, ...]
    """Boxes below its threshold, best first."""

    def with_margin(self, margin: FitMargin | None) -> FinderAnswer:
        """The same boxes as the model with ``margin`` gives them, from those of one without."""
        size = (self.photo.width, self.photo.height)
        return replace(
            self,
            plates=apply_margin(self.plates, margin, *size),
            weaker=apply_margin(self.weaker, margin, *size),
        )


@dataclass(frozen=True, slots=True)
class FinderScore:
    """The best answer for one photo that shows a plate."""

    box: PhotoScore
    """How it fits the labelled plate that it overlaps most; IoU 0 where nothing was found."""
    confidence: float | None
    """Score of the answer, 0–1; ``None`` where nothing was found."""
    found: bool
    """Whether there is an answer."""


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Answers for photos that show no plate."""

    photos: int
    """Photos without a labelled plate."""
    alarmed: int
    """Those in which the finder sees one all the same."""
    boxes: int
    """Plates that it sees in them altogether."""


def answer_photos(model: Runtime, annotations: AnnotationSet, looks: int) -> Iterator[FinderAnswer]:
    """Ask a finder about every photo of a set, leaving the margin of its spec aside.

    Args:
        model: An open finder.
        annotations: Labelled photos, with and without plates.
        looks: As for :func:`~lightning_plates.finding.refine.locate`.

    A photo that cannot be read is named on standard error and has no answer.

    Raises:
        InputError: None can be read.
    """
    answered = 0
    for photo in annotations.photos:
        image = load_or_skip(annotations.path_of(photo))
        if image is None:
            continue
        found = locate_bare(model, image, looks, lowest_score=LOWEST_SCORE)
        answered += 1
        yield FinderAnswer(photo, found.plates, found.weaker)
    if not answered:
        raise InputError(f"{annotations.root}: none of its photos can be read")


def score_answers(answers: Sequence[FinderAnswer]) -> list[FinderScore]:
    """Score the photos that show a plate."""
    return [score_photo(each.photo, each.plates) for each in answers if each.photo.boxes]


def score_photo(photo: PhotoRecord, found: Sequence[Detection]) -> FinderScore:
    """Compare the first of ``found`` with the labelled plate that it overlaps most."""
    answer = found[0] if found else Detection(NOTHING, None)
    labels = np.array([box.xyxy for box in photo.boxes])
    ious = box_iou(labels, np.array(answer.box))
    label = photo.boxes[int(ious.argmax())].xyxy
    distance = math.dist(_centre(label), _centre(answer.box))
    score = PhotoScore(photo.file, float(ious.max()), distance, label, answer.box)
    return FinderScore(score, answer.confidence, found=bool(found))


def count_false_alarms(answers: Sequence[FinderAnswer]) -> FalseAlarms | None:
    """Count what is seen in photos without plates; ``None`` where there are no such photos."""
    counts = [len(each.plates) for each in answers if not each.photo.boxes]
    if not counts:
        return None
    return FalseAlarms(len(counts), sum(count > 0 for count in counts), sum(counts))


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), 0–1; it does not collapse at 0 or 100 %."""
    if trials == 0:
        return 0.0, 1.0
    z = 1.959964
    share, weight = successes / trials, z * z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def _centre(box: BoxXyxy) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
