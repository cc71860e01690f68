"""Reads many photos on all cores, in the order given."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_plates.errors import MissingDependencyError, PhotoError, reason_without_name
from lightning_plates.photo_phrases import PhotoPhrases
from lightning_plates.photos import RgbImage, load_photo
from lightning_plates.reading.pipeline import PhotoReading, PlateReader
from lightning_plates.reading.records import photo_record
from lightning_plates.reading.stopwatch import Stopwatch
from lightning_plates.text_streams import json_line

AHEAD = 4
"""Photos a worker that may be decoded before they are asked for; it bounds the memory in use."""


@dataclass(frozen=True, slots=True)
class PhotoAnswer:
    """What came of one photo."""

    file: Path
    error: str | None = None
    """Why it could not be read, on one line, without its name."""
    image: RgbImage | None = None
    """The photo, RGB, shape ``(H, W, 3)``; ``None`` beside an error."""
    reading: PhotoReading | None = None
    """What was read; ``None`` beside an error."""

    def to_record(self) -> dict[str, Any]:
        """The keys that ``--json`` prints."""
        return photo_record(self.file, self.error, self.reading)

    def to_json(self) -> str:
        """One line of JSON."""
        return json_line(self.to_record())


def answer_photos(
    reader: PlateReader,
    files: Iterable[Path],
    moment: dt.datetime,
    workers: int,
    words: PhotoPhrases,
) -> Iterator[PhotoAnswer]:
    """Read ``files`` with ``workers`` threads.

    Decoding, the model and the engine release Python's lock, so threads fill the cores and share
    the weights. An unreadable photo is an answer with an error in ``words``, not the end.
    """
    pending: deque[Future[PhotoAnswer]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for file in files:
                pending.append(pool.submit(answer_photo, reader, file, moment, words))
                # One worker reads a stream of paths as they come, not one path late.
                while len(pending) >= (workers * AHEAD if workers > 1 else 1):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def answer_photo(
    reader: PlateReader, file: Path, moment: dt.datetime, words: PhotoPhrases
) -> PhotoAnswer:
    """Read one photo file."""
    watch = Stopwatch()
    try:
        with watch.step("decode"):
            image = load_photo(file, words)
    except (PhotoError, MissingDependencyError) as error:
        return PhotoAnswer(file, reason_without_name(error, file))
    return PhotoAnswer(file, None, image, reader.read(image, moment, watch))
