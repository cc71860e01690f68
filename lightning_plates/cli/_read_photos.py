"""Reads many photos on all cores, in the order given."""

from __future__ import annotations

import datetime as dt
import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_plates.errors import MissingDependencyError, PhotoError, reason_without_name
from lightning_plates.photo_phrases import PhotoPhrases
from lightning_plates.photos import RgbImage, open_photo
from lightning_plates.reading.pipeline import PhotoReading, PlateReader
from lightning_plates.reading.records import photo_record
from lightning_plates.reading.stopwatch import Stopwatch
from lightning_plates.text_streams import json_line

AHEAD = 2
"""Photos a worker that may be read before they are asked for; it bounds the memory in use."""


@dataclass(frozen=True, slots=True)
class PhotoAnswer:
    """What came of one photo."""

    file: Path
    error: str | None = None
    """Why it could not be read, on one line, without its name."""
    image: RgbImage | None = None
    """The photo, RGB, shape ``(H, W, 3)``; ``None`` beside an error, or where nobody needs it."""
    reading: PhotoReading | None = None
    """What was read, boxes in pixels of ``image``; ``None`` beside an error."""
    reduction: tuple[float, float] = (1.0, 1.0)
    """Pixels of the photo itself that one of ``image`` spans, across and down."""

    def to_record(self) -> dict[str, Any]:
        """The keys that ``--json`` prints; boxes are in pixels of the photo itself."""
        reading = self.reading and self.reading.enlarged(*self.reduction)
        return photo_record(self.file, self.error, reading)

    def to_json(self) -> str:
        """One line of JSON."""
        return json_line(self.to_record())


def answer_photos(
    reader: PlateReader,
    files: Iterable[Path | None],
    moment: Callable[[], dt.datetime],
    workers: int,
    words: PhotoPhrases,
    *,
    with_image: bool,
) -> Iterator[PhotoAnswer]:
    """Read ``files`` with ``workers`` threads.

    Decoding, the model and the engine release Python's lock, so threads fill the cores and share
    the weights. An unreadable photo is an answer with an error in ``words``, not the end.

    Args:
        reader: What reads a photo.
        files: The photos; they may come in for days. ``None`` stands for a moment without one, in
            which the answers that are ready go out.
        moment: When the vehicles want to circulate, asked anew for each photo.
        workers: Photos at the same time.
        words: Language of the errors.
        with_image: Whether answers keep their photos: a dozen megapixels take 36 MB.
    """
    answer = functools.partial(
        answer_photo, reader, moment=moment, words=words, with_image=with_image
    )
    pending: deque[Future[PhotoAnswer]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for file in files:
                if file is not None:
                    pending.append(pool.submit(answer, file))
                while pending and (len(pending) >= workers * AHEAD or pending[0].done()):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def answer_photo(
    reader: PlateReader,
    file: Path,
    moment: Callable[[], dt.datetime],
    words: PhotoPhrases,
    *,
    with_image: bool,
) -> PhotoAnswer:
    """Read one photo file; see :func:`answer_photos`."""
    watch = Stopwatch()
    try:
        with watch.step("decode"):
            photo = open_photo(file, words)
    except (PhotoError, MissingDependencyError) as error:
        return PhotoAnswer(file, reason_without_name(error, file))
    reading = reader.read(photo.image, moment(), watch)
    shown = photo.image if with_image else None
    return PhotoAnswer(file, None, shown, reading, photo.reduction)
