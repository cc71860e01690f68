"""``python -m conversion all MODEL.onnx …``: every format and variant that can be made here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from conversion._base import Converter
from conversion._calibration import MAX_COUNT
from conversion._cells import Cell, Task, make_cell
from conversion._discovery import list_converters, list_scripts
from conversion._hub_file import open_hub
from conversion._judges import Judges, judge, load_labelled
from conversion._script import (
    add_folder_option,
    add_photo_options,
    chosen_photos,
    photo_words,
    run_converter,
)
from conversion._table import (
    HubFacts,
    describe_cell,
    describe_command,
    describe_makers,
    render_csv,
    render_markdown,
)
from lightning_plates.clock import Timer
from lightning_plates.console import UNREADABLE_EXIT_CODE, run_reporting
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError
from lightning_plates.optional import install_command, is_installed


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
    _check(args)
    tasks = list(_tasks(args))
    cells = list(_cells(tasks, _wanted(args.only)))
    if args.table is not None:
        _write_table(args, argv, tasks, cells)
    return UNREADABLE_EXIT_CODE if any(cell.reason for cell in cells) else 0


def _check(args: argparse.Namespace) -> None:
    stems = [model.stem for model in args.models]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise InputError(f"two hub files are called {twice[0]}; their results would collide")
    if not 1 <= args.photo_count <= MAX_COUNT:
        raise InputError(f"--photo-count is {args.photo_count}, expected 1 to {MAX_COUNT}")
    if args.csv and args.table is None:
        raise InputError("--csv goes beside the table: give --table FILE too")


def _tasks(args: argparse.Namespace) -> Iterator[Task]:
    """Open every hub before anything is converted, and let it answer the photos."""
    calibration, photos = chosen_photos(args)
    labelled = load_labelled(args.photos, args.photo_count) if args.photos else None
    judges = labelled or Judges(tuple(photos), None)
    digest, calibrated = judges.digest(), calibration.describe() if calibration else None
    newest = max(cls.max_opset for cls in list_converters().values())
    for hub in [open_hub(model, newest) for model in args.models]:
        yield Task(
            hub=hub,
            answers=judge(hub.path, judges, "onnxruntime"),
            judges=judges,
            judges_sha256=digest,
            folder=args.output,
            words=tuple(photo_words(args)),
            device=args.device,
            min_iou=args.min_iou,
            calibration=calibrated,
            retry=args.retry,
            makes=not args.report,
        )


def _wanted(names: Sequence[str] | None) -> dict[str, type[Converter]]:
    known = list_converters()
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise InputError(f"unknown converter {unknown[0]!r} (choose from: {', '.join(known)})")
    return {name: cls for name, cls in known.items() if not names or name in names}


def _cells(tasks: Sequence[Task], converters: dict[str, type[Converter]]) -> Iterator[Cell]:
    """Make every cell, and say what is being made and what came of it."""
    plan = [
        (task, name, cls, variant)
        for task in tasks
        for name, cls in converters.items()
        for variant in cls.every_variant()
    ]
    for number, (task, name, cls, variant) in enumerate(plan, start=1):
        what = f"{task.hub.path.stem}, {cls.label} {variant.label}"
        print(f"[{number}/{len(plan)}] {what}: ", end="", flush=True)
        timer = Timer()
        cell = make_cell(task, name, cls, variant)
        print(f"{describe_cell(cell)} ({timer.wall_ms() / 1e3:.0f} s)", flush=True)
        yield cell


def _write_table(
    args: argparse.Namespace, argv: Sequence[str], tasks: Sequence[Task], cells: Sequence[Cell]
) -> None:
    hubs = [
        HubFacts(task.hub.path.stem, task.hub.path.stat().st_size, task.answers.hits)
        for task in tasks
    ]
    notes = [describe_command(["all", *argv]), _describe_photos(tasks[0]), *describe_makers(cells)]
    write_text(args.table, render_markdown(hubs, cells, notes))
    if args.csv:
        write_text(args.table.with_suffix(".csv"), render_csv(hubs, cells))


def _describe_photos(task: Task) -> str:
    labels = "labelled" if task.judges.labels else "without labels"
    used = task.calibration
    calibrated = f"{used['photos']} of the {used['side']} side" if used else "none"
    return f"measured on {len(task.judges.photos)} photos, {labels}; calibrated with {calibrated}"


def _help_text() -> str:
    names = "\n".join(f"  {name:<13}{_facts(cls)}" for name, cls in list_converters().items())
    scripts = "\n".join(f"  {line.replace('`', '')}" for line in list_scripts().values())
    return (
        "usage: python -m conversion all MODEL.onnx … -o DIR [--calibration SET] [--photos SET]\n"
        "       python -m conversion.NAME MODEL.onnx -o DIR [--precision …]   (--help explains)\n\n"
        f"NAME is one of:\n{names}\n\n"
        f"further scripts:\n{scripts}"
    )


def _facts(cls: type[Converter]) -> str:
    made = ", ".join(variant.label for variant in cls.every_variant())
    if is_installed("onnx") and is_installed(cls.module):  # onnx reads every hub
        return f"{cls.label}: {made}"
    return f"{cls.label}: {made}; not installed, {install_command(cls.extra)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conversion all",
        description="Convert ONNX hub files to every format and variant. What cannot be made is "
        "reported with its reason, and the exit status is 3. What was made before with the same "
        "hub, options, tool and photos is not made again.",
    )
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="ONNX hub file")
    add_folder_option(parser)
    add_photo_options(parser)
    parser.add_argument(
        "--photo-count", type=int, default=32, metavar="N",
        help="photos of an annotated --photos that are measured on (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these converters alone")
    parser.add_argument("--retry", action="store_true", help="try again what failed before")
    parser.add_argument("--report", action="store_true", help="make nothing, list what is there")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table as Markdown")
    parser.add_argument("--csv", action="store_true", help="and beside it as .csv")
    return parser


if __name__ == "__main__":
    sys.exit(run_reporting(main, sys.argv[1:]))
