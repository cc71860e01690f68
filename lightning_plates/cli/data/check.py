"""List everything that is wrong with a photo set, in one run.

Unreadable or missing photos, wrong sizes, photos of equal content, repeated rows, and boxes that
are inverted, empty, outside or not numbers; one line each, with file and line. The exit status is
1 if there are any.

Examples:
    lightning-plates data check runs/mine

Page: docs/labels.md
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from lightning_plates.cli._arguments import add_file_limit, worker_count
from lightning_plates.cli._parser import CommandParser
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.rows import Labels, Problem
from lightning_plates.data.inspection import find_duplicate_photos, inspect_photos

PROBLEMS_EXIT_CODE = 1
"""Exit status when the set was read and something in it is wrong."""


def main(argv: list[str]) -> int:
    """Run ``data check``; see ``--help``."""
    args = _parser().parse_args(argv)
    labels = read_labels(args.set, args.photos)
    inspected = inspect_photos(labels, args.workers)
    found = [p for p in show_progress(inspected, len(labels.named), "decoding") if p is not None]
    # A size that is not the photo's is seen by the reader and, where it fits, by the inspection.
    unique = {str(problem): problem for problem in (*labels.problems, *found)}
    problems = [*unique.values(), *find_duplicate_photos(labels)]
    if not labels.named and not problems:
        problems = [Problem(str(args.set), "no labelled photo in it")]
    for problem in sorted(problems, key=_place):
        print(problem)
    for note in labels.notes:
        print(f"note: {note}")
    print(_summary(labels, len(problems)))
    return PROBLEMS_EXIT_CODE if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("data check", __doc__)
    parser.add_argument("set", type=Path, help="label file, or folder with labels and photos")
    parser.add_argument("--photos", type=Path, help="folder of the photos, if not by the labels")
    parser.add_argument("--workers", type=worker_count, metavar="N", help="processes (all cores)")
    add_file_limit(parser)
    return parser


def _place(problem: Problem) -> tuple[str | int, ...]:
    """Sort numbers inside a place as numbers: line 9 comes before line 10."""
    parts = re.split(r"(\d+)", problem.where)
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts))


def _summary(labels: Labels, problems: int) -> str:
    unlabelled = f"; {len(labels.unlabelled)} more have no label" if labels.unlabelled else ""
    return f"{len(labels.named)} labelled photos checked{unlabelled}; problems: {problems}"
