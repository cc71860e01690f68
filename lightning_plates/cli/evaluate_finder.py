"""Measure a plate finder on labelled photos: the best answer a photo, at one and two looks."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lightning_plates.bench.accuracy import PhotoScore, summarise
from lightning_plates.boxes import BoxXyxy, box_iou
from lightning_plates.cli._arguments import positive_int
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet, PhotoRecord
from lightning_plates.drafts import draft_of
from lightning_plates.errors import InputError
from lightning_plates.photos import load_photo
from lightning_plates.reading.look import locate
from lightning_plates.results import Detection
from runtimes import Runtime, open_model

NOTHING: BoxXyxy = (0.0, 0.0, 0.0, 0.0)
"""Stands for the box of a photo in which no plate was found."""


@dataclass(frozen=True, slots=True)
class FinderScore:
    """The best answer for one photo that shows a plate."""

    box: PhotoScore
    """How it fits the labelled plate that it overlaps most; IoU 0 where nothing was found."""
    confidence: float | None
    """Score of the answer, 0–1; ``None`` where nothing was found."""


def main(argv: list[str]) -> int:
    """Run ``evaluate-finder``; see ``--help``."""
    args = _parser().parse_args(argv)
    chosen = [choose_photos(path, args.only) for path in args.sets]
    rows = []
    print(
        "set                looks  photos  found  IoU ≥ 0.5 (95 %)      IoU ≥ 0.7 (95 %)      mean"
    )
    with open_model(args.model, threads=args.threads) as model:
        for photos in chosen:
            for looks in args.looks:
                scores = score_set(model, photos, looks)
                print(_table_row(photos.root.name, looks, scores))
                rows += [(photos.root.name, looks, score) for score in scores]
    if args.csv is not None:
        _write_csv(args.csv, rows)
    return 0


def choose_photos(path: Path, only: str | None) -> AnnotationSet:
    """Photos of the set at ``path`` whose name begins with the expression ``only``.

    Raises:
        InputError: There are none, or the set cannot be read.
    """
    annotations = read_annotations(path)
    if only is None:
        return annotations
    photos = tuple(photo for photo in annotations.photos if re.match(only, photo.file))
    if not photos:
        raise InputError(f"{path}: no photo's name begins with {only!r}")
    return dataclasses.replace(annotations, photos=photos)


def score_set(model: Runtime, annotations: AnnotationSet, looks: int) -> list[FinderScore]:
    """Score every photo of a set that shows a plate.

    Args:
        model: An open finder.
        annotations: Labelled photos.
        looks: As for :func:`~lightning_plates.reading.look.locate`.
    """
    shown = [photo for photo in annotations.photos if photo.boxes]
    return [
        score_photo(photo, locate(model, load_photo(annotations.path_of(photo)), looks))
        for photo in show_progress(shown, len(shown), annotations.root.name)
    ]


def score_photo(photo: PhotoRecord, found: Sequence[Detection]) -> FinderScore:
    """Compare the first of ``found`` with the labelled plate that it overlaps most."""
    answer = found[0] if found else Detection(NOTHING, None)
    labels = np.array([box.xyxy for box in photo.boxes])
    ious = box_iou(labels, np.array(answer.box))
    label = photo.boxes[int(ious.argmax())].xyxy
    distance = math.dist(_centre(label), _centre(answer.box))
    score = PhotoScore(photo.file, float(ious.max()), distance, label, answer.box)
    return FinderScore(score, answer.confidence)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), 0–1; it does not collapse at 0 or 100 %."""
    if trials == 0:
        return 0.0, 1.0
    z = 1.959964
    share, weight = successes / trials, z * z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def _table_row(name: str, looks: int, scores: Sequence[FinderScore]) -> str:
    accuracy = summarise([score.box for score in scores])
    if accuracy is None:
        return f"{name:<18} {looks:>5}  no photo with a plate"
    found = sum(score.confidence is not None for score in scores) / len(scores)
    shares = "  ".join(
        _interval_text(share, len(scores)) for share in (accuracy.iou50, accuracy.iou70)
    )
    return (
        f"{name:<18} {looks:>5} {len(scores):>7} {found:>6.1%}  {shares}  {accuracy.mean_iou:.3f}"
    )


def _interval_text(share: float, trials: int) -> str:
    low, high = wilson_interval(round(share * trials), trials)
    return f"{share:>6.1%} ({low:.1%}–{high:.1%})".ljust(20)


def _centre(box: BoxXyxy) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _write_csv(target: Path, rows: Sequence[tuple[str, int, FinderScore]]) -> None:
    with draft_of(target) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["set", "looks", "file", "iou", "confidence", "x1", "y1", "x2", "y2"])
        for name, looks, score in rows:
            box = [f"{value:.1f}" for value in score.box.prediction]
            confidence = "" if score.confidence is None else f"{score.confidence:.4f}"
            writer.writerow([name, looks, score.box.file, f"{score.box.iou:.4f}", confidence, *box])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lightning_plates evaluate-finder", description=__doc__
    )
    parser.add_argument("model", type=Path, help="exported model")
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="label file or folder")
    parser.add_argument(
        "--only", metavar="REGEX", help="only photos whose name begins with a match"
    )
    parser.add_argument(
        "--looks",
        type=positive_int,
        nargs="+",
        default=[1, 2],
        metavar="N",
        help="numbers of looks to compare (default: 1 2)",
    )
    parser.add_argument("--threads", type=positive_int, metavar="N", help="of the runtime")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row a photo")
    return parser
