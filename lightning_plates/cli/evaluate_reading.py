"""Measure text engines on labelled crops and photos, beside published figures."""

from __future__ import annotations

import argparse
import csv
import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lightning_plates.bench.reference import Peer, peers
from lightning_plates.bench.report.document import Document, Row, Table
from lightning_plates.bench.report.markdown import to_markdown
from lightning_plates.boxes import BoxXyxy
from lightning_plates.cli._arguments import positive_int
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations import read_annotations
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError
from lightning_plates.photos import RgbImage, load_photo
from lightning_plates.reading.accuracy import (
    ReadingScore,
    ReadSample,
    fold_zero,
    read_crop_labels,
    score_samples,
)
from lightning_plates.reading.characters import NOTHING, Belief, normalise
from lightning_plates.reading.crops import cut_plate
from lightning_plates.reading.formats import load_formats
from lightning_plates.reading.look import locate
from lightning_plates.reading.ocr import OcrEngine, installed_engines, open_engine
from lightning_plates.reading.pipeline import read_crop
from lightning_plates.reading.plate_text import read_plate
from lightning_plates.reading.shipped import default_model
from runtimes import Runtime, open_model

Reader = Callable[[RgbImage], Belief]
Labelled = tuple[Path, str, Reader]
"""A photo or crop, its text, and what reads it."""


def main(argv: list[str]) -> int:
    """Run ``evaluate-reading``; see ``--help``."""
    args = _parser().parse_args(argv)
    if not args.crops and not args.photos:
        raise InputError("nothing to measure: name folders with --crops or --photos")
    rows: list[Row] = []
    failures: list[tuple[str, str, ReadSample]] = []
    for name in args.ocr or installed_engines():
        engine = open_engine(name, args.threads)
        for title, labelled in _sets(engine, args):
            samples = list(_measure(labelled, f"{name}: {title}", args))
            rows.append(_measured_row(engine.label, title, score_samples(samples)))
            failures += [(name, title, s) for s in samples if s.read != s.truth]
    rows += [_peer_row(peer) for peer in _comparable_peers(args.photos)]
    document = Document("Reading", (_table(rows, args),))
    print(to_markdown(document))
    if args.output is not None:
        write_text(args.output, to_markdown(document))
    if args.failures is not None:
        write_text(args.failures, _failures_csv(failures))
    return 0


def _sets(engine: OcrEngine, args: argparse.Namespace) -> Iterator[tuple[str, list[Labelled]]]:
    for folder in args.crops:
        crops = [(file, text, _whole(engine)) for file, text in read_crop_labels(folder)]
        yield f"crops {folder.name}", crops[:: args.every]
    for folder in args.photos:
        yield f"photos {folder.name}, true boxes", _true_boxes(engine, folder)[:: args.every]
        if not args.true_boxes_only:
            with open_model(args.model or default_model(), threads=args.threads) as model:
                reader = _finding(engine, model, args.look)
                labelled = [(file, text, reader) for file, text, _ in _true_boxes(engine, folder)]
                yield f"photos {folder.name}, found boxes", labelled[:: args.every]


def _whole(engine: OcrEngine) -> Reader:
    return lambda image: read_crop(engine, image)


def _finding(engine: OcrEngine, model: Runtime, looks: int) -> Reader:
    def read(image: RgbImage) -> Belief:
        plates = locate(model, image, looks)
        return read_crop(engine, cut_plate(image, plates[0].box)) if plates else NOTHING

    return read


def _true_boxes(engine: OcrEngine, folder: Path) -> list[Labelled]:
    """The largest labelled plate of every photo that has a text."""
    annotations = read_annotations(folder)
    labelled: list[Labelled] = []
    for photo in annotations.photos:
        box = photo.largest_box()
        if box is not None and box.text:
            reader = _at_box(engine, box.xyxy)
            labelled.append((annotations.path_of(photo), normalise(box.text), reader))
    return labelled


def _at_box(engine: OcrEngine, box: BoxXyxy) -> Reader:
    return lambda image: read_crop(engine, cut_plate(image, box))


def _measure(
    labelled: list[Labelled], title: str, args: argparse.Namespace
) -> Iterator[ReadSample]:
    formats = load_formats(args.country)
    fold = fold_zero if args.fold_zero else str
    for file, truth, reader in show_progress(labelled, len(labelled), title):
        wall, cpu = time.perf_counter(), _cpu_seconds()
        text = read_plate(reader(load_photo(file)), formats).text
        spent = (time.perf_counter() - wall) * 1000, (_cpu_seconds() - cpu) * 1000
        yield ReadSample(file.name, fold(truth), fold(text), *spent)


def _cpu_seconds() -> float:
    """Processor time of this process and of the programs it ran, such as Tesseract."""
    return sum(os.times()[:4])


def _measured_row(engine: str, title: str, score: ReadingScore) -> Row:
    shares = (score.exact, score.last_char, score.last_digit, score.character_errors)
    cells = ["–" if share is None else f"{share:.3f}" for share in shares]
    return Row((engine, title, str(score.plates), *cells,
                f"{score.wall_ms:.0f}", f"{score.cpu_ms:.0f}"))  # fmt: skip


def _comparable_peers(photos: list[Path]) -> list[Peer]:
    """Readers that were measured on a set of that name, e.g. ``br`` for ``openalpr_br``."""
    sets = {folder.name.rpartition("_")[2] for folder in photos}
    return [peer for peer in peers() if peer.set in sets and peer.exact is not None]


def _peer_row(peer: Peer) -> Row:
    shares = [peer.exact, peer.last_char]
    cells = ["" if share is None else f"{share:.3f}" for share in shares]
    title = f"photos {peer.set}, found boxes"
    return Row((peer.system, title, str(peer.photos), *cells, "", "", "", ""), published=True)


def _table(rows: list[Row], args: argparse.Namespace) -> Table:
    columns = ("reader", "set", "plates", "exact", "last character", "last digit",
               "character errors", "wall ms", "CPU ms")  # fmt: skip
    notes = [
        "Shares of 1. Last digit: of the plates that end in one. Times: from the file to the text.",
        f"Formats: {args.country}. Every {args.every}th plate." if args.every > 1
        else f"Formats: {args.country}.",
    ]  # fmt: skip
    if args.fold_zero:
        notes.append("O and 0 count as the same: the labels do not tell them apart.")
    return Table(columns, tuple(rows), text_columns=2, notes=tuple(notes))


def _failures_csv(failures: list[tuple[str, str, ReadSample]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["engine", "set", "file", "truth", "read"])
    writer.writerows([name, title, s.name, s.truth, s.read] for name, title, s in failures)
    return buffer.getvalue()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lightning_plates evaluate-reading", description=__doc__
    )
    parser.add_argument("--ocr", action="append", metavar="NAME",
                        help="engine; give it several times (default: all installed)")  # fmt: skip
    parser.add_argument("--crops", type=Path, action="append", default=[], metavar="DIR",
                        help="folder of crops with text.csv")  # fmt: skip
    parser.add_argument("--photos", type=Path, action="append", default=[], metavar="DIR",
                        help="folder of photos with boxes and texts")  # fmt: skip
    parser.add_argument("--model", type=Path, help="box model (default: the shipped one)")
    parser.add_argument("--true-boxes-only", action="store_true", help="run no box model")
    parser.add_argument("--look", type=positive_int, default=2, help="looks (%(default)s)")
    parser.add_argument("--country", default="any", help="plate formats (%(default)s)")
    parser.add_argument("--fold-zero", action="store_true", help="take O and 0 for the same")
    parser.add_argument("--every", type=positive_int, default=1, help="take every Nth plate")
    parser.add_argument("--threads", type=positive_int, help="threads for one plate")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the table here")
    parser.add_argument("--failures", type=Path, metavar="FILE", help="write wrong readings")
    return parser
