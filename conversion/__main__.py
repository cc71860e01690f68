"""``python -m conversion all MODEL.onnx …``: every format and variant that can be made here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from conversion._base import Converter
from conversion._discovery import list_converters, list_scripts, run_script
from conversion._script import (
    add_folder_option,
    add_photo_options,
    chosen_photos,
    photo_words,
    run_converter,
)
from conversion.graph.hub_file import open_hub
from conversion.int8.calibration import MAX_COUNT
from conversion.matrix.cell import Cell, CellJob, make_cell
from conversion.matrix.evaluation import EvaluationSet, evaluate, load_labelled
from conversion.matrix.table import (
    HubFacts,
    describe_cell,
    describe_command,
    describe_makers,
    render_csv,
    render_markdown,
)
from lightning_plates.clock import Timer
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError
from lightning_plates.optional import install_command, is_installed
from lightning_plates.photos import RgbImage
from lightning_plates.tasks import task_of
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE, run_reporting


def main(argv: list[str]) -> int:
    """Run ``all``, or the converter or script that the first word names."""
    if not argv or argv[0] in {"-h", "--help"}:
        print(_help_text())
        return 0 if argv else 2
    if argv[0] == "all":
        return _convert_all(argv[1:])
    if argv[0] in list_scripts():
        return run_script(argv[0], argv[1:])
    return run_converter(argv[0], argv[1:])


def _convert_all(argv: list[str]) -> int:
    args = _parser().parse_args(argv)
    _check(args)
    jobs = list(_jobs(args))
    cells = list(_cells(jobs, _wanted(args.only)))
    if args.table is not None:
        _write_table(args, argv, jobs, cells)
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


def _jobs(args: argparse.Namespace) -> Iterator[CellJob]:
    """Open every hub before anything is converted, and let it answer the photos."""
    calibration, compared = chosen_photos(args)
    calibrated = calibration.describe() if calibration else None
    newest = max(cls.max_opset for cls in list_converters().values())
    for hub in [open_hub(model, newest) for model in args.models]:
        photos = _evaluation_set(args, compared, task_of(hub.spec).target)
        yield CellJob(
            hub=hub,
            answers=evaluate(hub.path, photos, "onnxruntime"),
            photos=photos,
            photos_sha256=photos.digest(),
            folder=args.output,
            words=tuple(photo_words(args)),
            device=args.device,
            min_likeness=args.min_likeness,
            calibration=calibrated,
            retry=args.retry,
            makes=not args.report,
        )


def _evaluation_set(
    args: argparse.Namespace, compared: Sequence[RgbImage], target: str
) -> EvaluationSet:
    """Labelled photos of ``--photos``, or else those that the hub is compared on."""
    labelled = load_labelled(args.photos, args.photo_count, target) if args.photos else None
    return labelled or EvaluationSet(tuple(compared), None)


def _wanted(names: Sequence[str] | None) -> dict[str, type[Converter]]:
    known = list_converters()
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise InputError(f"unknown converter {unknown[0]!r} (choose from: {', '.join(known)})")
    return {name: cls for name, cls in known.items() if not names or name in names}


def _cells(jobs: Sequence[CellJob], converters: dict[str, type[Converter]]) -> Iterator[Cell]:
    """Make every cell, and say what is being made and what came of it."""
    plan = [
        (job, name, cls, variant)
        for job in jobs
        for name, cls in converters.items()
        for variant in cls.every_variant()
    ]
    for number, (job, name, cls, variant) in enumerate(plan, start=1):
        what = f"{job.hub.path.stem}, {cls.label} {variant.label}"
        print(f"[{number}/{len(plan)}] {what}: ", end="", flush=True)
        timer = Timer()
        cell = make_cell(job, name, cls, variant)
        print(f"{describe_cell(cell)} ({timer.wall_ms() / 1e3:.0f} s)", flush=True)
        yield cell


def _write_table(
    args: argparse.Namespace, argv: Sequence[str], jobs: Sequence[CellJob], cells: Sequence[Cell]
) -> None:
    hubs = [
        HubFacts(
            job.hub.path.stem, job.hub.path.stat().st_size, job.answers.score, job.hub.spec.task
        )
        for job in jobs
    ]
    notes = [describe_command(["all", *argv]), _describe_photos(jobs[0]), *describe_makers(cells)]
    write_text(args.table, render_markdown(hubs, cells, notes))
    if args.csv:
        write_text(args.table.with_suffix(".csv"), render_csv(hubs, cells))


def _describe_photos(job: CellJob) -> str:
    labels = "labelled" if job.photos.labels else "without labels"
    used = job.calibration
    calibrated = f"{used['photos']} of the {used['side']} side" if used else "none"
    return f"measured on {len(job.photos.photos)} photos, {labels}; calibrated with {calibrated}"


def _help_text() -> str:
    names = "\n".join(f"  {name:<13}{_facts(cls)}" for name, cls in list_converters().items())
    scripts = "\n".join(
        f"  {name:<19}{line.partition(':')[0].rstrip('.')}" for name, line in list_scripts().items()
    )
    return (
        "usage: lightning-plates convert all MODEL.onnx … -o DIR [--calibration SET] …\n"
        "       lightning-plates convert NAME MODEL.onnx -o DIR …   (--help explains)\n\n"
        f"NAME is one of:\n{names}\n\n"
        f"further names:\n{scripts}\n\n"
        "`python -m conversion.NAME` does the same. Page: docs/conversion.md"
    )


def _facts(cls: type[Converter]) -> str:
    made = ", ".join(variant.label for variant in cls.every_variant())
    if is_installed("onnx") and is_installed(cls.module):  # onnx reads every hub
        return f"{cls.label}: {made}"
    return f"{cls.label}: {made}; not installed, {install_command(cls.extra)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lightning-plates convert all",
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
