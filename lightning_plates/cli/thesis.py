"""Reproduce the thesis' first stage: augment, train three backbones on two splits, compare.

Steps that are done are skipped: after Ctrl-C, give the same command again.

Examples:
    lightning-plates thesis -o runs/thesis

Page: docs/leakage.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_plates.cli._arguments import positive_int
from lightning_plates.cli._parser import CommandParser
from lightning_plates.errors import InputError


def main(argv: list[str]) -> int:
    """Run ``thesis``; see ``--help``."""
    from lightning_plates.bench.thesis.experiment import run_experiment
    from lightning_plates.bench.thesis.plan import Settings, backbones

    options = _parser(backbones()).parse_args(argv)
    if not options.output.exists():
        _check_weights(options.weights_dir, options.backbones)
    settings = Settings(
        photos=_absolute(options.photos),
        weights_dir=_absolute(options.weights_dir),
        count=options.count,
        keep=options.keep,
        epochs=options.epochs,
        seed=options.seed,
        unseen=options.unseen,
        precision=options.precision,
    )
    for file in run_experiment(settings, options.output, options.backbones, options.also):
        print(file)
    return 0


def _absolute(path: Path | None) -> str:
    return "" if path is None else str(path.resolve())


def _check_weights(folder: Path | None, backbones: list[str]) -> None:
    """Read or download them before anything is computed; downloads count in no training time."""
    from lightning_plates.models.weights import read_weights

    for backbone in backbones:
        file = "imagenet" if folder is None else str(folder / f"{backbone}.safetensors")
        try:
            read_weights(backbone, file)
        except InputError as error:
            raise InputError(f"{error} (here: --weights-dir DIR)") from error


def _parser(backbones: list[str]) -> argparse.ArgumentParser:
    parser = CommandParser("thesis", __doc__)
    add = parser.add_argument
    add("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of it all")
    add("--photos", type=Path, metavar="SET", help="annotated source photos (default: draw some)")
    add(
        "--weights-dir",
        type=Path,
        metavar="DIR",
        help="folder with vgg16.safetensors and so on (default: torchvision's ImageNet weights)",
    )
    add(
        "--backbones",
        nargs="+",
        choices=backbones,
        default=backbones,
        metavar="NAME",
        help=f"train only these of: {', '.join(backbones)}; the others can follow later",
    )
    add("--also", type=Path, nargs="+", default=[], metavar="SET", help="measure on these as well")
    add("--count", type=positive_int, default=130, metavar="N", help="photos drawn (%(default)s)")
    add("--keep", type=positive_int, default=5069, metavar="N", help="copies used (%(default)s)")
    add("--epochs", type=positive_int, default=17, metavar="N", help="of each run (%(default)s)")
    add("--unseen", type=positive_int, default=300, metavar="N", help="test photos (%(default)s)")
    add("--seed", type=int, default=0, metavar="S", help="of every draw (%(default)s)")
    add(
        "--precision",
        choices=("32-true", "bf16-mixed"),
        default="32-true",
        help="arithmetic; bf16-mixed is quicker where the processor has it (%(default)s)",
    )
    return parser
