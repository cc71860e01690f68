"""Find plates that a photo set leaves unlabelled, with a finder that is trained already.

What it sees beside all labels is written as boxes.csv: label these plates, or name the file as
the set's 'unlabelled' for the dense finder's training.

Examples:
    lightning-plates data unlabelled runs/mine -o runs/missing.csv

Page: docs/labels.md
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from lightning_plates.bench.unlabelled import find_unlabelled
from lightning_plates.cli._arguments import (
    add_file_limit,
    add_runtime_options,
    fraction,
    worker_count,
)
from lightning_plates.cli._looks import add_look_option
from lightning_plates.cli._parser import CommandParser
from lightning_plates.cli._photo_sets import choose_photos
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations import boxes_csv
from lightning_plates.errors import InputError
from lightning_plates.finding.shipped import default_model
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE
from runtimes import open_model


def main(argv: list[str]) -> int:
    """Run ``data unlabelled``; see ``--help``."""
    args = _parser().parse_args(argv)
    photos = choose_photos(args.set, args.only)
    target = args.output / boxes_csv.TARGET if args.output.is_dir() else args.output
    _check_target(target, args.set)
    path = args.model or default_model()
    with open_model(path, args.runtime, args.device, args.threads) as model:
        asked = show_progress(photos.photos, len(photos.photos), "photos")
        answers = [
            find_unlabelled(model, photos, photo, args.look, args.min_confidence) for photo in asked
        ]
    seen = [photo for photo in answers if photo is not None]
    status = UNREADABLE_EXIT_CODE if len(seen) < len(answers) else 0
    if not seen:
        raise InputError(f"{photos.root}: none of its photos can be read")
    found = dataclasses.replace(photos, photos=tuple(photo for photo in seen if photo.boxes))
    if not found.photos:
        print(f"{photos.root}: every plate that {path.name} sees is labelled; nothing is written")
        return status
    boxes_csv.write(found, target)
    print(
        f"{target}: {found.box_count} boxes without a label in {len(found.photos)} of "
        f"{len(seen)} photos; look at them with: python -m lightning_plates data show {target} "
        f"--photos {photos.root} --crops -o sheet.jpg"
    )
    return status


def _check_target(target: Path, chosen: Path) -> None:
    """Refuse a second label file beside the set's own: the folder would become ambiguous."""
    labels = chosen if chosen.is_dir() else chosen.parent
    if target.resolve().parent == labels.resolve():
        raise InputError(f"{target}: would lie among the labels of {chosen}; write it elsewhere")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("data unlabelled", __doc__)
    add = parser.add_argument
    add("set", type=Path, help="label file, or folder with labels and photos")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="table of boxes to write")
    add("--only", metavar="REGEX", help="only photos whose name begins with a match")
    add("--model", type=Path, metavar="FILE", help="finder (default: the shipped one)")
    add_look_option(parser)
    add("--min-confidence", type=fraction, metavar="P",
        help="only boxes of this probability (default: the finder's threshold)")  # fmt: skip
    add_runtime_options(parser)
    add("--threads", type=worker_count, metavar="N", help="of the runtime")
    add_file_limit(parser)
    return parser
