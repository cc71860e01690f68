"""Divide a photo set into train, val and test by source photo, and keep that on disk.

A set that comes divided, in folders train, valid and test or by its labels, stays so. The
protocol 'thesis' draws copies at random, whatever photo they derive from, as the thesis did: its
validation figures are flattered by that.

Examples:
    lightning-plates data split runs/mine
    lightning-plates data split runs/mine -o runs/split.csv --protocol grouped

Page: docs/leakage.md
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

from lightning_plates.cli._arguments import add_file_limit, fraction
from lightning_plates.cli._parser import CommandParser
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.split import (
    OWN,
    PROTOCOLS,
    Fractions,
    Split,
    make_split,
    own_split,
    read_split,
    split_file_of,
    write_split,
)
from lightning_plates.errors import InputError


def main(argv: list[str]) -> int:
    """Run ``data split``; see ``--help``."""
    args = _parser().parse_args(argv)
    annotations = read_annotations(args.set, args.photos)
    own = _own_split(args.set, annotations) if args.protocol is None else None
    if own is not None and (args.fractions or args.group_by):
        raise InputError(f"{args.set}: comes divided; draw another split with --protocol grouped")
    split = own or _draw(annotations, args)
    target = args.output or split_file_of(args.set)
    write_split(split, target)
    print(f"{target}: {split.describe()}")
    if own is not None:
        print("kept as the set came; --protocol grouped draws another split")
    return 0


def _own_split(path: Path, annotations: AnnotationSet) -> Split | None:
    """What `data import` wrote down of a set that came divided, or its folders and lists say."""
    written = split_file_of(path)
    kept = read_split(written) if written.exists() else None
    return kept if kept is not None and kept.protocol == OWN else own_split(annotations)


def _draw(annotations: AnnotationSet, args: argparse.Namespace) -> Split:
    fractions = cast("Fractions", tuple(args.fractions)) if args.fractions else None
    protocol = args.protocol or "grouped"
    return make_split(annotations, protocol, fractions, args.seed, args.group_by)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("data split", __doc__)
    parser.add_argument("set", type=Path, help="label file, or folder with labels and photos")
    parser.add_argument("--photos", type=Path, help="folder of the photos, if not by the labels")
    parser.add_argument("-o", "--output", type=Path, help="file to write (split.csv by the labels)")
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        help="how to draw (default: not at all where the set comes divided, else grouped)",
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
