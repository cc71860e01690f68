"""Where the answers of ``read`` go: sentences, a table, pictures."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from lightning_plates.cli._read_photos import PhotoAnswer
from lightning_plates.drafts import write_bytes
from lightning_plates.errors import InputError
from lightning_plates.photos import encode_jpeg
from lightning_plates.reading.pictures import annotate, redact
from lightning_plates.reading.pipeline import PlateReading
from lightning_plates.reading.records import CSV_COLUMNS, csv_rows, shown_text
from lightning_plates.reading.sentences import Phrases, describe_verdict, phrases_of

SEPARATOR = " · "


def describe_photo(answer: PhotoAnswer, language: str, *, is_now: bool) -> str:
    """One line a plate, as a person would say it, with the file's name before it."""
    words = phrases_of(language)
    plates = answer.reading.plates if answer.reading else ()
    lines = [describe_plate(plate, language, is_now=is_now) for plate in plates]
    return "\n".join(f"{answer.file}: {line}" for line in lines or [words.no_plate])


def describe_plate(plate: PlateReading, language: str, *, is_now: bool) -> str:
    """Text, last digit and restriction of one plate."""
    words = phrases_of(language)
    parts = [_describe_text(plate, words), _describe_digit(plate, words)]
    if plate.verdict is not None:
        parts += describe_verdict(plate.verdict, language, is_now=is_now)
    return SEPARATOR.join(part for part in parts if part)


def _describe_text(plate: PlateReading, words: Phrases) -> str:
    if plate.text is None:
        return ""
    text = shown_text(plate, hyphens=True)
    return words.plate.format(text=text) if text else words.unread


def _describe_digit(plate: PlateReading, words: Phrases) -> str:
    if plate.last_digit.digit is not None:
        return words.last_digit.format(digit=plate.last_digit.digit)
    return words.no_digit if plate.last_digit.absent else words.unsure


def last_line(prompt: str) -> str | None:
    """Ask on standard error and read one line; ``None`` when the input ends."""
    print(prompt, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.strip() if line else None


class ReadOutput:
    """Writes what was asked for; nothing is kept otherwise.

    The table grows in ``FILE.partial`` and takes its place when all photos are done; what an
    interrupted run finished stays in ``FILE.partial`` for ``--resume``.

    Args:
        table: Where the table goes; ``None`` for none.
        pictures: Folder for pictures with the answers; ``None`` for none.
        redacted: Folder for photos with blurred plates; ``None`` for none.
        resume: Continue the table of an earlier run.
    """

    def __init__(
        self, table: Path | None, pictures: Path | None, redacted: Path | None, *, resume: bool
    ) -> None:
        self._table = table
        self._pictures = pictures
        self._redacted = redacted
        self._finished: set[str] = set()
        self._file: TextIO | None = None
        if table is not None:
            self._partial = table.with_name(table.name + ".partial")
            if self._partial.exists() and not resume:
                raise InputError(
                    f"{self._partial} holds an unfinished run: add --resume, or remove it"
                )
            rows = self._earlier_rows(table) if resume else []
            self._finished = {row[0] for row in rows}
            self._file = self._begin_table(rows)

    def __enter__(self) -> ReadOutput:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is None or self._table is None:
            return
        self._file.close()
        if error is None:
            self._partial.replace(self._table)

    def without_finished(self, files: Iterable[Path]) -> Iterable[Path]:
        """Files that an earlier run did not finish; a list stays a list."""
        if isinstance(files, list):
            return [file for file in files if str(file) not in self._finished]
        return (file for file in files if str(file) not in self._finished)

    def add(self, answer: PhotoAnswer) -> None:
        """Write everything that was asked for of one photo."""
        if self._file is not None:
            csv.writer(self._file, lineterminator="\n").writerows(csv_rows(answer.to_record()))
            self._file.flush()
        if answer.image is None or answer.reading is None:
            return
        if self._pictures is not None:
            picture = annotate(answer.image, answer.reading.plates)
            write_bytes(self._pictures / _picture_name(answer.file), encode_jpeg(picture))
        if self._redacted is not None:
            boxes = [plate.detection.box for plate in answer.reading.plates]
            picture = redact(answer.image, boxes)
            write_bytes(self._redacted / _picture_name(answer.file), encode_jpeg(picture))

    def _earlier_rows(self, table: Path) -> list[list[str]]:
        """Rows of the photos that an earlier run read.

        A line cut off while written is dropped, and so are unreadable photos: they are tried again.
        """
        found = self._partial if self._partial.exists() else table
        if not found.exists():
            return []
        text = found.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        rows = [row for row in csv.reader(whole.splitlines()) if len(row) == len(CSV_COLUMNS)]
        return [row for row in rows[1:] if not row[CSV_COLUMNS.index("error")]]

    def _begin_table(self, rows: list[list[str]]) -> TextIO:
        self._partial.parent.mkdir(parents=True, exist_ok=True)
        file = self._partial.open("w", encoding="utf-8", newline="")
        csv.writer(file, lineterminator="\n").writerows([list(CSV_COLUMNS), *rows])
        return file


def _picture_name(file: Path) -> str:
    # The parent's name keeps photos of the same name from different folders apart.
    return f"{file.parent.name}_{file.stem}.jpg".lstrip("_")
