"""Make 91 copies of each photo by the thesis' recipe: rotations, brightness, contrast.

An interrupted run goes on when the same command is given again.

Examples:
    lightning-plates data augment runs/mine -o runs/copies --keep 3000 --seed 0

Page: docs/leakage.md
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lightning_plates.cli._arguments import add_file_limit, positive_int, worker_count
from lightning_plates.cli._parser import CommandParser
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.augmentation_run import (
    AugmentSettings,
    AugmentSummary,
    augment_photos,
    finish_set,
)
from lightning_plates.data.offline_augmentation import Limits
from lightning_plates.errors import InputError
from lightning_plates.locking import hold_folder

SKIPPED_EXIT_CODE = 3
"""Exit status when some photos could not be augmented; the others were."""


def main(argv: list[str]) -> int:
    """Run ``data augment``; see ``--help``."""
    args = _parser().parse_args(argv)
    annotations = read_annotations(args.set, args.photos)
    settings = AugmentSettings(Limits(args.darkest, args.brightest, args.visible), args.quality)
    with hold_folder(args.output):
        return _run(args, annotations, settings)


def _run(args: argparse.Namespace, annotations: AnnotationSet, settings: AugmentSettings) -> int:
    results = augment_photos(annotations, args.output, settings, args.workers)
    photos = list(show_progress(results, len(annotations.photos), "augmenting"))
    done = [photo for photo in photos if not photo.error]
    if not done:
        raise InputError(f"{args.set}: no photo could be augmented ({photos[0].error})")
    _report(args.output, finish_set(done, args.output, args.keep, args.seed))
    for photo in photos:
        if photo.error:
            print(f"skipped: {photo.error}", file=sys.stderr)
    return 0 if len(done) == len(photos) else SKIPPED_EXIT_CODE


def _parser() -> argparse.ArgumentParser:
    limits = Limits()
    parser = CommandParser("data augment", __doc__)
    parser.add_argument("set", type=Path, help="label file, or folder with labels and photos")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the copies")
    parser.add_argument("--photos", type=Path, help="folder of the photos, if not by the labels")
    parser.add_argument(
        "--keep", type=positive_int, metavar="N", help="draw N of the sound copies (all)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of that draw (%(default)s)")
    parser.add_argument(
        "--darkest", type=float, default=limits.darkest, help="plate luminance 0-255 (%(default)s)"
    )
    parser.add_argument(
        "--brightest",
        type=float,
        default=limits.brightest,
        help="plate luminance 0-255 (%(default)s)",
    )
    parser.add_argument(
        "--visible", type=float, default=limits.visible, help="share of a plate (%(default)s)"
    )
    parser.add_argument(
        "--quality", type=int, choices=range(1, 96), metavar="1-95", default=92, help="of the JPEGs"
    )
    parser.add_argument("--workers", type=worker_count, metavar="N", help="processes (all cores)")
    add_file_limit(parser)
    return parser


def _report(output: Path, summary: AugmentSummary) -> None:
    print(
        f"{output}: {summary.photos} photos, {summary.rotated} with rotations, "
        f"{summary.with_brightness} with brightness, {summary.copies} with contrast"
    )
    for reason, count in sorted(summary.set_aside.items()):
        print(f"set aside, {reason}: {count}")
    print(f"kept: {summary.kept}")
