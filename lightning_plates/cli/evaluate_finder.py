"""Measure a plate finder on labelled photos: best answers, average precision, false alarms."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.bench.average_precision import AveragePrecision, average_precision
from lightning_plates.bench.finder_accuracy import (
    LOWEST_SCORE,
    FinderAnswer,
    answer_photos,
    score_answers,
)
from lightning_plates.bench.finder_failures import SHEET, worst_answers, write_failures
from lightning_plates.bench.finder_table import FinderRow, summarise_answers, to_csv, to_table
from lightning_plates.bench.report.document import Document
from lightning_plates.bench.report.markdown import to_markdown
from lightning_plates.cli._arguments import add_runtime_options, positive_int
from lightning_plates.cli._photo_sets import choose_photos
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.drafts import write_text
from lightning_plates.errors import MissingDependencyError
from lightning_plates.optional import require
from lightning_plates.spec import FitMargin, ModelSpec
from runtimes import Runtime, open_model


@dataclass(frozen=True, slots=True)
class Measured:
    """Answers to one set at one number of looks."""

    photos: AnnotationSet
    looks: int
    margin: str | None
    """``with`` or ``without``; ``None`` where the model has none."""
    answers: tuple[FinderAnswer, ...]


def main(argv: list[str]) -> int:
    """Run ``evaluate-finder``; see ``--help``."""
    args = _parser().parse_args(argv)
    sets = [choose_photos(path, args.only) for path in args.sets]
    missing = _missing_library()
    with open_model(args.model, args.runtime, args.device, args.threads) as model:
        spec = model.spec
        measured = [
            each for photos in sets for looks in args.looks for each in measure(model, photos, looks)
        ]
    rows = [
        summarise_answers(
            each.photos.root.name, each.looks, each.margin, each.answers,
            None if missing else average_precision(each.answers),
        )
        for each in measured
    ]  # fmt: skip
    _write_tables(rows, _notes(spec, missing), args.output)
    if args.csv is not None:
        write_text(args.csv, photo_table(measured))
    if args.failures is not None:
        _write_failures(measured, args.failures, args.worst)
    return 0
