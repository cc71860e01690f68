"""Where the answers of ``read`` go: sentences, a table, pictures."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

from lightning_plates.cli._originals import PICTURE_MARK, Originals, OutputNames
from lightning_plates.drafts import draft_of, replaceable, utf_8, write_bytes, write_text
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes
from lightning_plates.locking import LOCKS, is_at, is_locked, try_lock
from lightning_plates.photos import RgbImage, encode_jpeg
from lightning_plates.reading.answers import Plate, Reading
from lightning_plates.reading.pictures import redact
from lightning_plates.reading.records import CSV_COLUMNS, VIDEO_COLUMNS, csv_rows
from lightning_plates.reading.sentences import phrases_of
from lightning_plates.reading.sources import SourceKind, kind_of
from lightning_plates.reading.video.annotated_video import SUFFIX as VIDEO_SUFFIX
from lightning_plates.reading.video.files import is_video

ALL_COLUMNS = (*CSV_COLUMNS, *VIDEO_COLUMNS)
_LATER_COLUMNS = {"known_format", "no_pauses_known_after"}
_EARLIER_COLUMNS = tuple(name for name in CSV_COLUMNS if name not in _LATER_COLUMNS)
_HEADERS = (CSV_COLUMNS, ALL_COLUMNS, _EARLIER_COLUMNS)
"""Columns of the tables that ``--resume`` continues: those of today and of earlier versions."""


def describe_photo(answer: Reading, language: str, *, is_now: bool) -> str:
    """One line a plate, as a person would say it, with the file's name before it."""
    words = phrases_of(language)
    lines = [plate.describe(language, is_now=is_now) for plate in answer.plates]
    return "\n".join(f"{answer.file}: {line}" for line in lines or [words.no_plate])


def count_not_judged(plates: Iterable[Plate]) -> int:
    """Plates whose last digit is sure, but which fit no format and so have no restriction day."""
    return sum(p.known_format is False and p.last_digit is not None for p in plates)


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
        language: Of the words in the pictures.
        resume: Continue the table of an earlier run.
    """

    def __init__(
        self,
        table: Path | None,
        pictures: Path | None,
        redacted: Path | None,
        language: str,
        *,
        resume: bool,
    ) -> None:
        self._table = None if table is None else replaceable(table)
        self._pictures = pictures
        self._redacted = redacted
        self._language = language
        self._originals = Originals()
        self._names = OutputNames()
        self._earlier: list[list[str]] = []
        self._columns = len(CSV_COLUMNS)
        self._file: TextIO | None = None
        self.files_seen = 0
        """Files that it was asked about."""
        self.files_finished = 0
        """How many of them an earlier run finished."""
        if self._table is not None:
            self._partial = replaceable(self._table.with_name(self._table.name + ".partial"))
            if self._partial.exists():
                self._check_unfinished(resume=resume)
            self._earlier = self._earlier_rows(self._table) if resume else []
            if any(any(row[len(CSV_COLUMNS) :]) for row in self._earlier):
                self.expect_videos()
        self._finished = {row[0] for row in self._earlier}

    def _check_unfinished(self, *, resume: bool) -> None:
        if is_locked(self._partial):
            raise self._in_use()
        if not resume:
            raise InputError(f"{self._partial} holds an unfinished run: add --resume, or remove it")

    def _in_use(self) -> InputError:
        return InputError(
            f"{self._partial}: another run is writing this table; wait for its end, or name "
            "another table"
        )

    def __enter__(self) -> ReadOutput:
        if self._table is not None:
            self._file = self._begin_table(self._earlier)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is None or self._table is None:
            return
        if not LOCKS:
            self._file.close()  # Windows moves no open file
        with self._file:
            if error is None:
                self._partial.replace(self._table)

    def expect_videos(self) -> None:
        """Give the table the columns of videos, too; to be called before it is begun."""
        self._columns = len(ALL_COLUMNS)

    def protect(self, files: Sequence[Path]) -> None:
        """Let nothing that is written replace ``files``."""
        self._originals.add(files)

    def admit(self, files: Sequence[Path]) -> None:
        """Protect ``files`` and see that their answers have somewhere to go.

        Raises:
            InputError: A picture or the table would replace a file that is protected.
        """
        self.protect(files)
        self._originals.refuse_overwriting(self._targets(files))

    def without_finished(self, files: Iterable[Path]) -> list[Path]:
        """Files that an earlier run did not finish, admitted together."""
        waiting = [file for file in files if self._is_waiting(file)]
        self.admit(waiting)
        return waiting

    def stream_without_finished(self, files: Iterable[Path | None]) -> Iterator[Path | None]:
        """Likewise one by one, as they come; ``None`` where none has come."""
        for file in files:
            if file is None:
                yield None
            elif self._is_waiting(file):
                self.admit([file])
                yield file

    def _is_waiting(self, file: Path) -> bool:
        self.files_seen += 1
        finished = utf_8(str(file)).decode() in self._finished
        self.files_finished += finished
        return not finished

    def _targets(self, files: Iterable[Path]) -> Iterator[Path]:
        """What will be written of ``files``."""
        if self._table is not None:
            yield from (self._table, self._partial)
        for folder in (self._pictures, self._redacted):
            if folder is not None:
                yield from (folder / self._name_of(file) for file in files)

    def _name_of(self, file: Path) -> str:
        return self._names.of(file, VIDEO_SUFFIX if is_video(file) else ".jpg")

    def annotated_video(self, source: Path) -> Path | None:
        """Where the video with the answers of ``source`` goes; ``None`` where nobody asked."""
        return self._pictures / self._names.of(source, VIDEO_SUFFIX) if self._pictures else None

    def redacted_video(self, source: Path) -> Path | None:
        """Where the video of ``source`` with blurred plates goes."""
        return self._redacted / self._names.of(source, VIDEO_SUFFIX) if self._redacted else None

    def add(self, answer: Reading) -> None:
        """Write everything that was asked for of one photo.

        The row goes last: it says to ``--resume`` that the pictures are there.
        """
        self._add_pictures(answer)
        self.add_rows(csv_rows(answer.to_dict()))

    def _add_pictures(self, answer: Reading) -> None:
        if answer.image is None:
            return
        if self._pictures is not None:
            self._write_picture(self._pictures, answer, answer.draw(self._language))
        if self._redacted is not None:
            boxes = [plate.detection.box for plate in answer.shown()]
            self._write_picture(self._redacted, answer, redact(answer.image, boxes))

    def add_rows(self, rows: Iterable[Sequence[object]]) -> None:
        """Write rows of the table, of which those of photos lack the columns of videos."""
        if self._file is not None:
            self._file.write(_lines_of(self._table_rows(rows)))
            self._file.flush()

    def _table_rows(self, rows: Iterable[Sequence[object]]) -> Iterator[Sequence[object]]:
        missing = [None] * len(ALL_COLUMNS)
        yield from ([*row, *missing][: self._columns] for row in rows)

    def _write_picture(self, folder: Path, answer: Reading, picture: RgbImage) -> None:
        assert answer.file is not None  # pictures are named after files
        data = encode_jpeg(picture, comment=PICTURE_MARK)
        write_bytes(folder / self._names.of(answer.file), data)

    def _earlier_rows(self, table: Path) -> list[list[str]]:
        """Rows of the photos and videos that an earlier run read.

        What was cut off while written is dropped, and so is what was unreadable: it is tried again.

        Raises:
            InputError: The table is another program's, and is left alone.
        """
        found = self._partial if self._partial.exists() else table
        if not found.exists():
            return []
        rows = _rows_of(found)
        if found == self._partial:
            rows = _without_unfinished_video(rows)
        failed = {row[0] for row in rows if row[CSV_COLUMNS.index("error")]}
        return [row for row in rows if row[0] not in failed or _is_live(row)]

    def _begin_table(self, rows: list[list[str]]) -> TextIO:
        """Open ``FILE.partial`` with ``rows`` in it, locked against other processes.

        Raises:
            InputError: Another process writes it.
        """
        if not LOCKS:
            write_text(self._partial, self._table_of(rows))
            return self._partial.open("a", encoding="utf-8", errors="backslashreplace", newline="")
        is_new = not self._partial.exists()
        self._partial.parent.mkdir(parents=True, exist_ok=True)
        with self._partial.open("a", encoding="utf-8") as held:
            # Whoever had it before us may have put it in its place meanwhile.
            if not try_lock(held) or not is_at(held, self._partial):
                raise self._in_use()
            try:
                return self._replace_table(rows)
            except BaseException:
                if is_new:
                    self._partial.unlink(missing_ok=True)
                raise

    def _replace_table(self, rows: list[list[str]]) -> TextIO:
        """As a whole: a full disk must not cost what an earlier run finished."""
        with draft_of(self._partial) as draft:
            file = draft.open("a", encoding="utf-8", errors="backslashreplace", newline="")
            try:
                try_lock(file)
                file.write(self._table_of(rows))
                file.flush()
            except BaseException:
                file.close()
                raise
        return file

    def _table_of(self, rows: Iterable[Sequence[object]]) -> str:
        return _lines_of(self._table_rows([ALL_COLUMNS, *rows]))


def _lines_of(rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _rows_of(path: Path) -> list[list[str]]:
    """Rows of a table of ours in the columns of today; :class:`InputError` if it is none.

    It may be cut off anywhere. Where a line is cut off, all rows of its photo may not have been
    written: that one goes, too.
    """
    whole, newline, rest = read_bytes(path).rpartition(b"\n")
    if not newline and any(",".join(one).encode().startswith(rest) for one in _HEADERS):
        return []
    try:
        # Spreadsheets put the mark of UTF-8 in front.
        rows = list(csv.reader(io.StringIO(whole.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        rows = []
    header = tuple(rows[0]) if rows else ()
    if header not in _HEADERS:
        raise InputError(f"{path}: not a table of this command; name another file")
    cut_off = rows[-1][:1] if rest else None
    whole_rows = [row for row in rows[1:] if len(row) == len(header) and row[:1] != cut_off]
    return [_as_now(dict(zip(header, row, strict=True))) for row in whole_rows]


def _as_now(row: dict[str, str]) -> list[str]:
    """Earlier versions wrote ``True`` and ``False`` with a capital and had fewer columns."""
    row["restricted_now"] = row["restricted_now"].lower()
    return [row.get(column, "") for column in ALL_COLUMNS]


def _without_unfinished_video(rows: list[list[str]]) -> list[list[str]]:
    """A video's rows come one after the other while it is read: the last one may lack some."""
    if not rows or not rows[-1][ALL_COLUMNS.index("vehicle")] or _is_live(rows[-1]):
        return rows
    return [row for row in rows if row[0] != rows[-1][0]]


def _is_live(row: Sequence[str]) -> bool:
    """Whether a row is of a camera or stream, which never shows again what it showed."""
    return kind_of(row[0]) is SourceKind.LIVE
