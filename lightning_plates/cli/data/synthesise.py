"""Draw photos of vehicles with Costa Rican plates, with boxes, corners and texts.

A set that was interrupted, or is to grow, is continued by the same command.

Examples:
    lightning-plates data synthesise -o runs/drawn --count 600 --seed 1

Page: docs/finder.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_plates.cli._arguments import add_file_limit, worker_count
from lightning_plates.cli._parser import CommandParser


def main(argv: list[str]) -> int:
    """Run ``data synthesise``."""
    options = _parser().parse_args(argv)
    from lightning_plates.data.synthetic.generate import SetOptions, generate
    from lightning_plates.data.synthetic.scene import SceneOptions

    low, high = options.plate_width
    scene = SceneOptions(options.size, (low, high), options.negatives, options.several)
    wanted = SetOptions(options.count, options.seed, scene, options.onto)
    annotations = generate(options.output, wanted, options.workers)
    print(f"{options.output}: {len(annotations.photos)} photos, {annotations.box_count} plates")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("data synthesise", __doc__)
    add = parser.add_argument
    add("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the new set")
    add("--count", type=int, default=1000, metavar="N", help="photos (default: 1000)")
    add("--seed", type=int, default=0, metavar="S", help="same seed, same photos (default: 0)")
    add("--size", type=int, default=640, metavar="PX", help="long side (default: 640)")
    add(
        "--plate-width",
        type=float,
        nargs=2,
        default=(0.04, 0.45),
        metavar=("MIN", "MAX"),
        help="width of the plate as a share of the photo's width (default: 0.04 0.45)",
    )
    add(
        "--onto",
        type=Path,
        metavar="SET",
        help="lay the plates over those of this annotated set instead of drawing scenes",
    )
    add(
        "--negatives",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the photos without a plate (default: 0)",
    )
    add(
        "--several",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="share of the photos where other vehicles may have plates, too (default: 0.1)",
    )
    add("--workers", type=worker_count, metavar="N", help="processes (default: one a core)")
    add_file_limit(parser)
    return parser
