"""What an argument of ``read`` names: photos and videos, a list of them, or a live source."""

from __future__ import annotations

import contextlib
import glob
import io
import os
import select
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import TextIO

from lightning_plates.errors import InputError
from lightning_plates.photo_phrases import ENGLISH, PhotoPhrases
from lightning_plates.photos import find_photos
from lightning_plates.reading.video.files import videos_below

STREAM_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://", "rtmp://", "udp://")
"""Beginnings of network addresses of cameras."""


_MOMENT_S = 0.1
"""Seconds without a path after which answers that are ready go out."""

_CHUNK = 65536
"""Bytes that are read at most at once: as many as a pipe of Linux holds."""


class SourceKind(Enum):
    """How a source is read."""

    FILES = "files"
    """Photos and videos, known beforehand."""
    PATH_STREAM = "path_stream"
    """Paths that come in on standard input."""
    LIVE = "live"
    """A camera's index or a network address."""


def kind_of(argument: str) -> SourceKind:
    """Say how ``argument`` is read; an existing file named ``0`` is a file, not a camera."""
    if argument == "-":
        return SourceKind.PATH_STREAM
    is_camera = argument.isdecimal() and not Path(argument).exists()
    if is_camera or argument.lower().startswith(STREAM_SCHEMES):
        return SourceKind.LIVE
    return SourceKind.FILES


def expand_files(arguments: Sequence[str], words: PhotoPhrases = ENGLISH) -> list[Path]:
    """Files as named, folders as the photos and videos below them, patterns as what they match.

    A file that does not exist stays in the list when others are named too: it is reported with
    the unreadable ones at the end.

    Args:
        arguments: What the user named.
        words: Language of the errors.

    Raises:
        InputError: Nothing that was named exists.
    """
    files: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            files += _files_below(path, words)
        elif not path.exists() and glob.has_magic(argument):
            matches = sorted(_matches(path))
            if not matches:
                raise InputError(words.no_match.format(name=argument))
            files += [match for match in matches if match.is_file()]
        else:
            files.append(path)
    if files and not any(file.exists() for file in files):
        raise InputError(words.missing.format(name=files[0]))
    return list(dict.fromkeys(files))


def _files_below(folder: Path, words: PhotoPhrases) -> list[Path]:
    """Photos and videos below ``folder``; :class:`InputError` where there is neither."""
    videos = videos_below(folder)
    try:
        return [*find_photos(folder, words, videos), *videos]
    except InputError:
        if not videos:
            raise
        return videos


def _matches(pattern: Path) -> Iterator[Path]:
    """What a pattern matches; hidden files only where it begins a name with a dot.

    Not by :func:`glob.glob`, whose ``**`` follows links, in circles if need be.
    """
    words = pattern.parts[1:] if pattern.anchor else pattern.parts
    if words[-1] == "**":
        words = (*words, "*")
    wants_hidden = any(map(_is_hidden, words))
    start = Path(pattern.anchor)
    with contextlib.suppress(ValueError):  # ** beside other characters matches nothing
        for match in start.glob("/".join(words)):
            if wants_hidden or not any(map(_is_hidden, match.parts)):
                yield match


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and name not in {".", ".."}


def paths_from_lines(lines: Iterable[str]) -> Iterator[Path]:
    """Paths of a stream, each on a line or ended by a null byte, as by ``find -print0``.

    Empty ones are skipped.
    """
    for line in lines:
        for part in line.split("\0"):
            if part.strip():
                yield Path(part.strip())


def paths_as_they_come(stream: TextIO) -> Iterator[Path | None]:
    """Paths of an open stream; ``None`` each time that none has come for a moment."""
    for line in _lines_as_they_come(stream):
        if line is None:
            yield None
        else:
            yield from paths_from_lines([line])


def _lines_as_they_come(stream: TextIO) -> Iterator[str | None]:
    try:
        number = stream.fileno()
    except io.UnsupportedOperation:  # text in memory does not keep anyone waiting
        yield from stream
        return
    if sys.platform == "win32":  # select knows sockets alone there
        yield from stream
        return
    rest = b""
    while True:
        ready, _, _ = select.select([number], [], [], _MOMENT_S)
        if not ready:
            yield None
            continue
        chunk = os.read(number, _CHUNK)
        if not chunk:
            yield os.fsdecode(rest)
            return
        # Whoever ends names with null bytes may have line ends in them.
        end = b"\0" if b"\0" in rest + chunk else b"\n"
        *lines, rest = (rest + chunk).split(end)
        yield from map(os.fsdecode, lines)


def without_quotes(text: str) -> str:
    """``text`` without the pair of quotes that terminals put around a file dropped on them."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text
