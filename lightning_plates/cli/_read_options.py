"""Options of ``read``, typed, and how they are declared."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.api import (
    DEFAULT_COUNTRY,
    DEFAULT_ENGINE,
    DEFAULT_RULES,
    ReaderOptions,
    now,
    sample_photos,
)
from lightning_plates.cli._arguments import (
    add_file_limit,
    add_runtime_options,
    fraction,
    non_negative_number,
    positive_int,
    positive_number,
    worker_count,
)
from lightning_plates.cli._looks import add_look_option
from lightning_plates.cli._parser import CommandParser
from lightning_plates.data.workers import core_count
from lightning_plates.errors import InputError
from lightning_plates.reading.ocr import list_engines
from lightning_plates.reading.sentences import LANGUAGES
from lightning_plates.reading.sources import SourceKind, kind_of

_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What one ``read`` command was asked for."""

    sources: tuple[str, ...]
    """Photos, videos, folders, patterns, ``-``, a camera's index or address."""
    interactive: bool
    """Ask for one photo at a time."""
    language: str
    """``es`` or ``en``."""
    at: dt.datetime | None
    """Moment to judge at; ``None`` for now."""
    reader: ReaderOptions
    """How plates are read and judged."""
    model: Path | None
    """Box model; ``None`` for the one that ships."""
    runtime: str | None
    device: str | None
    threads: int | None
    """Threads for one photo; ``None`` chooses by what else would fill the cores."""
    workers: int
    """Photos at the same time."""
    json: bool
    """Print JSON instead of sentences."""
    table: Path | None
    """Table to write."""
    pictures: Path | None
    """Folder for pictures and videos with the answers."""
    redacted: Path | None
    """Folder for pictures and videos with blurred plates."""
    resume: bool
    """Continue an earlier table."""
    fps: float
    """Frames of a video to look at, a second; 0 for all."""
    timeout_s: float
    """Seconds without a frame until a stream is lost."""
    reconnect: int
    """Attempts to get a lost stream back."""

    @property
    def kinds(self) -> set[SourceKind]:
        """Kinds of the sources."""
        return {kind_of(source) for source in self.sources}

    @property
    def is_now(self) -> bool:
        """Whether the present is judged."""
        return self.at is None

    def moment(self) -> dt.datetime:
        """The moment to judge at, asked anew for each photo."""
        return self.at or now()

    def check(self) -> None:
        """Refuse options that contradict one another.

        Raises:
            InputError: They do.
        """
        if not self.sources and not self.interactive:
            raise InputError(
                "nothing to read: name photos, videos, folders or -, or use --interactive"
            )
        if SourceKind.LIVE in self.kinds and len(self.sources) > 1:
            raise InputError("a camera or stream is read alone; name it in a command of its own")
        if self.resume and self.table is None:
            raise InputError("--resume continues a table: name it with --csv FILE")
        if self.redacted is not None and self.redacted == self.pictures:
            raise InputError("--redact and --save need different folders")

    def photo_threads(self) -> int:
        """Threads for one photo: all cores where nothing else would fill them."""
        alone = len(self.sources) == 1 and Path(self.sources[0]).is_file()
        one_by_one = alone or self.interactive or self.workers == 1
        return self.threads or (core_count() if one_by_one else 1)


def parse_options(argv: Sequence[str], language: str, docstring: str | None) -> ReadOptions:
    """Parse the words after ``read``.

    Args:
        argv: The words.
        language: Language of help and errors, and of the answers unless ``--lang`` names another.
        docstring: What the command says of itself.
    """
    args = _parser(language, docstring).parse_args(argv)
    samples = [str(photo) for photo in sample_photos()] if args.sample else []
    return ReadOptions(
        sources=(*args.sources, *samples),
        interactive=args.interactive,
        language=args.lang,
        at=args.at,
        reader=ReaderOptions(
            country=args.country,
            rules=args.rules,
            engine=args.ocr,
            refine=args.look,
            min_confidence=args.min_confidence,
            digits_only=args.digits_only,
            any_format=args.any_format,
        ),
        model=args.model,
        runtime=args.runtime,
        device=args.device,
        threads=args.threads,
        workers=args.workers,
        json=args.json,
        table=args.csv,
        pictures=args.save,
        redacted=args.redact,
        resume=args.resume,
        fps=args.fps,
        timeout_s=args.timeout,
        reconnect=args.reconnect,
    )


def _moment_argument(text: str) -> dt.datetime:
    with contextlib.suppress(ValueError):
        day = dt.date.fromisoformat(text)
        raise InputError(f"--at {text}: expected the time too, such as {day}T07:30")
    try:
        moment = dt.datetime.fromisoformat(text)
        _ = moment - _ONE_DAY, moment + _ONE_DAY  # another time zone's clock must have it, too
        return moment
    except (ValueError, OverflowError) as error:
        raise InputError(f"--at {text}: expected a moment such as 2026-11-25T07:30") from error


def _parser(language: str, docstring: str | None) -> argparse.ArgumentParser:
    parser = CommandParser("read", docstring)
    parser.add_argument(
        "sources", nargs="*", metavar="FILE",
        help="photos, videos, folders, glob patterns, - for paths, a camera's index or address",
    )  # fmt: skip
    parser.add_argument("--sample", action="store_true", help="read the drawn photos that ship")
    parser.add_argument("--interactive", action="store_true", help="ask for one photo at a time")
    _add_answer_options(parser, language)
    _add_output_options(parser)
    _add_video_options(parser)
    _add_engine_options(parser)
    add_file_limit(parser)
    return parser


def _add_answer_options(parser: argparse.ArgumentParser, language: str) -> None:
    group = parser.add_argument_group("answers")
    group.add_argument("--lang", choices=LANGUAGES, default=language,
                       help="language (default: that of the locale, now %(default)s)")  # fmt: skip
    group.add_argument("--at", type=_moment_argument, metavar="TIME", help="judge another moment")
    group.add_argument("--country", default=DEFAULT_COUNTRY, metavar="NAME[,NAME]",
                       help="plate formats, or any for none (%(default)s)")  # fmt: skip
    group.add_argument(
        "--any-format",
        action="store_true",
        help="a restriction day, too, for what fits no format: foreign plates",
    )
    group.add_argument("--rules", default=DEFAULT_RULES, metavar="NAME",
                       help="restriction rules, or none (%(default)s)")  # fmt: skip
    group.add_argument("--min-confidence", type=fraction, metavar="P",
                       help="digits below this are unsure (default: as calibrated)")  # fmt: skip
    group.add_argument("--digits-only", action="store_true", help="never assemble the full text")


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print one line of JSON a photo")
    group.add_argument("--csv", type=Path, metavar="FILE", help="also write a table")
    group.add_argument(
        "--save", type=Path, metavar="DIR", help="write pictures and videos with the answers"
    )
    group.add_argument(
        "--redact", type=Path, metavar="DIR", help="write them with their plates blurred"
    )
    group.add_argument("--resume", action="store_true", help="continue the table of --csv")


def _add_video_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("video, camera and network stream")
    group.add_argument("--fps", type=non_negative_number, default=5.0, metavar="N",
                       help="frames a second to look at, 0 for all (%(default)g)")  # fmt: skip
    group.add_argument("--timeout", type=positive_number, default=10.0, metavar="S",
                       help="seconds without a frame until it is lost (%(default)g)")  # fmt: skip
    group.add_argument("--reconnect", type=positive_int, default=8, metavar="N",
                       help="attempts to get a lost stream back (%(default)s)")  # fmt: skip


def _add_engine_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("engines")
    group.add_argument(
        "--model", type=Path, metavar="FILE", help="box model (default: the shipped one)"
    )
    add_runtime_options(group)
    group.add_argument("--ocr", choices=list_engines(), default=DEFAULT_ENGINE,
                       help="text engine (%(default)s)")  # fmt: skip
    add_look_option(group)
    group.add_argument("--workers", type=worker_count, default=core_count(), metavar="N",
                       help="photos read at the same time (%(default)s)")  # fmt: skip
    group.add_argument("--threads", type=worker_count, metavar="N",
                       help="threads for one photo (1; all cores for one at a time)")  # fmt: skip
