"""``python -m conversion all MODEL.onnx``: every format and precision that can be made here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conversion._base import Artefact, Converter
from conversion._calibration import Calibration
from conversion._discovery import list_converters
from conversion._hub_file import open_hub
from conversion._script import add_folder_option, add_photo_options, chosen_photos, run_converter
from lightning_plates.console import UNREADABLE_EXIT_CODE, run_reporting
from lightning_plates.drafts import write_text
from lightning_plates.errors import ConversionError, InputError, MissingDependencyError, ModelError
from lightning_plates.photos import RgbImage


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of one format and precision."""

    label: str
    """Name of the format."""
    precision: str
    artefact: Artefact | None
    """``None`` where it failed."""
    reason: str
    """Why it failed; empty where it did not."""


def main(argv: list[str]) -> int:
    """Run ``all``, or the converter that the first word names."""
    if not argv or argv[0] in {"-h", "--help"}:
        print(_help_text())
        return 0 if argv else 2
    if argv[0] == "all":
        return _convert_all(argv[1:])
    return run_converter(argv[0], argv[1:])


def _convert_all(argv: list[str]) -> int:
    args = _parser().parse_args(argv)
    calibration, photos = chosen_photos(args)
    open_hub(args.model, max(cls.max_opset for cls in list_converters().values()))
    cells = []
    for cell in _cells(args, calibration, photos):
        cells.append(cell)
        print(_row(cell), flush=True)
    if args.table is not None:
        write_text(args.table, "\n".join([*_HEAD, *map(_row, cells), ""]))
    return UNREADABLE_EXIT_CODE if any(cell.reason for cell in cells) else 0


def _cells(
    args: argparse.Namespace, calibration: Calibration | None, photos: list[RgbImage]
) -> Iterator[Cell]:
    for cls in list_converters().values():
        for precision in cls.precisions:
            try:
                artefact = cls().convert(
                    args.model, args.output, precision, photos, calibration, args.min_iou
                )
            except (ConversionError, InputError, MissingDependencyError, ModelError) as error:
                yield Cell(cls.label, precision, None, " ".join(str(error).split()))
            else:
                yield Cell(cls.label, precision, artefact, "")


_HEAD = (
    "| format | precision | MB | mean IoU with hub | largest difference | status |",
    "|---|---|---|---|---|---|",
)


def _row(cell: Cell) -> str:
    if cell.artefact is None:
        return f"| {cell.label} | {cell.precision} | | | | {cell.reason} |"
    parity = cell.artefact.manifest.parity
    size_mb = sum(cell.artefact.manifest.sizes.values()) / 1e6
    return (
        f"| {cell.label} | {cell.precision} | {size_mb:.1f} | {parity.mean_iou:.4f} | "
        f"{parity.max_abs_difference:.1e} | agrees |"
    )


def _help_text() -> str:
    names = "\n".join(f"  {name:<13}{_facts(cls)}" for name, cls in list_converters().items())
    return (
        "usage: python -m conversion all MODEL.onnx -o DIR [--calibration PHOTOS]\n"
        "       python -m conversion.NAME MODEL.onnx -o DIR [--precision …]   (--help explains)\n\n"
        f"NAME is one of:\n{names}"
    )


def _facts(cls: type[Converter]) -> str:
    return f"{cls.label}: {', '.join(cls.precisions)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conversion all",
        description="Convert an ONNX hub file to every format and precision. What cannot be made "
        "is reported with its reason, and the exit status is 3.",
    )
    parser.add_argument("model", type=Path, help="ONNX hub file")
    add_folder_option(parser)
    add_photo_options(parser)
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table as Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(run_reporting(main, sys.argv[1:]))
