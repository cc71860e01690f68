"""Divide a photo set into train, val and test by source photo, and keep that on disk."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

from lightning_plates.cli._arguments import add_file_limit, fraction
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.split import (
    PROTOCOLS,
    SPLIT_FILE,
    Fractions,
    make_split,
    write_split,
)


def main(argv: list[str]) -> int:
    """Run ``data split``; see ``--help``."""
    args = _parser().parse_args(argv)
    annotations = read_annotations(args.set, args.photos)
    fractions = cast("Fractions", tuple(args.fractions)) if args.fractions else None
    split = make_split(annotations, args.protocol, fractions, args.seed, args.group_by)
    target = args.output or (args.set if args.set.is_dir() else args.set.parent) / SPLIT_FILE
    write_split(split, target)
    print(f"{target}: {split.describe()}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lightning_plates data split",
        description=f"{__doc__} The protocol 'thesis' draws copies at random, whatever photo they "
        "derive from, as the thesis did: its validation figures are flattered by that.",
    )
    parser.add_argument("set", type=Path, help="label file, or folder with labels and photos")
    parser.add_argument("--photos", type=Path, help="folder of the photos, if not by the labels")
    parser.add_argument("-o", "--output", type=Path, help="file to write (split.csv by the labels)")
    parser.add_argument(
        "--protocol", choices=PROTOCOLS, default="grouped", help="how to draw (%(default)s)"
    )
    parser.add_argument(
        "--fractions",
        type=fraction,
        nargs=3,
        metavar=("TRAIN", "VAL", "TEST"),
        help="shares (grouped: 0.8 0.1 0.1; thesis: 0.9 0.1 0)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draw (%(default)s)")
    parser.add_argument(
        "--group-by",
        default="",
        metavar="REGEX",
        help="what names with the same match have in common stays together, e.g. '^(.*)_t_'",
    )
    add_file_limit(parser)
    return parser
