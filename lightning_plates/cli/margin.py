"""Fit a model's boxes to a site's labels: learn one scale and shift, and store it in the model.

Examples:
    lightning-plates margin model.onnx runs/mine --photos 20 -o site.onnx

Page: docs/finder.md
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from conversion.gate.manifest import read_manifest, renewed_manifest
from lightning_plates.bench.finder_accuracy import FinderAnswer, answer_photos
from lightning_plates.bench.finder_table import FinderRow, summarise_answers, to_table
from lightning_plates.bench.fit_margin import MatchedBoxes, fit_margin, match_boxes
from lightning_plates.bench.report.document import Document
from lightning_plates.bench.report.markdown import to_markdown
from lightning_plates.boxes import FitMargin
from lightning_plates.cli._arguments import (
    add_file_limit,
    add_runtime_options,
    positive_int,
    worker_count,
)
from lightning_plates.cli._looks import add_look_option
from lightning_plates.cli._parser import CommandParser
from lightning_plates.cli._photo_sets import add_side_option, choose_photos
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.drafts import write_bytes
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes, real_path
from lightning_plates.finding.options import box_options
from lightning_plates.golden import golden_file
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE
from runtimes import Runtime, open_model


def main(argv: list[str]) -> int:
    """Run ``margin``; see ``--help``."""
    args = _parser().parse_args(argv)
    target = args.output or args.model
    if args.remove == (args.set is not None):
        raise InputError("name a labelled set to learn a margin from, or --remove the model's")
    with open_model(args.model, args.runtime, args.device, args.threads) as model:
        removed = (
            "its margin is removed"
            if box_options(model.spec).margin
            else "without a margin, as before"
        )
        _check_target(model, target)  # before minutes of measuring
        margin, unread = (None, 0) if args.remove else _learn(model, args)
        _store(model, margin, target)
    print(f"{target}: {removed if margin is None else 'the margin is stored'}")
    return UNREADABLE_EXIT_CODE if unread else 0


def draw_photos(
    annotations: AnnotationSet, count: int, seed: int
) -> tuple[AnnotationSet, AnnotationSet]:
    """Draw photos to fit on; the others are to measure on.

    Photos without a plate are on neither side, nor are those left that are copies of a drawn one.

    Args:
        annotations: A labelled set.
        count: How many to draw.
        seed: Another one draws other photos.

    Raises:
        InputError: No photo would be left.
    """
    shown = [photo for photo in annotations.photos if photo.boxes]
    order = np.random.default_rng(seed).permutation(len(shown))
    drawn = tuple(shown[i] for i in sorted(order[:count]))
    sources = {photo.group for photo in drawn}
    rest = tuple(photo for photo in shown if photo.group not in sources)
    if not rest:
        raise InputError(
            f"{annotations.root}: --photos {count} leaves none of {len(shown)} photos with a "
            "plate to measure the margin on; take fewer, or label more"
        )
    return (
        dataclasses.replace(annotations, photos=drawn),
        dataclasses.replace(annotations, photos=rest),
    )


def _learn(model: Runtime, args: argparse.Namespace) -> tuple[FitMargin, int]:
    """The margin, and how many photos could not be read."""
    annotations = choose_photos(args.set, args.only, args.side)
    fitted_on, others = draw_photos(annotations, args.photos, args.seed)
    learned, judged = (_ask(model, photos, args.look) for photos in (fitted_on, others))
    matched = match_boxes(learned)
    margin = fit_margin(matched)
    print(_describe(fitted_on, matched, margin, args))
    rows = _measure(annotations.root.name, args.look, judged, margin)
    note = "The photos with a plate that the margin was not fitted on; 95 % Wilson intervals."
    print(to_markdown(Document("Margin", (to_table(rows, [note]),))))
    _refuse_harm(rows, args.force)
    asked = len(fitted_on.photos) + len(others.photos)
    return margin, asked - len(learned) - len(judged)


def _check_target(model: Runtime, target: Path) -> None:
    model.check_storable(target)
    if real_path(target) == real_path(model.model):
        read_manifest(model.model)  # a damaged one could not be kept true


def _store(model: Runtime, margin: FitMargin | None, target: Path) -> None:
    """Write the margin, and keep what lies beside the model true for ``check``."""
    spec = model.spec.with_options(margin=margin)
    if real_path(target) == real_path(model.model):
        with renewed_manifest(model.model):
            model.store_spec(spec, target)
        return
    model.store_spec(spec, target)
    golden = golden_file(model.model)
    if golden.exists():  # its answers leave margins aside
        write_bytes(golden_file(target), read_bytes(golden))


def _ask(model: Runtime, photos: AnnotationSet, looks: int) -> list[FinderAnswer]:
    asked = answer_photos(model, photos, looks)
    return list(show_progress(asked, len(photos.photos), photos.root.name))


def _describe(
    fitted_on: AnnotationSet, matched: MatchedBoxes, margin: FitMargin, args: argparse.Namespace
) -> str:
    return (
        f"{fitted_on.root.name}: {len(matched.found)} of {fitted_on.box_count} plates in "
        f"{args.photos} photos (seed {args.seed}) were found: {margin.describe()}"
    )


def _measure(
    name: str, looks: int, answers: Sequence[FinderAnswer], margin: FitMargin
) -> tuple[FinderRow, FinderRow]:
    """Accuracy without and with the margin, on photos that it was not fitted on."""
    moved = [answer.with_margin(margin) for answer in answers]
    return (
        summarise_answers(name, looks, "without", answers, None),
        summarise_answers(name, looks, "with", moved, None),
    )


def _refuse_harm(rows: tuple[FinderRow, FinderRow], force: bool) -> None:
    """Do not store a margin that was measured to lower the mean IoU.

    Raises:
        InputError: It does, and nobody insists.
    """
    before, after = (row.mean_iou or 0.0 for row in rows)
    if after >= before:
        return
    harm = (
        f"on these photos the margin lowers the mean IoU from {before:.3f} to {after:.3f}; the "
        "labels' convention is already the model's, or more photos are needed"
    )
    if not force:
        raise InputError(f"{harm}. Nothing was stored; --force stores it all the same")
    print(f"warning: {harm}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("margin", __doc__)
    add = parser.add_argument
    add("model", type=Path, help="model.onnx, or a converted file with its .spec.json beside it")
    add("set", type=Path, nargs="?", metavar="SET", help="label file or folder of the site")
    add("--photos", type=positive_int, default=20, metavar="N",
        help="learn from so many; the others show what it does (default: %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, help="of the draw of those photos (default: %(default)s)")
    add("--only", metavar="REGEX", help="only photos whose name begins with a match")
    add_side_option(parser)
    add_look_option(parser)
    add("--force", action="store_true",
        help="store a margin even if it lowers the mean IoU of the other photos")  # fmt: skip
    add("--remove", action="store_true", help="take the model's margin away instead")
    add("-o", "--output", type=Path, metavar="FILE",
        help="write another .onnx file (default: the model itself is changed)")  # fmt: skip
    add_runtime_options(parser)
    add("--threads", type=worker_count, metavar="N", help="of the runtime")
    add_file_limit(parser)
    return parser
