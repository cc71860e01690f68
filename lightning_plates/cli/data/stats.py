"""Count and measure a photo set; draw a histogram of its boxes.

Examples:
    lightning-plates data stats runs/mine

Page: docs/labels.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_plates.cli._arguments import add_file_limit
from lightning_plates.cli._parser import CommandParser
from lightning_plates.data.annotations import read_labels
from lightning_plates.data.statistics import (
    SetStatistics,
    compute_statistics,
    draw_histogram,
)
from lightning_plates.drafts import write_bytes


def main(argv: list[str]) -> int:
    """Run ``data stats``; see ``--help``."""
    args = _parser().parse_args(argv)
    labels = read_labels(args.set, args.photos)
    print(_text(compute_statistics(labels.annotations)))
    if labels.unlabelled:
        print(f"photos that no label names: {len(labels.unlabelled)}")
    if labels.problems:
        print(f"entries left out: {len(labels.problems)} (see: data check {args.set})")
    if args.output is not None:
        write_bytes(args.output, draw_histogram(labels.annotations, args.set.name))
        print(f"histogram: {args.output}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("data stats", __doc__)
    parser.add_argument("set", type=Path, help="label file, or folder with labels and photos")
    parser.add_argument("--photos", type=Path, help="folder of the photos, if not by the labels")
    parser.add_argument("-o", "--output", type=Path, help="PNG to write a histogram to")
    add_file_limit(parser)
    return parser


def _text(statistics: SetStatistics) -> str:
    counts = {
        "photos": statistics.photos,
        "sources": statistics.sources,
        "photos without box": statistics.photos_without_box,
        "photos with several": statistics.photos_with_several,
        "boxes": statistics.boxes,
        "boxes with text": statistics.boxes_with_text,
        "boxes with corners": statistics.boxes_with_corners,
    }
    counts |= {f"boxes labelled {name!r}": count for name, count in statistics.labels.items()}
    lines = [f"{name:<24}{count:>9}" for name, count in counts.items()]
    if statistics.spreads:
        lines.append(f"{'':<24} smallest      10%   median      90%  largest")
    lines += [f"{name:<24} {spread}" for name, spread in statistics.spreads.items()]
    return "\n".join(lines)
