"""Measure a plate finder on labelled photos: best answers, average precision, false alarms.

Examples:
    lightning-plates evaluate-finder model.onnx runs/mine --failures pictures/

Page: docs/finder.md
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.bench.average_precision import average_precision
from lightning_plates.bench.finder_accuracy import (
    LOWEST_SCORE,
    FinderAnswer,
    answer_photos,
    score_answers,
)
from lightning_plates.bench.finder_failures import SHEET, worst_answers, write_failures
from lightning_plates.bench.finder_table import FinderRow, summarise_answers, to_csv, to_table
from lightning_plates.bench.report.document import Document
from lightning_plates.bench.report.markdown import to_markdown
from lightning_plates.cli._arguments import (
    add_file_limit,
    add_runtime_options,
    positive_int,
    worker_count,
)
from lightning_plates.cli._parser import CommandParser
from lightning_plates.cli._photo_sets import add_side_option, choose_photos
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.drafts import write_text
from lightning_plates.errors import MissingDependencyError
from lightning_plates.finding.options import box_options, score_threshold
from lightning_plates.finding.refine import DEFAULT_LOOKS
from lightning_plates.optional import install_command, require
from lightning_plates.spec import ModelSpec
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE
from runtimes import Runtime, open_model


@dataclass(frozen=True, slots=True)
class Measured:
    """Answers to one set at one number of looks."""

    photos: AnnotationSet
    looks: int
    margin: str | None
    """``with`` or ``without``; ``None`` where the model has none."""
    answers: tuple[FinderAnswer, ...]


def main(argv: list[str]) -> int:
    """Run ``evaluate-finder``; see ``--help``."""
    args = _parser().parse_args(argv)
    sets = [choose_photos(path, args.only, args.side) for path in args.sets]
    missing = _missing_library()
    with open_model(args.model, args.runtime, args.device, args.threads) as model:
        spec = model.spec
        runs = [(photos, looks) for photos in sets for looks in args.looks]
        measured = [each for run in runs for each in measure(model, *run)]
    rows = [_row(each, with_precision=missing is None) for each in measured]
    unread = _unread_photos(measured)
    _write_tables(rows, [*_notes(spec, missing), *unread], args.output)
    if args.csv is not None:
        write_text(args.csv, photo_table(measured))
    if args.failures is not None:
        _write_failures(measured, args.failures, args.worst)
    return UNREADABLE_EXIT_CODE if unread else 0


def measure(model: Runtime, photos: AnnotationSet, looks: int) -> list[Measured]:
    """Ask a finder once about every photo; two results where its spec has a margin.

    Args:
        model: An open finder.
        photos: Labelled photos, with and without plates.
        looks: As for :func:`~lightning_plates.finding.refine.locate`.
    """
    asked = answer_photos(model, photos, looks)
    title = f"{photos.root.name}, {looks} looks"
    bare = tuple(show_progress(asked, len(photos.photos), title))
    margin = box_options(model.spec).margin
    if margin is None:
        return [Measured(photos, looks, None, bare)]
    moved = tuple(answer.with_margin(margin) for answer in bare)
    return [Measured(photos, looks, "without", bare), Measured(photos, looks, "with", moved)]


def photo_table(measured: Sequence[Measured]) -> str:
    """CSV with the best answer for each photo that shows a plate."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["set", "looks", "margin", "file", "iou", "confidence", "x1", "y1", "x2", "y2"])
    for each in measured:
        run = [each.photos.root.name, each.looks, each.margin or ""]
        for score in score_answers(each.answers):
            box = [f"{value:.1f}" for value in score.box.prediction]
            confidence = "" if score.confidence is None else f"{score.confidence:.4f}"
            writer.writerow([*run, score.box.file, f"{score.box.iou:.4f}", confidence, *box])
    return buffer.getvalue()


def _missing_library() -> str | None:
    """What to type to get average precision, or ``None``; asked before any photo is decoded."""
    try:
        require("pycocotools", extra="evaluate")
    except MissingDependencyError:
        return install_command("evaluate")
    return None


def _unread_photos(measured: Sequence[Measured]) -> list[str]:
    """A note for each set with photos that could not be read."""
    lacking = {each.photos.root.name: len(each.photos.photos) - len(each.answers)
               for each in measured}  # fmt: skip
    return [f"Left out of {name}: {count} unreadable." for name, count in lacking.items() if count]


def _row(measured: Measured, with_precision: bool) -> FinderRow:
    precision = average_precision(measured.answers) if with_precision else None
    return summarise_answers(
        measured.photos.root.name, measured.looks, measured.margin, measured.answers, precision
    )


def _notes(spec: ModelSpec, missing: str | None) -> list[str]:
    notes = [
        "Best answer a photo that shows a plate; none found counts as IoU 0. In brackets 95 % "
        "Wilson intervals. An alarm is a plate seen in a photo without one."
    ]
    notes.append(
        "Label ÷ box: median width and height of the labels in those of the boxes that they "
        "overlap. Far from 1 the set labels by another convention, which `margin` learns."
    )
    if spec.task == "detection":
        notes.append(f"Threshold {score_threshold(spec):g}.")
    if missing is not None:
        notes.append(
            f"No average precision: pycocotools is not installed. Install it with: `{missing}`"
        )
    else:
        notes.append(
            f"AP as COCO defines it, of all boxes with a score from {LOWEST_SCORE:g}: mean over "
            "IoU 0.50–0.95; small below 32², medium to 96² pixels of the photo, large above. "
            "Only boxes that may become answers get further looks."
        )
    margin = box_options(spec).margin
    if margin is not None:
        notes.append(f"The model's margin: {margin.describe()}.")
    return notes


def _write_tables(rows: Sequence[FinderRow], notes: Sequence[str], target: Path | None) -> None:
    text = to_markdown(Document("Plate finder", (to_table(rows, notes),)))
    print(text)
    if target is not None:
        write_text(target, to_csv(rows) if target.suffix == ".csv" else text)


def _write_failures(measured: Sequence[Measured], folder: Path, count: int) -> None:
    """Draw what ``read`` would show: the most looks, with the margin where there is one."""
    most = max(each.looks for each in measured)
    shown = [each for each in measured if each.looks == most and each.margin != "without"]
    failures = [
        failure
        for each in shown
        for failure in worst_answers(each.photos.root, each.answers, count)
    ]
    if failures:
        write_failures(failures, folder)
        print(f"{len(failures)} pictures, the worst first: {folder / SHEET}")
    else:
        print("no pictures: there are no failures to show")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("evaluate-finder", __doc__)
    add = parser.add_argument
    add("model", type=Path, help="exported model")
    add("sets", type=Path, nargs="+", metavar="SET", help="label file or folder")
    add("--only", metavar="REGEX", help="only photos whose name begins with a match")
    add_side_option(parser)
    add("--looks", type=positive_int, nargs="+", default=[1, DEFAULT_LOOKS], metavar="N",
        help=f"numbers of looks to compare, each at most (default: 1 {DEFAULT_LOOKS})")  # fmt: skip
    add_runtime_options(parser)
    add("--threads", type=worker_count, metavar="N", help="of the runtime")
    add("-o", "--output", type=Path, metavar="FILE",
        help="also write the table here: .csv, or else Markdown")  # fmt: skip
    add("--csv", type=Path, metavar="FILE", help="write one row a photo")
    add("--failures", type=Path, metavar="DIR", help="draw the worst photos into this folder")
    add("--worst", type=positive_int, default=20, metavar="K",
        help="how many of each set (default: %(default)s)")  # fmt: skip
    add_file_limit(parser)
    return parser
