"""How well plates are read: exact texts, last characters, last digits, character errors."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lightning_plates.boxes import CLOSE_IOU, HIT_IOU, share_above
from lightning_plates.clock import Span
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes
from lightning_plates.reading.characters import DIGITS, edit_distance, normalise


@dataclass(frozen=True, slots=True)
class ReadSample:
    """One plate, as it is and as it was read."""

    name: str
    """File of the photo or crop."""
    truth: str
    """What the plate says; empty where the label does not tell."""
    read: str
    """What was read; empty where nothing was."""
    span: Span
    """From the photo's file to the text."""
    iou: float | None = None
    """Overlap of the box found with the labelled one, 0–1; ``None`` where none was searched."""


@dataclass(frozen=True, slots=True)
class ReadingScore:
    """Shares over a set of plates, 0–1; ``None`` where no plate can tell."""

    plates: int
    exact: float | None
    """Share of plates without an error."""
    last_char: float | None
    """Share of plates whose last character is right."""
    last_digit: float | None
    """As :attr:`last_char`, over plates that end in a digit."""
    character_errors: float | None
    """Levenshtein distance over all plates, divided by their characters."""
    iou50: float | None
    """Share of plates found with an IoU of at least 0.5."""
    iou70: float | None
    """Likewise 0.7."""
    mean_iou: float | None


def score_samples(samples: Sequence[ReadSample]) -> ReadingScore:
    """Shares of ``samples``."""
    texts = [sample for sample in samples if sample.truth]
    ending_in_digit = [sample for sample in texts if sample.truth[-1] in DIGITS]
    ious = [sample.iou for sample in samples if sample.iou is not None]
    errors = sum(edit_distance(sample.read, sample.truth) for sample in texts)
    characters = sum(len(sample.truth) for sample in texts)
    return ReadingScore(
        plates=len(samples),
        exact=_share([sample.read == sample.truth for sample in texts]),
        last_char=_share([_ends_alike(sample) for sample in texts]),
        last_digit=_share([_ends_alike(sample) for sample in ending_in_digit]),
        character_errors=errors / characters if characters else None,
        iou50=share_above(ious, HIT_IOU) if ious else None,
        iou70=share_above(ious, CLOSE_IOU) if ious else None,
        mean_iou=_share(ious),
    )


def _ends_alike(sample: ReadSample) -> bool:
    return sample.read[-1:] == sample.truth[-1:]


def _share(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def read_crop_labels(folder: Path) -> Iterator[tuple[Path, str]]:
    """Crops and texts of a folder with ``text.csv`` (columns ``file,text``).

    Raises:
        InputError: The table is missing, not a table, names no crop, or lacks a column or cell.
    """
    table = folder / "text.csv"
    if not table.exists():
        raise InputError(f"{table}: no such file; crops need a table with the columns file,text")
    try:
        rows = csv.DictReader(io.StringIO(read_bytes(table).decode("utf-8-sig"), newline=""))
        if not {"file", "text"} <= set(rows.fieldnames or ()):
            raise InputError(f"{table} line 1: expected the columns file,text")
        row = None
        for row in rows:
            if not row["file"] or row["text"] is None:
                raise InputError(f"{table} line {rows.line_num}: expected a file and its text")
            yield folder / row["file"], normalise(row["text"])
        if row is None:
            raise InputError(f"{table}: names no crop")
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: not a table in UTF-8 ({error})") from error


def fold_zero(sample: ReadSample) -> ReadSample:
    """Write the letter O as 0, for label sets that do not tell them apart."""
    truth, read = sample.truth.replace("O", "0"), sample.read.replace("O", "0")
    return replace(sample, truth=truth, read=read)
