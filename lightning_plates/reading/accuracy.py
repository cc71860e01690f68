"""How well plates are read: exact texts, last characters, last digits, character errors."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.errors import InputError
from lightning_plates.reading.characters import DIGITS, normalise


@dataclass(frozen=True, slots=True)
class ReadSample:
    """One plate, as it is and as it was read."""

    name: str
    """File of the photo or crop."""
    truth: str
    """What the plate says."""
    read: str
    """What was read; empty where nothing was."""
    wall_ms: float
    """Wall time from the decoded photo to the text, in milliseconds."""
    cpu_ms: float
    """Processor time of the whole process meanwhile, in milliseconds."""


@dataclass(frozen=True, slots=True)
class ReadingScore:
    """Shares over a set of plates, 0–1."""

    plates: int
    exact: float
    """Share of plates without an error."""
    last_char: float
    """Share of plates whose last character is right."""
    last_digit: float | None
    """As :attr:`last_char`, over plates that end in a digit; ``None`` where none does."""
    character_errors: float
    """Levenshtein distance over all plates, divided by their characters."""
    wall_ms: float
    """Mean a plate."""
    cpu_ms: float
    """Mean a plate."""


def score_samples(samples: Sequence[ReadSample]) -> ReadingScore:
    """Shares of ``samples``, of which there is at least one."""
    count = len(samples)
    last = [sample.read[-1:] == sample.truth[-1:] for sample in samples]
    with_digit = [right for right, s in zip(last, samples, strict=True) if s.truth[-1:] in DIGITS]
    errors = sum(edit_distance(sample.read, sample.truth) for sample in samples)
    return ReadingScore(
        plates=count,
        exact=sum(sample.read == sample.truth for sample in samples) / count,
        last_char=sum(last) / count,
        last_digit=sum(with_digit) / len(with_digit) if with_digit else None,
        character_errors=errors / sum(len(sample.truth) for sample in samples),
        wall_ms=sum(sample.wall_ms for sample in samples) / count,
        cpu_ms=sum(sample.cpu_ms for sample in samples) / count,
    )


def edit_distance(first: str, second: str) -> int:
    """Fewest insertions, deletions and exchanges that make ``first`` into ``second``."""
    previous = list(range(len(second) + 1))
    for row, a in enumerate(first, start=1):
        current = [row]
        for column, b in enumerate(second, start=1):
            change = previous[column - 1] + (a != b)
            current.append(min(change, previous[column] + 1, current[-1] + 1))
        previous = current
    return previous[-1]


def read_crop_labels(folder: Path) -> Iterator[tuple[Path, str]]:
    """Crops and texts of a folder with ``text.csv`` (columns ``file,text``).

    Raises:
        InputError: The table is missing, or lacks a column.
    """
    table = folder / "text.csv"
    if not table.is_file():
        raise InputError(f"{table}: no such file; crops need a table with the columns file,text")
    with table.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if not {"file", "text"} <= set(rows.fieldnames or ()):
            raise InputError(f"{table} line 1: expected the columns file,text")
        for row in rows:
            yield folder / row["file"], normalise(row["text"])


def fold_zero(text: str) -> str:
    """Write the letter O as 0, for label sets that do not tell them apart."""
    return text.replace("O", "0")
