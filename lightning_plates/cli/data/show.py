"""Draw a contact sheet of a photo set with its boxes.

Examples:
    lightning-plates data show runs/mine -o sheet.jpg

Page: docs/labels.md
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lightning_plates.cli._arguments import add_file_limit, positive_int
from lightning_plates.cli._originals import Originals
from lightning_plates.cli._parser import CommandParser
from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import AnnotationSet, PhotoRecord
from lightning_plates.data.contact_sheet import contact_sheet, crop_tile, draw_tile
from lightning_plates.drafts import write_bytes
from lightning_plates.errors import InputError, PlatesError, reason_without_name
from lightning_plates.photos import RgbImage, encode_jpeg, load_photo
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE


def main(argv: list[str]) -> int:
    """Run ``data show``; see ``--help``."""
    args = _parser().parse_args(argv)
    annotations = read_labels(args.set, args.photos).annotations
    originals = Originals([args.set, *(annotations.path_of(p) for p in annotations.photos)])
    originals.refuse_overwriting([args.output])
    chosen = _choose(annotations, args.count, args.seed)
    skipped: list[PhotoRecord] = []
    tiles = list(_tiles(annotations, chosen, args.side, args.crops, skipped))
    if not tiles:
        raise InputError(f"{args.set}: nothing to show")
    write_bytes(args.output, encode_jpeg(contact_sheet(tiles, args.columns, args.side)))
    shown = len(chosen) - len(skipped)
    print(f"{args.output}: {shown} of {len(annotations.photos)} photos")
    return UNREADABLE_EXIT_CODE if skipped else 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("data show", __doc__)
    parser.add_argument("set", type=Path, help="label file, or folder with labels and photos")
    parser.add_argument("-o", "--output", type=Path, required=True, help="JPEG to write")
    parser.add_argument("--photos", type=Path, help="folder of the photos, if not by the labels")
    parser.add_argument(
        "--count", type=positive_int, default=24, help="photos, drawn at random (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of that draw (%(default)s)")
    parser.add_argument(
        "--columns", type=positive_int, default=6, help="tiles in a row (%(default)s)"
    )
    parser.add_argument(
        "--side", type=positive_int, default=240, help="of a tile, in pixels (%(default)s)"
    )
    parser.add_argument("--crops", action="store_true", help="show each plate instead of photos")
    add_file_limit(parser)
    return parser


def _choose(annotations: AnnotationSet, count: int, seed: int) -> list[PhotoRecord]:
    total = len(annotations.photos)
    chosen = sorted(random.Random(seed).sample(range(total), min(count, total)))
    return [annotations.photos[index] for index in chosen]


def _tiles(
    annotations: AnnotationSet,
    photos: list[PhotoRecord],
    side: int,
    crops: bool,
    skipped: list[PhotoRecord],
) -> Iterator[tuple[str, RgbImage]]:
    """Captions and pictures; ``skipped`` gets the photos that cannot be read."""
    for photo in photos:
        path = annotations.path_of(photo)
        try:
            image, boxes = load_photo(path), photo.boxes
        except PlatesError as error:
            print(f"skipped: {path}: {reason_without_name(error, path)}", file=sys.stderr)
            skipped.append(photo)
            continue
        name = PurePosixPath(photo.file).stem
        if crops:
            yield from ((f"{name} {box.text}", crop_tile(image, box, side)) for box in boxes)
        else:
            yield name, draw_tile(image, boxes, side)
