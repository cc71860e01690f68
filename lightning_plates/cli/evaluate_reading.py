"""Measure text engines on labelled crops and photos, beside published figures.

Examples:
    lightning-plates evaluate-reading --crops crops/ --ocr rapidocr
    lightning-plates evaluate-reading --photos photos/ --look 1 2 3 --threads 1

Page: docs/reading_notes.md
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.bench.measure import (
    Timing,
    describe_machine,
    measure_yardstick,
    summarise_spans,
)
from lightning_plates.bench.reading_trials import (
    Reader,
    Trial,
    choose_trials,
    crop_trials,
    photo_trials,
    read_found_box,
    read_true_box,
    read_true_corners,
    read_whole,
    run_trials,
    with_corners,
)
from lightning_plates.bench.reference import Peer, peers
from lightning_plates.bench.report.document import Document, Row, Table
from lightning_plates.bench.report.markdown import to_markdown
from lightning_plates.boxes import FitMargin
from lightning_plates.cli._arguments import (
    add_file_limit,
    add_runtime_options,
    positive_int,
    worker_count,
)
from lightning_plates.cli._parser import CommandParser
from lightning_plates.cli._progress import show_progress
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError
from lightning_plates.finding.options import box_options
from lightning_plates.finding.refine import DEFAULT_LOOKS
from lightning_plates.finding.shipped import default_model
from lightning_plates.reading.accuracy import ReadingScore, ReadSample, fold_zero, score_samples
from lightning_plates.reading.crop_reader import CropReader
from lightning_plates.reading.ocr import installed_engines, open_engine
from lightning_plates.reading.rules.formats import load_formats, load_printed_words
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE
from runtimes import Runtime, open_model

PLACES = ("true", "corners", "found")
"""Where the plate of a photo is read: in its labelled box, between its labelled corners, or in the
box that the model finds."""

COLUMNS = (
    "reader", "set", "plates", "IoU ≥ 0.5", "IoU ≥ 0.7", "mean IoU",
    "exact", "last character", "last digit", "character errors", "wall ms", "CPU ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setup:
    """One way of reading one set."""

    title: str
    """Set and way, for the table."""
    trials: list[Trial]
    reader: Reader


def main(argv: list[str]) -> int:
    """Run ``evaluate-reading``; see ``--help``."""
    args = _parser().parse_args(argv)
    if not args.crops and not args.photos:
        raise InputError("nothing to measure: name folders with --crops or --photos")
    formats, words = load_formats(args.country), load_printed_words(args.country)
    yardstick = measure_yardstick()
    rows: list[Row] = []
    failures: list[tuple[str, str, ReadSample]] = []
    unread = 0
    with ExitStack() as stack:
        model = stack.enter_context(_open_model(args)) if _searches(args) else None
        margin = None if model is None else box_options(model.spec).margin
        for name in args.ocr or installed_engines():
            engine = open_engine(name, args.threads)
            crops = CropReader(engine, formats, words)
            for setup in _setups(crops, model, args):
                done = run_trials(setup.trials, setup.reader, formats, words)
                shown = show_progress(done, len(setup.trials), f"{name}: {setup.title}")
                samples = [fold_zero(sample) if args.fold_zero else sample for sample in shown]
                unread = max(unread, len(setup.trials) - len(samples))
                rows.append(_measured_row(engine.label, setup.title, samples))
                failures += [(name, setup.title, s) for s in samples if s.read != s.truth]
    rows += [_peer_row(peer) for peer in _comparable_peers(args.photos)]
    _write(Document("Reading", (_table(rows, yardstick, margin, args),)), failures, args)
    return UNREADABLE_EXIT_CODE if unread else 0


def _searches(args: argparse.Namespace) -> bool:
    return bool(args.photos) and "found" in args.boxes


def _open_model(args: argparse.Namespace) -> Runtime:
    path = args.model or default_model()
    return open_model(path, args.runtime, args.device, args.threads)


def _setups(crops: CropReader, model: Runtime | None, args: argparse.Namespace) -> Iterator[Setup]:
    """Every set in every way that was asked for and that its labels allow."""
    for folder in args.crops:
        trials = choose_trials(crop_trials(folder), args.limit, args.seed)
        yield Setup(f"crops {folder.name}", trials, read_whole(crops))
    for folder in args.photos:
        photos = choose_trials(photo_trials(folder, args.only), args.limit, args.seed)
        name = f"photos {folder.name}"
        if "true" in args.boxes:
            yield Setup(f"{name}, true boxes", photos, read_true_box(crops))
        if "corners" in args.boxes and with_corners(photos):
            yield Setup(f"{name}, true corners", with_corners(photos), read_true_corners(crops))
        if model is not None:
            for looks, (ending, margin) in itertools.product(args.look, _margins(model)):
                times = "one look" if looks == 1 else f"up to {looks} looks"
                reader = read_found_box(crops, model, looks, margin)
                yield Setup(f"{name}, {times}{ending}", photos, reader)


def _margins(model: Runtime) -> list[tuple[str, FitMargin | None]]:
    """Margins to read with, and what their rows' titles end in: both where the model has one."""
    margin = box_options(model.spec).margin
    if margin is None:
        return [("", None)]
    return [(", without margin", None), (", with margin", margin)]


def _measured_row(engine: str, title: str, samples: Sequence[ReadSample]) -> Row:
    score = score_samples(samples)
    timing = summarise_spans([sample.span for sample in samples])
    times = (f"{timing.wall_p50_ms:.0f}", f"{timing.cpu_ms:.0f}")
    return Row((engine, title, str(score.plates), *map(_share, _shares(score)), *times))


def _shares(score: ReadingScore) -> tuple[float | None, ...]:
    boxes = (score.iou50, score.iou70, score.mean_iou)
    return (*boxes, score.exact, score.last_char, score.last_digit, score.character_errors)


def _comparable_peers(photos: list[Path]) -> list[Peer]:
    """Systems that were measured on a set of that name, e.g. ``br`` for ``openalpr_br``."""
    sets = {folder.name.rpartition("_")[2] for folder in photos}
    return [peer for peer in peers() if peer.set in sets and peer.exact is not None]


def _peer_row(peer: Peer) -> Row:
    shares = (peer.iou50, peer.iou70, peer.mean_iou, peer.exact, peer.last_char, None, None)
    times = ("–", "–" if peer.cpu_ms is None else f"{peer.cpu_ms:.0f}")
    cells = (peer.system, f"photos {peer.set}", str(peer.photos), *map(_share, shares), *times)
    return Row(cells, published=True)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(
    rows: list[Row], yardstick: Timing, margin: FitMargin | None, args: argparse.Namespace
) -> Table:
    notes = [
        "Shares of 1; last digit: of the plates that end in one. Times a photo, from the file to "
        "the text: median wall, mean processor time of all cores.",
        f"Formats: {args.country}. Threads: {args.threads or 'as the libraries choose'}.",
        f"{describe_machine()}. In the same run, decoding a fixed JPEG of 1280 × 960 pixels took "
        f"{yardstick.cpu_ms:.1f} ms of processor time.",
    ]
    if margin is not None:
        notes.append(f"The model's margin: {margin.describe()}.")
    if args.only:
        notes.append(f"Only photos whose name begins with {args.only}.")
    if args.limit is not None:
        notes.append(f"At most {args.limit} plates a set, drawn with seed {args.seed}.")
    if args.fold_zero:
        notes.append("O and 0 count as the same: the labels do not tell them apart.")
    return Table(COLUMNS, tuple(rows), text_columns=2, notes=tuple(notes))


def _write(
    document: Document, failures: list[tuple[str, str, ReadSample]], args: argparse.Namespace
) -> None:
    print(to_markdown(document))
    if args.output is not None:
        write_text(args.output, to_markdown(document))
    if args.failures is not None:
        write_text(args.failures, _failures_csv(failures))


def _failures_csv(failures: list[tuple[str, str, ReadSample]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["engine", "set", "file", "truth", "read"])
    writer.writerows([name, title, s.name, s.truth, s.read] for name, title, s in failures)
    return buffer.getvalue()


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("evaluate-reading", __doc__)
    add = parser.add_argument
    add("--ocr", action="append", metavar="NAME",
        help="engine; give it several times (default: all installed)")  # fmt: skip
    add("--crops", type=Path, action="append", default=[], metavar="DIR",
        help="folder of crops with text.csv")  # fmt: skip
    add("--photos", type=Path, action="append", default=[], metavar="DIR",
        help="folder of photos with boxes and texts")  # fmt: skip
    add("--only", default="", metavar="REGEX",
        help="only photos whose name begins with a match")  # fmt: skip
    add("--boxes", nargs="+", choices=PLACES, default=["true", "found"],
        help="where the plates of photos are read (default: true found)")  # fmt: skip
    add("--model", type=Path, help="box model (default: the shipped one)")
    add_runtime_options(parser)
    add("--look", type=positive_int, nargs="+", default=[DEFAULT_LOOKS], metavar="N",
        help=f"numbers of looks to compare, each at most (default: {DEFAULT_LOOKS})")  # fmt: skip
    add("--country", default="any", help="plate formats (%(default)s)")
    add("--fold-zero", action="store_true", help="take O and 0 for the same")
    add("--limit", type=positive_int, metavar="N", help="draw at most N plates of each set")
    add("--seed", type=int, default=0, help="of that draw (%(default)s)")
    add("--threads", type=worker_count, help="threads for one plate")
    add("--output", type=Path, metavar="FILE", help="also write the table here")
    add("--failures", type=Path, metavar="FILE", help="write wrong readings")
    add_file_limit(parser)
    return parser
