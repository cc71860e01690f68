"""Read plates: text, last digit and the day on which the vehicle may not circulate.

Examples:
    lightning-plates read --sample
    lightning-plates read photo.jpg folder/ --lang en
    lightning-plates read folder/ --csv plates.csv --save pictures/ --resume
    lightning-plates read video.mp4 --json
    lightning-plates read rtsp://camera/stream

Page: docs/reading.md
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lightning_plates.api import PlateReader
from lightning_plates.cli._localised import choose_language
from lightning_plates.cli._originals import without_own_pictures
from lightning_plates.cli._progress import show_progress
from lightning_plates.cli._read_options import ReadOptions, parse_options
from lightning_plates.cli._read_output import (
    ReadOutput,
    count_not_judged,
    describe_photo,
    last_line,
)
from lightning_plates.cli._read_video import VideoCommand, live_address
from lightning_plates.data.workers import core_count
from lightning_plates.errors import InputError
from lightning_plates.finding.shipped import default_model
from lightning_plates.languages import speak, translated
from lightning_plates.photo_phrases import photo_phrases_of
from lightning_plates.reading.answers import Reading
from lightning_plates.reading.pipeline import ReadingRules
from lightning_plates.reading.rules.schedules import NO_RULES
from lightning_plates.reading.sentences import LANGUAGES, phrases_of
from lightning_plates.reading.sources import (
    SourceKind,
    expand_files,
    kind_of,
    paths_as_they_come,
    paths_from_lines,
    without_quotes,
)
from lightning_plates.reading.video.files import split_videos
from lightning_plates.reading.video.video import frame_rules
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE
from lightning_plates.terminal.text_streams import json_line
from runtimes import open_model

SPOKEN_LANGUAGES = tuple(LANGUAGES)
"""Languages that this command speaks; the list of commands says so."""


def main(argv: list[str]) -> int:
    """Run ``read``; see ``--help``."""
    options = parse_options(argv, choose_language(argv), __doc__)
    speak(options.language)
    options.check()
    rules = options.reader.load()
    with contextlib.ExitStack() as opened:
        open_once = functools.cache(functools.partial(_open, options, rules, opened))
        output = ReadOutput(
            options.table, options.pictures, options.redacted, options.language,
            resume=options.resume,
        )  # fmt: skip
        videos = VideoCommand(options, lambda: open_once(for_frames=True), rules, output)
        if SourceKind.LIVE in options.kinds:
            return _read_live(options, videos, output)
        if options.interactive:
            return _converse(open_once(), options, videos, output)
        return _read_all(open_once, options, videos, output)


def _open(
    options: ReadOptions,
    rules: ReadingRules,
    opened: contextlib.ExitStack,
    *,
    for_frames: bool = False,
) -> PlateReader:
    """A reader of photos, or of the frames of videos, with a model of its own threads."""
    threads = options.threads or core_count() if for_frames else options.photo_threads()
    path = options.model or default_model()
    model = opened.enter_context(open_model(path, options.runtime, options.device, threads))
    return PlateReader(model, options.reader, threads, frame_rules(rules) if for_frames else rules)


def _read_live(options: ReadOptions, videos: VideoCommand, output: ReadOutput) -> int:
    videos.open()
    output.expect_videos()
    with output:
        videos.read(live_address(options.sources[0]))
    _tell_not_judged(videos.not_judged, options)
    return UNREADABLE_EXIT_CODE if videos.failed else 0


def _read_all(
    open_reader: Callable[[], PlateReader],
    options: ReadOptions,
    videos: VideoCommand,
    output: ReadOutput,
) -> int:
    failed: list[Reading] = []
    not_judged = 0
    waiting = _waiting(options, output)
    photos, films = split_videos(waiting) if isinstance(waiting, list) else (waiting, [])
    # Before the table is begun: a model that cannot be opened leaves nothing behind.
    answers = _answer_photos(open_reader, photos, options, videos)
    if films:
        videos.open()
    if films or not isinstance(photos, list):
        output.expect_videos()
    with output:
        for answer in answers:
            output.add(answer)
            _print_answer(answer, options)
            not_judged += count_not_judged(answer.plates)
            if answer.error is not None:
                failed.append(answer)
        for film in films:
            videos.read(film)
    _report(output, failed, options)
    _tell_not_judged(not_judged + videos.not_judged, options)
    return UNREADABLE_EXIT_CODE if failed or videos.failed else 0


def _answer_photos(
    open_reader: Callable[[], PlateReader],
    photos: Iterable[Path | None],
    options: ReadOptions,
    videos: VideoCommand,
) -> Iterator[Reading]:
    """Answers with a bar where all photos are known; videos among those that come in are read."""
    if not isinstance(photos, list):
        return _answers(open_reader(), videos.photos_among(photos), options, options.workers)
    if not photos:
        return iter(())
    answers = _answers(open_reader(), photos, options, options.workers)
    return show_progress(answers, len(photos), translated("reading"))


def _answers(
    reader: PlateReader, files: Iterable[Path | None], options: ReadOptions, workers: int
) -> Iterator[Reading]:
    answers = reader.read_many(
        files,
        options.moment,
        workers=workers,
        keep_images=options.pictures is not None or options.redacted is not None,
        words=photo_phrases_of(options.language),
    )
    for answer in answers:  # a package that HEIC needs is asked for in English
        yield dataclasses.replace(answer, error=answer.error and translated(answer.error))


def _waiting(options: ReadOptions, output: ReadOutput) -> Iterable[Path | None]:
    """Files to read; a list where all are known beforehand."""
    files = _files(options)
    output.protect(files)
    if SourceKind.PATH_STREAM not in options.kinds:
        return output.without_finished(files)
    return output.stream_without_finished(itertools.chain(files, paths_as_they_come(sys.stdin)))


def _files(options: ReadOptions) -> list[Path]:
    """Photos and videos that are named, or lie in what is; not those that an earlier run made."""
    words = photo_phrases_of(options.language)
    named = [source for source in options.sources if kind_of(source) is SourceKind.FILES]
    own = (options.pictures, options.redacted)
    return without_own_pictures(expand_files(named, words), own, words)


def _tell_not_judged(count: int, options: ReadOptions) -> None:
    """Say how many plates have no restriction day because they fit no format."""
    if count and options.reader.rules != NO_RULES and not options.reader.any_format:
        line = phrases_of(options.language).not_judged.format(count=count)
        print(line, file=sys.stderr)


def _report(output: ReadOutput, failed: list[Reading], options: ReadOptions) -> None:
    """Say on standard error which photos have no answer above, and why."""
    if output.files_finished:
        line = phrases_of(options.language).already_read.format(
            finished=output.files_finished, seen=output.files_seen, table=options.table
        )
        print(line, file=sys.stderr)
    skipped = photo_phrases_of(options.language).skipped
    for answer in failed:
        print(skipped.format(problem=f"{answer.file}: {answer.error}"), file=sys.stderr)


def _print_answer(answer: Reading, options: ReadOptions) -> None:
    if options.json:
        print(json_line(answer.to_dict()), flush=True)
    elif answer.error is None:
        print(describe_photo(answer, options.language, is_now=options.is_now), flush=True)


def _converse(
    reader: PlateReader, options: ReadOptions, videos: VideoCommand, output: ReadOutput
) -> int:
    """The thesis' prompt: one photo after the other until the user leaves."""
    words = phrases_of(options.language)
    output.expect_videos()
    with output:
        while (line := last_line(words.prompt)) is not None:
            if line.lower() in words.quit_words:
                break
            for file in paths_from_lines([without_quotes(line)]):
                _converse_about(file, reader, output, options, videos)
    return 0


def _converse_about(
    file: Path,
    reader: PlateReader,
    output: ReadOutput,
    options: ReadOptions,
    videos: VideoCommand,
) -> None:
    try:
        output.admit([file])
    except InputError as error:
        print(translated(str(error)), file=sys.stderr)
        return
    for answer in _answers(reader, videos.photos_among([file]), options, workers=1):
        output.add(answer)
        _print_answer(answer, options)
        if answer.error is not None and not options.json:
            print(f"{answer.file}: {answer.error}")
