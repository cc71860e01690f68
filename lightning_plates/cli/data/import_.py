"""Read a labelled photo set in any format and write it as upright JPEGs with boxes.

The format of the labels is recognised by their content; the data.yaml of a YOLO set stands for its
folders. Labels that refer to a photo before its EXIF rotation are turned with it. The division of a
set that comes divided is kept in split.csv.

Examples:
    lightning-plates data import labels.json --photos photos/ -o runs/mine
    lightning-plates data import data.yaml -o runs/mine --classes plate

Page: docs/labels.md
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from lightning_plates.cli._arguments import (
    add_file_limit,
    edge_tolerance,
    positive_int,
    positive_number,
    worker_count,
)
from lightning_plates.cli._parser import CommandParser
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.annotations.registry import format_titles, writable_formats
from lightning_plates.data.annotations.rows import Labels
from lightning_plates.data.photo_import import (
    ImportedPhoto,
    ImportOptions,
    ImportTotals,
    import_photos,
)
from lightning_plates.data.split import (
    SPLIT_FILE,
    carry_over,
    own_split,
    read_split,
    split_file_of,
    write_split,
)
from lightning_plates.drafts import draft_folder_of, utf_8
from lightning_plates.errors import InputError
from lightning_plates.terminal.console import report_interruption

SKIPPED_EXIT_CODE = 3
"""Exit status when some photos were left out; the others were written."""
MANIFEST = "import.csv"
"""Which file each photo was before: ``original,file,reason``."""


def main(argv: list[str]) -> int:
    """Run ``data import``; see ``--help``."""
    args = _parser().parse_args(argv)
    labels = read_labels(args.source, args.photos, args.classes, args.clip)
    options = ImportOptions(args.quality, args.max_side, tuple(args.box_scale))
    try:
        return _run(args, labels, options)
    except KeyboardInterrupt as error:
        return report_interruption(error, "nothing was written")


def _run(args: argparse.Namespace, labels: Labels, options: ImportOptions) -> int:
    written_split = split_file_of(args.source)
    split = read_split(written_split) if written_split.exists() else own_split(labels.annotations)
    with draft_folder_of(args.output) as draft:
        imported = _import(labels.annotations, draft, args.rename, options, args.workers)
        records = {one.original: one.record for one in imported if one.record is not None}
        if not records:
            raise InputError(_nothing_left(args.source, labels, imported))
        annotations = AnnotationSet(draft, tuple(records.values()))
        label_format = writable_formats()[args.to]
        label_format.write(annotations, draft / label_format.TARGET)
        (draft / MANIFEST).write_bytes(utf_8(_manifest(imported)))
        kept = carry_over(split, records) if split is not None else None
        if kept is not None:
            write_split(kept, draft)
    _warn_of_classes(labels, args.classes)
    for note in (*labels.notes, *filter(None, [labels.division])):
        print(f"note: {note}", file=sys.stderr)
    totals = ImportTotals.count(labels, annotations, imported)
    print(f"{args.output}: {totals.describe()}")
    if kept is not None:
        print(f"{args.output / SPLIT_FILE}: {kept.describe()}")
    return _report_skipped(labels, imported)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("data import", __doc__, more=f"Formats: {format_titles()}.")
    parser.add_argument("source", type=Path, help="label file, or folder with labels and photos")
    parser.add_argument("-o", "--output", type=Path, required=True, help="new folder for the set")
    parser.add_argument("--photos", type=Path, help="folder of the photos, if not by the labels")
    parser.add_argument(
        "--classes",
        nargs="+",
        default=(),
        metavar="NAME",
        help="boxes that are plates; others are left out (all)",
    )
    parser.add_argument(
        "--clip",
        type=edge_tolerance,
        metavar="SIZE",
        help="cut boxes that reach so far over the edge of their photo, and leave photos out "
        "whose boxes reach further (3 pixels or 1%%, whichever is more)",
    )
    parser.add_argument(
        "--to", choices=writable_formats(), default="boxes_csv", help="label format (%(default)s)"
    )
    parser.add_argument(
        "--rename", default="", metavar="NAME", help="name photos NAME0001.jpeg and so on"
    )
    parser.add_argument(
        "--quality", type=int, choices=range(1, 96), metavar="1-95", default=92, help="of the JPEGs"
    )
    parser.add_argument(
        "--max-side", type=positive_int, metavar="PX", help="scale larger photos down"
    )
    parser.add_argument(
        "--box-scale",
        type=positive_number,
        nargs=2,
        default=(1.0, 1.0),
        metavar=("W", "H"),
        help="multiply the boxes' widths and heights, where labels show more or less than the "
        "plate (1 1)",
    )
    parser.add_argument("--workers", type=worker_count, metavar="N", help="processes (all cores)")
    add_file_limit(parser)
    return parser


def _import(
    annotations: AnnotationSet, draft: Path, rename: str, options: ImportOptions, workers: int
) -> list[ImportedPhoto]:
    photos = import_photos(annotations, draft, rename, options, workers)
    return list(show_progress(photos, len(annotations.photos), "importing"))


def _nothing_left(source: Path, labels: Labels, imported: list[ImportedPhoto]) -> str:
    reasons = [*map(str, labels.problems), *(f"{p.original}: {p.reason}" for p in imported)]
    first = f" (first of {len(reasons)} problems: {reasons[0]})" if reasons else ""
    return f"{source}: no photo could be imported{first}"


def _manifest(imported: list[ImportedPhoto]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("original", "file", "reason"))
    for photo in imported:
        writer.writerow((photo.original, photo.record.file if photo.record else "", photo.reason))
    return stream.getvalue()


def _warn_of_classes(labels: Labels, chosen: Sequence[str]) -> None:
    """Nothing else tells whoever labelled vehicles, too, that they are trained on as plates."""
    if len(labels.classes) > 1 and not chosen:
        shown = ", ".join(f"{name!r} ({count})" for name, count in labels.classes.items())
        print(
            f"note: boxes of several classes, all taken for plates: {shown}; "
            "--classes NAME leaves the others out",
            file=sys.stderr,
        )


def _report_skipped(labels: Labels, imported: list[ImportedPhoto]) -> int:
    skipped = [f"{photo.original}: {photo.reason}" for photo in imported if photo.record is None]
    for problem in (*labels.problems, *skipped):
        print(f"skipped: {problem}", file=sys.stderr)
    return SKIPPED_EXIT_CODE if skipped or labels.problems else 0
