"""Read plates: text, last digit and the day on which the vehicle may not circulate."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
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
from lightning_plates.cli._localised import LocalisedParser, choose_language
from lightning_plates.cli._looks import add_look_option
from lightning_plates.cli._originals import without_own_pictures
from lightning_plates.cli._progress import show_progress
from lightning_plates.cli._read_output import (
    ReadOutput,
    count_not_judged,
    describe_photo,
    last_line,
)
from lightning_plates.cli._read_photos import PhotoAnswer, answer_photos
from lightning_plates.cli._read_video import VideoCommand, live_address
from lightning_plates.console import UNREADABLE_EXIT_CODE
from lightning_plates.data.workers import core_count
from lightning_plates.errors import InputError
from lightning_plates.languages import speak, translated
from lightning_plates.photo_phrases import photo_phrases_of
from lightning_plates.reading.calibration import load_calibration
from lightning_plates.reading.formats import (
    load_country_titles,
    load_formats,
    load_printed_words,
)
from lightning_plates.reading.ocr import list_engines, open_engine
from lightning_plates.reading.pipeline import PlateReader, ReadingRules
from lightning_plates.reading.schedules import NO_RULES, load_calendar
from lightning_plates.reading.sentences import LANGUAGES, phrases_of
from lightning_plates.reading.shipped import default_model
from lightning_plates.reading.sources import (
    SourceKind,
    expand_files,
    kind_of,
    paths_as_they_come,
    paths_from_lines,
    without_quotes,
)
from lightning_plates.reading.video import frame_rules
from lightning_plates.reading.video_files import split_videos
from runtimes import Runtime, open_model

_ONE_DAY = dt.timedelta(days=1)
SPOKEN_LANGUAGES = tuple(LANGUAGES)
"""What :func:`~lightning_plates.cli._dispatch.dispatch` need not say that this command lacks."""
DEFAULT_ENGINE = "rapidocr"
"""The engine that measures best on the calibration crops; the table is in docs/reading.md."""


def main(argv: list[str]) -> int:
    """Run ``read``; see ``--help``."""
    args = _parser(choose_language(argv)).parse_args(argv)
    speak(args.lang)
    kinds = {kind_of(source) for source in args.sources}
    _check_arguments(args, kinds)
    rules = load_rules(args)
    with contextlib.ExitStack() as opened:
        open_once = functools.cache(functools.partial(_open, args, rules, opened))
        output = _output(args)
        videos = VideoCommand(
            args, lambda: open_once(for_frames=True), rules, lambda: _moment(args), output
        )
        if SourceKind.LIVE in kinds:
            return _read_live(args, videos, output)
        if args.interactive:
            return _converse(open_once(), args, videos, output)
        return _read_all(open_once, args, kinds, videos, output)


def _open(
    args: argparse.Namespace,
    rules: ReadingRules,
    opened: contextlib.ExitStack,
    *,
    for_frames: bool = False,
) -> PlateReader:
    """A reader of photos, or of the frames of videos, with a model of its own threads."""
    threads = args.threads or (core_count() if for_frames else _threads(args))
    path = args.model or default_model()
    model = opened.enter_context(open_model(path, args.runtime, args.device, threads))
    return open_reader(args, model, frame_rules(rules) if for_frames else rules, threads)


def _threads(args: argparse.Namespace) -> int:
    """Threads for one photo: all cores where nothing else would fill them."""
    alone = len(args.sources) == 1 and Path(args.sources[0]).is_file()
    one_by_one = alone or args.interactive or args.workers == 1
    return core_count() if one_by_one else 1


def load_rules(args: argparse.Namespace) -> ReadingRules:
    """Formats, calibration and restriction rules that the arguments name."""
    calibration = load_calibration(args.ocr)
    threshold = args.min_confidence
    return ReadingRules(
        formats=load_formats(args.country),
        countries=load_country_titles(args.country),
        printed_words=load_printed_words(args.country),
        calibration=calibration,
        calendar=None if args.rules == NO_RULES else load_calendar(args.rules),
        any_format=args.any_format,
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
        raise InputError("nothing to read: name photos, videos, folders or -, or use --interactive")
    if SourceKind.LIVE in kinds and len(args.sources) > 1:
        raise InputError("a camera or stream is read alone; name it in a command of its own")
    if args.resume and args.csv is None:
        raise InputError("--resume continues a table: name it with --csv FILE")
    if args.redact is not None and args.redact == args.save:
        raise InputError("--redact and --save need different folders")


def _read_live(args: argparse.Namespace, videos: VideoCommand, output: ReadOutput) -> int:
    videos.open()
    output.expect_videos()
    with output:
        videos.read(live_address(args.sources[0]))
    _tell_not_judged(videos.not_judged, args)
    return UNREADABLE_EXIT_CODE if videos.failed else 0


def _read_all(
    open_reader: Callable[[], PlateReader],
    args: argparse.Namespace,
    kinds: set[SourceKind],
    videos: VideoCommand,
    output: ReadOutput,
) -> int:
    failed: list[PhotoAnswer] = []
    not_judged = 0
    waiting = _waiting(args, kinds, output)
    photos, films = split_videos(waiting) if isinstance(waiting, list) else (waiting, [])
    # Before the table is begun: a model that cannot be opened leaves nothing behind.
    answers = _answer_photos(open_reader, photos, args, videos)
    if films:
        videos.open()
    if films or not isinstance(photos, list):
        output.expect_videos()
    with output:
        for answer in answers:
            output.add(answer)
            _print_answer(answer, args)
            not_judged += count_not_judged(answer.reading.plates if answer.reading else ())
            if answer.error is not None:
                failed.append(answer)
        for film in films:
            videos.read(film)
    _report(output, failed, args)
    _tell_not_judged(not_judged + videos.not_judged, args)
    return UNREADABLE_EXIT_CODE if failed or videos.failed else 0


def _answer_photos(
    open_reader: Callable[[], PlateReader],
    photos: Iterable[Path | None],
    args: argparse.Namespace,
    videos: VideoCommand,
) -> Iterator[PhotoAnswer]:
    """Answers with a bar where all photos are known; videos among those that come in are read."""
    if not isinstance(photos, list):
        return _answers(open_reader(), videos.photos_among(photos), args, args.workers)
    if not photos:
        return iter(())
    return show_progress(
        _answers(open_reader(), photos, args, args.workers), len(photos), translated("reading")
    )


def _output(args: argparse.Namespace) -> ReadOutput:
    return ReadOutput(args.csv, args.save, args.redact, args.lang, resume=args.resume)


def _answers(
    reader: PlateReader, files: Iterable[Path | None], args: argparse.Namespace, workers: int
) -> Iterator[PhotoAnswer]:
    answers = answer_photos(
        reader,
        files,
        lambda: _moment(args),
        workers,
        photo_phrases_of(args.lang),
        with_image=args.save is not None or args.redact is not None,
    )
    for answer in answers:  # a package that HEIC needs is asked for in English
        yield dataclasses.replace(answer, error=answer.error and translated(answer.error))


def _waiting(
    args: argparse.Namespace, kinds: set[SourceKind], output: ReadOutput
) -> Iterable[Path | None]:
    """Files to read; a list where all are known beforehand."""
    files = _files(args)
    output.protect(files)
    if SourceKind.PATH_STREAM not in kinds:
        return output.without_finished(files)
    return output.stream_without_finished(itertools.chain(files, paths_as_they_come(sys.stdin)))


def _files(args: argparse.Namespace) -> list[Path]:
    """Photos and videos that are named, or lie in what is; not those that an earlier run made."""
    words = photo_phrases_of(args.lang)
    named = [source for source in args.sources if kind_of(source) is SourceKind.FILES]
    return without_own_pictures(expand_files(named, words), (args.save, args.redact), words)


def _tell_not_judged(count: int, args: argparse.Namespace) -> None:
    """Say how many plates have no restriction day because they fit no format."""
    if count and args.rules != NO_RULES and not args.any_format:
        print(phrases_of(args.lang).not_judged.format(count=count), file=sys.stderr)


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


def _converse(
    reader: PlateReader, args: argparse.Namespace, videos: VideoCommand, output: ReadOutput
) -> int:
    """The thesis' prompt: one photo after the other until the user leaves."""
    words = phrases_of(args.lang)
    output.expect_videos()
    with output:
        while (line := last_line(words.prompt)) is not None:
            if line.lower() in words.quit_words:
                break
            for file in paths_from_lines([without_quotes(line)]):
                _converse_about(file, reader, output, args, videos)
    return 0


def _converse_about(
    file: Path,
    reader: PlateReader,
    output: ReadOutput,
    args: argparse.Namespace,
    videos: VideoCommand,
) -> None:
    try:
        output.admit([file])
    except InputError as error:
        print(translated(str(error)), file=sys.stderr)
        return
    for answer in _answers(reader, videos.photos_among([file]), args, workers=1):
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


def _parser(language: str) -> argparse.ArgumentParser:
    parser = LocalisedParser(prog="python -m lightning_plates read", description=__doc__)
    parser.add_argument(
        "sources", nargs="*", metavar="FILE",
        help="photos, videos, folders, glob patterns, - for paths, a camera's index or address",
    )  # fmt: skip
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
    group.add_argument("--country", default="costa_rica", metavar="NAME[,NAME]",
                       help="plate formats, or any for none (%(default)s)")  # fmt: skip
    group.add_argument(
        "--any-format",
        action="store_true",
        help="a restriction day, too, for what fits no format: foreign plates",
    )
    group.add_argument("--rules", default="costa_rica", metavar="NAME",
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
