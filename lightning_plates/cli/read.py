"""Read plates: text, last digit and the day on which the vehicle may not circulate."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

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
from lightning_plates.cli._originals import without_own_pictures
from lightning_plates.cli._progress import show_progress
from lightning_plates.cli._read_output import ReadOutput, describe_photo, last_line
from lightning_plates.cli._read_photos import PhotoAnswer, answer_photos
from lightning_plates.cli._read_video import read_video
from lightning_plates.console import UNREADABLE_EXIT_CODE
from lightning_plates.data.workers import core_count
from lightning_plates.errors import InputError
from lightning_plates.photo_phrases import photo_phrases_of
from lightning_plates.reading.calibration import load_calibration
from lightning_plates.reading.formats import load_formats, load_printed_words
from lightning_plates.reading.ocr import list_engines, open_engine
from lightning_plates.reading.pipeline import PlateReader, ReadingRules
from lightning_plates.reading.schedules import load_calendar
from lightning_plates.reading.sentences import LANGUAGES, phrases_of
from lightning_plates.reading.shipped import default_model
from lightning_plates.reading.sources import (
    SourceKind,
    expand_photos,
    kind_of,
    paths_as_they_come,
    paths_from_lines,
    without_quotes,
)
from lightning_plates.reading.video import frame_rules
from runtimes import Runtime, open_model

_ONE_DAY = dt.timedelta(days=1)
DEFAULT_ENGINE = "rapidocr"
"""The engine that measures best on the calibration crops; the table is in docs/reading.md."""


def main(argv: list[str]) -> int:
    """Run ``read``; see ``--help``."""
    args = _parser().parse_args(argv)
    kinds = {kind_of(source) for source in args.sources}
    _check_arguments(args, kinds)
    rules = load_rules(args)
    path = args.model or default_model()
    threads = args.threads or _threads(args, kinds)
    with open_model(path, args.runtime, args.device, threads) as model:
        if SourceKind.VIDEO in kinds:
            frame_reader = open_reader(args, model, frame_rules(rules), threads)
            return read_video(args, frame_reader, rules, lambda: _moment(args))
        reader = open_reader(args, model, rules, threads)
        if args.interactive:
            return _converse(reader, args)
        return _read_all(reader, args, kinds)


def _threads(args: argparse.Namespace, kinds: set[SourceKind]) -> int:
    """Threads for one photo: all cores where nothing else would fill them."""
    alone = len(args.sources) == 1 and Path(args.sources[0]).is_file()
    one_by_one = alone or args.interactive or SourceKind.VIDEO in kinds or args.workers == 1
    return core_count() if one_by_one else 1


def load_rules(args: argparse.Namespace) -> ReadingRules:
    """Formats, calibration and restriction rules that the arguments name."""
    calibration = load_calibration(args.ocr)
    threshold = args.min_confidence
    return ReadingRules(
        formats=load_formats(args.country),
        printed_words=load_printed_words(args.country),
        calibration=calibration,
        calendar=load_calendar(args.rules),
        min_confidence=calibration.min_confidence if threshold is None else threshold,
        digits_only=args.digits_only,
    )


def open_reader(
    args: argparse.Namespace, model: Runtime, rules: ReadingRules, threads: int
) -> PlateReader:
    """A reader with the engine that the arguments name."""
    _ = model.spec  # a model without a spec is refused before any photo is decoded
    return PlateReader(model, open_engine(args.ocr, threads), rules, args.look)


def _check_arguments(args: argparse.Namespace, kinds: set[SourceKind]) -> None:
    if not args.sources and not args.interactive:
        raise InputError("nothing to read: name photos, folders or -, or use --interactive")
    if SourceKind.VIDEO in kinds and len(args.sources) > 1:
        raise InputError("a video or camera is read alone; name it in a command of its own")
    if args.resume and args.csv is None:
        raise InputError("--resume continues a table: name it with --csv FILE")
    if args.redact is not None and args.redact == args.save:
        raise InputError("--redact and --save need different folders")


def _read_all(reader: PlateReader, args: argparse.Namespace, kinds: set[SourceKind]) -> int:
    failed: list[PhotoAnswer] = []
    output = ReadOutput(args.csv, args.save, args.redact, resume=args.resume)
    waiting = _waiting(args, kinds, output)
    with output:
        answers = _answers(reader, waiting, args, args.workers)
        shown = (
            show_progress(answers, len(waiting), "reading")
            if isinstance(waiting, list)
            else answers
        )
        for answer in shown:
            output.add(answer)
            _print_answer(answer, args)
            if answer.error is not None:
                failed.append(answer)
    _report(output, failed, args)
    return UNREADABLE_EXIT_CODE if failed else 0


def _answers(
    reader: PlateReader, files: Iterable[Path | None], args: argparse.Namespace, workers: int
) -> Iterator[PhotoAnswer]:
    return answer_photos(
        reader,
        files,
        lambda: _moment(args),
        workers,
        photo_phrases_of(args.lang),
        with_image=args.save is not None or args.redact is not None,
    )


def _waiting(
    args: argparse.Namespace, kinds: set[SourceKind], output: ReadOutput
) -> Iterable[Path | None]:
    """Files to read; a list where all are known beforehand."""
    photos = _photos(args)
    output.protect(photos)
    if SourceKind.PATH_STREAM not in kinds:
        return output.without_finished(photos)
    return output.stream_without_finished(itertools.chain(photos, paths_as_they_come(sys.stdin)))


def _photos(args: argparse.Namespace) -> list[Path]:
    """Photos that are named, or lie in what is; not those that an earlier run made."""
    words = photo_phrases_of(args.lang)
    named = [source for source in args.sources if kind_of(source) is SourceKind.PHOTOS]
    return without_own_pictures(expand_photos(named, words), (args.save, args.redact), words)


def _report(output: ReadOutput, failed: list[PhotoAnswer], args: argparse.Namespace) -> None:
    """Say on standard error which photos have no answer above, and why."""
    if output.files_finished:
        line = phrases_of(args.lang).already_read.format(
            finished=output.files_finished, seen=output.files_seen, table=args.csv
        )
        print(line, file=sys.stderr)
    skipped = photo_phrases_of(args.lang).skipped
    for answer in failed:
        print(skipped.format(problem=f"{answer.file}: {answer.error}"), file=sys.stderr)


def _print_answer(answer: PhotoAnswer, args: argparse.Namespace) -> None:
    if args.json:
        print(answer.to_json(), flush=True)
    elif answer.error is None:
        print(describe_photo(answer, args.lang, is_now=args.at is None), flush=True)


def _converse(reader: PlateReader, args: argparse.Namespace) -> int:
    """The thesis' prompt: one photo after the other until the user leaves."""
    words = phrases_of(args.lang)
    with ReadOutput(args.csv, args.save, args.redact, resume=args.resume) as output:
        while (line := last_line(words.prompt)) is not None:
            if line.lower() in words.quit_words:
                break
            for file in paths_from_lines([without_quotes(line)]):
                _converse_about(file, reader, output, args)
    return 0


def _converse_about(
    file: Path, reader: PlateReader, output: ReadOutput, args: argparse.Namespace
) -> None:
    try:
        output.admit([file])
    except InputError as error:
        print(error, file=sys.stderr)
        return
    for answer in _answers(reader, [file], args, workers=1):
        output.add(answer)
        _print_answer(answer, args)
        if answer.error is not None and not args.json:
            print(f"{answer.file}: {answer.error}")


def _moment(args: argparse.Namespace) -> dt.datetime:
    return args.at or dt.datetime.now(dt.timezone.utc)


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lightning_plates read", description=__doc__)
    parser.add_argument(
        "sources", nargs="*", metavar="PHOTO",
        help="photos, folders, glob patterns, a video, a camera's index or address, or - for paths",
    )  # fmt: skip
    parser.add_argument("--interactive", action="store_true", help="ask for one photo at a time")
    _add_answer_options(parser)
    _add_output_options(parser)
    _add_video_options(parser)
    _add_engine_options(parser)
    add_file_limit(parser)
    return parser


def _add_answer_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("answers")
    group.add_argument("--lang", choices=LANGUAGES, default="es", help="language (%(default)s)")
    group.add_argument("--at", type=_moment_argument, metavar="TIME", help="judge another moment")
    group.add_argument("--country", default="costa_rica", metavar="NAME[,NAME]",
                       help="plate formats, or any for none (%(default)s)")  # fmt: skip
    group.add_argument("--rules", default="costa_rica", help="restriction rules (%(default)s)")
    group.add_argument("--min-confidence", type=fraction, metavar="P",
                       help="digits below this are unsure (default: as calibrated)")  # fmt: skip
    group.add_argument("--digits-only", action="store_true", help="never assemble the full text")


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print one line of JSON a photo")
    group.add_argument("--csv", type=Path, metavar="FILE", help="also write a table")
    group.add_argument("--save", type=Path, metavar="DIR", help="write pictures with the answers")
    group.add_argument("--redact", type=Path, metavar="DIR", help="write photos, plates blurred")
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
    group.add_argument("--model", type=Path, help="box model (default: the shipped one)")
    add_runtime_options(group)
    group.add_argument("--ocr", choices=list_engines(), default=DEFAULT_ENGINE,
                       help="text engine (%(default)s)")  # fmt: skip
    add_look_option(group)
    group.add_argument("--workers", type=worker_count, default=core_count(),
                       help="photos read at the same time (%(default)s)")  # fmt: skip
    group.add_argument("--threads", type=worker_count,
                       help="threads for one photo (1; all cores for one at a time)")  # fmt: skip
