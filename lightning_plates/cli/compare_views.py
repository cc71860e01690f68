"""Compare ways to cut and prepare plates before they are read, on labelled crops and photos."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from lightning_plates.bench.crop_views import BOX_VIEWS, VIEWS, CropView, read_view
from lightning_plates.bench.measure import describe_machine, summarise_spans
from lightning_plates.bench.reading_trials import (
    Trial,
    choose_trials,
    crop_trials,
    photo_trials,
    run_trials,
)
from lightning_plates.bench.report.document import Document, Row, Table
from lightning_plates.bench.report.markdown import to_markdown
from lightning_plates.cli._arguments import add_file_limit, fraction, positive_int, worker_count
from lightning_plates.cli._progress import show_progress
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError
from lightning_plates.reading.accuracy import fold_zero, score_samples
from lightning_plates.reading.crop_reader import CropReader
from lightning_plates.reading.crops import MARGIN
from lightning_plates.reading.ocr import OcrEngine, open_engine
from lightning_plates.reading.ocr.rapidocr import STRETCH, RapidOcr

COLUMNS = ("set", "plates", "view", "exact", "last digit", "character errors", "CPU ms")

DEFAULT_ENGINE = "rapidocr"


def main(argv: list[str]) -> int:
    """Run ``compare-views``; see ``--help``."""
    args = _parser().parse_args(argv)
    if not args.crops and not args.photos:
        raise InputError("nothing to compare: name folders with --crops or --photos")
    engines = dict(_engines(args.threads))
    rows: list[Row] = []
    for title, trials, views in _sets(args):
        for name, engine in engines.items():
            # Variants of the engine are compared on the plain view alone.
            for view in views if engine is engines[DEFAULT_ENGINE] else VIEWS[:1]:
                rows.append(_row(title, trials, name, engine, view, args))
    document = Document("Views of a plate", (_table(rows, args),))
    print(to_markdown(document))
    if args.output is not None:
        write_text(args.output, to_markdown(document))
    return 0


def _engines(threads: int | None) -> Iterator[tuple[str, OcrEngine]]:
    yield DEFAULT_ENGINE, open_engine(DEFAULT_ENGINE, threads)
    yield "whole height", RapidOcr(threads, band=False)
    for stretch in (1.0, 1.6):
        yield f"widened by {stretch}", RapidOcr(threads, stretch=stretch)


def _sets(
    args: argparse.Namespace,
) -> Iterator[tuple[str, list[Trial], Sequence[CropView]]]:
    for folder in args.crops:
        yield f"crops {folder.name}", _draw(crop_trials(folder), args), VIEWS
    for folder in args.photos:
        trials = _draw(photo_trials(folder), args)
        yield f"photos {folder.name}", trials, (*VIEWS, *BOX_VIEWS)


def _draw(trials: list[Trial], args: argparse.Namespace) -> list[Trial]:
    return choose_trials([t for t in trials if t.plates[0].text], args.limit, args.seed)


def _row(
    title: str,
    trials: list[Trial],
    variant: str,
    engine: OcrEngine,
    view: CropView,
    args: argparse.Namespace,
) -> Row:
    name = view.name if variant == DEFAULT_ENGINE else variant
    reader = read_view(CropReader(engine), view, args.jitter, args.seed)
    done = run_trials(trials, reader)
    shown = show_progress(done, len(trials), f"{title}: {name}")
    samples = [fold_zero(sample) if args.fold_zero else sample for sample in shown]
    score = score_samples(samples)
    shares = (score.exact, score.last_digit, score.character_errors)
    cells = ["–" if share is None else f"{share:.3f}" for share in shares]
    cpu = summarise_spans([sample.span for sample in samples]).cpu_ms
    return Row((title, str(len(samples)), name, *cells, f"{cpu:.0f}"))


def _table(rows: list[Row], args: argparse.Namespace) -> Table:
    notes = [
        f"As read does: box and a margin of {MARGIN:.0%}, characters' band of 2:1 plates widened "
        f"by {STRETCH}, neither upscaled nor deskewed, unsure ones read again; every other line "
        "changes one thing.",
        "No formats. CPU: mean of all cores, from the file to the text. " + describe_machine(),
    ]
    if args.limit is not None:
        notes.append(f"At most {args.limit} plates a set, drawn with seed {args.seed}.")
    if args.fold_zero:
        notes.append("O and 0 count as the same: the labels do not tell them apart.")
    if args.jitter:
        notes.append(f"Sides of boxes moved by a normal error of {args.jitter:.0%} of the box.")
    return Table(COLUMNS, tuple(rows), text_columns=1, notes=tuple(notes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lightning_plates compare-views", description=__doc__
    )
    add = parser.add_argument
    add("--crops", type=Path, action="append", default=[], metavar="DIR",
        help="folder of crops with text.csv")  # fmt: skip
    add("--photos", type=Path, action="append", default=[], metavar="DIR",
        help="folder of photos with boxes and texts")  # fmt: skip
    add("--jitter", type=fraction, default=0.0, metavar="S",
        help="move the sides of labelled boxes by about this share (%(default)s)")  # fmt: skip
    add("--fold-zero", action="store_true", help="take O and 0 for the same")
    add("--limit", type=positive_int, metavar="N", help="draw at most N plates of each set")
    add("--seed", type=int, default=0, help="of what is drawn (%(default)s)")
    add("--threads", type=worker_count, help="threads for one plate")
    add("--output", type=Path, metavar="FILE", help="also write the table here")
    add_file_limit(parser)
    return parser
