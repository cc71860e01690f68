"""The command line that all converters share: ``python -m conversion.NAME MODEL.onnx -o DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from conversion._base import Artefact
from conversion._convert import PhotoChoice
from conversion._discovery import find_converter
from conversion.gate.parity import PRECISIONS, TOLERANCES
from conversion.int8.calibration import DEFAULT_COUNT, MAX_COUNT, Calibration
from conversion.tools.output import show_tool_output
from lightning_plates.errors import InputError, ParityError
from lightning_plates.photos import RgbImage
from runtimes._base import require_regular


def run_converter(name: str, argv: list[str]) -> int:
    """Run one converter's script.

    Args:
        name: File name of the converter, e.g. ``"openvino"``.
        argv: Words of its command line.

    Returns:
        The exit status.
    """
    cls = find_converter(name)
    parser = argparse.ArgumentParser(
        prog=f"python -m conversion.{name}",
        description=f"Convert an ONNX hub file for {cls.label}; keep it only if it agrees.",
    )
    parser.add_argument("model", type=Path, help="ONNX hub file")
    add_folder_option(parser)
    parser.add_argument(
        "--precision", choices=cls.precisions, default=cls.precisions[0], help="%(default)s"
    )
    add_photo_options(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the tool prints")
    cls.add_options(parser)
    args = parser.parse_args(argv)
    if args.verbose:
        show_tool_output()
    converter = cls.from_arguments(args)
    converter.check_options(args.precision, args.calibration is not None)
    _check_numbers(args)
    converter.check_tool()  # before photos are drawn, which needs packages of its extra too
    require_regular(args.model)  # before photos are decoded
    calibration, photos = chosen_photos(args)
    try:
        artefact = converter.convert(
            args.model,
            args.output,
            args.precision,
            photos,
            calibration,
            args.min_likeness,
            args.device,
        )
    except ParityError as error:
        raise ParityError(f"{error}; {_ways_out(args)}") from error
    print(report_line(artefact))
    return 0


def _ways_out(args: argparse.Namespace) -> str:
    """What may be tried after a conversion whose result answers differently."""
    ways = ["--calibration with other or more photos"] if args.calibration is not None else []
    if hasattr(args, "search") and args.precision == "int8" and not args.search:
        ways.append("--search for layers to leave in float")
    if args.precision != "fp32":
        ways.append("a precision that loses less")
    return f"try {', '.join([*ways, 'or accept less with --min-likeness'])}"


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Where results go."""
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the result"
    )


def add_photo_options(parser: argparse.ArgumentParser) -> None:
    """Which photos calibrate and compare, on what device, and how well the two must agree."""
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="PHOTOS",
        help="photos or annotated set (its training side) that INT8 is calibrated with",
    )
    parser.add_argument(
        "--calibration-count", type=int, default=DEFAULT_COUNT, metavar="N", help="%(default)s"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sample (%(default)s)")
    parser.add_argument(
        "--photos",
        type=Path,
        help="photos to compare on (default: others of --calibration, or else synthetic ones)",
    )
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="what runs the converted model when it is compared (default: its runtime's first)",
    )
    stated = ", ".join(f"{name} {TOLERANCES[name].min_mean_likeness:g}" for name in PRECISIONS)
    parser.add_argument(
        "--min-likeness",
        "--min-iou",
        type=float,
        metavar="SHARE",
        help="mean likeness with the hub, of boxes their IoU, below which nothing is written "
        f"(default: {stated})",
    )


def photo_words(args: argparse.Namespace) -> list[str]:
    """What was given for :func:`add_photo_options`, as words of a command line."""
    parser = argparse.ArgumentParser(add_help=False)
    add_photo_options(parser)
    given = {name: getattr(args, name) for name in vars(parser.parse_args([]))}
    return [f"--{n.replace('_', '-')}={value}" for n, value in given.items() if value is not None]


def chosen_photos(args: argparse.Namespace) -> tuple[Calibration | None, list[RgbImage]]:
    """Calibration photos, and those to compare on, by :func:`add_photo_options`.

    Raises:
        InputError: A folder is missing or empty, or a number is out of range.
    """
    _check_numbers(args)
    return PhotoChoice(args.calibration, args.calibration_count, args.seed, args.photos).load()


def _check_numbers(args: argparse.Namespace) -> None:
    if not 1 <= args.calibration_count <= MAX_COUNT:
        raise InputError(
            f"--calibration-count is {args.calibration_count}, expected 1 to {MAX_COUNT}"
        )
    if args.min_likeness is not None and not 0 <= args.min_likeness <= 1:
        raise InputError(f"--min-likeness is {args.min_likeness:g}, expected a number from 0 to 1")


def report_line(artefact: Artefact) -> str:
    """What a finished conversion says."""
    manifest = artefact.manifest
    size_mb = sum(manifest.sizes.values()) / 1e6
    calibrated = f"; calibrated: {manifest.calibration}" if manifest.calibration else ""
    return f"{artefact.path}: {size_mb:.1f} MB; {manifest.parity.describe()}{calibrated}"
