"""Writes the frames that were looked at as a video, at the pace they were seen."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image

from lightning_plates.drafts import draft_of
from lightning_plates.errors import OutputError
from lightning_plates.optional import require
from lightning_plates.photos import RgbImage
from lightning_plates.reading.video.capture import Timeouts, name_for_ffmpeg, open_capture
from lightning_plates.reading.video.damage import missing_bytes

SUFFIX = ".webm"
"""WebM with VP8: what every browser plays and every OpenCV wheel can write. No wheel that we could
require brings an H.264 encoder: OpenCV's is built without, PyAV's has the GPL's x264 and x265."""

_CODEC = "VP80"
_SMALLEST = 16
"""Pixels of the side of a block, of which VP8 makes its frames."""

_VOID = b"\xec\x01\0\0\0\0\0\0"
"""Name and length, but for its last byte, of an element without meaning."""
_HEAD_BYTES = 1024

LONGEST_STILL_S = 1.0
"""A frame is shown for at most this long, so that a lost signal does not become a long still."""


class AnnotatedVideo:
    """A video that is put in place when the ``with`` block ends without an error.

    Args:
        target: File to write, ending in :data:`SUFFIX`.
        fps: Frames a second of the file.
        comment: Bytes that are put where players do not look, so that the file can be known.

    Raises:
        OutputError: The file cannot be written.
        MissingDependencyError: OpenCV is not installed.
    """

    def __init__(self, target: Path, fps: float, comment: bytes = b"") -> None:
        self._target, self._comment = target, comment
        # Encoders keep a rate as a fraction of two small numbers: 239.87 is one, 239.867 is not.
        self._fps = max(0.01, round(fps, 2))
        self._cv2 = require("cv2")
        self._writer: Any = None
        self._draft: Path | None = None
        self._size = (0, 0)
        self._written = 0
        self._shift_s = 0.0
        self._open_files = contextlib.ExitStack()

    def __enter__(self) -> AnnotatedVideo:
        return self

    def add(self, image: RgbImage, time_s: float) -> None:
        """Append a frame.

        Args:
            image: RGB, shape ``(H, W, 3)``; scaled to the first frame's size where it differs.
            time_s: When it was seen, in seconds, growing; the frame is repeated as far as
                needed to keep the pace.
        """
        if self._writer is None:
            self._open(image, time_s)
        still_s = time_s + self._shift_s - self._written / self._fps
        if still_s > LONGEST_STILL_S:
            self._shift_s -= still_s - LONGEST_STILL_S
            still_s = LONGEST_STILL_S
        frame = np.ascontiguousarray(self._fit(image)[..., ::-1])
        for _ in range(max(1, round(still_s * self._fps) + 1)):
            self._writer.write(frame)
            self._written += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.release()
        if error is not None:
            self._open_files.__exit__(kind, error, trace)
            return
        with self._open_files:
            self._check()

    def _open(self, image: RgbImage, time_s: float) -> None:
        self._draft = self._open_files.enter_context(draft_of(self._target))
        # Encoders of this kind want even sides, and of smaller frames make files that are broken.
        height, width = (max(_SMALLEST, side // 2 * 2) for side in image.shape[:2])
        self._size = (width, height)
        self._shift_s = -time_s
        code = self._cv2.VideoWriter_fourcc(*_CODEC)
        name = self._open_files.enter_context(name_for_ffmpeg(self._draft))
        with _silenced():
            self._writer = self._cv2.VideoWriter(
                name, self._cv2.CAP_FFMPEG, code, self._fps, self._size
            )
        if not self._writer.isOpened():
            raise OutputError(f"{self._target}: this OpenCV cannot write video ({_CODEC} in WebM)")

    def _check(self) -> None:
        """OpenCV does not say that a disk was full: such a file is shorter than it says itself.

        Raises:
            OutputError: The draft is not a whole video; it is not put in place.
        """
        if self._draft is None:
            return
        written = open_capture(self._draft, Timeouts())
        if written is None or missing_bytes(self._draft):
            raise OutputError(f"{self._target}: the video could not be finished; is the disk full?")
        written.close()
        _write_comment(self._draft, self._comment)

    def _fit(self, image: RgbImage) -> RgbImage:
        if (image.shape[1], image.shape[0]) == self._size:
            return image
        return np.asarray(Image.fromarray(image).resize(self._size), dtype=np.uint8)


def _write_comment(file: Path, comment: bytes) -> None:
    """Put ``comment`` into the element that FFmpeg keeps free near the beginning of a WebM file.

    Its content means nothing (RFC 8794, section 11.3.2: Void).
    """
    with file.open("r+b") as stream:
        head = stream.read(_HEAD_BYTES)
        start = head.find(_VOID)
        if start >= 0 and head[start + len(_VOID)] >= len(comment):
            stream.seek(start + len(_VOID) + 1)
            stream.write(comment)


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """OpenCV prints that WebM has no tag for VP8, which it does not need."""
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        try:
            before = os.dup(2)
        except OSError:  # closed by whoever started us
            yield
            return
        stack.callback(os.close, before)
        stack.callback(os.dup2, before, 2)
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
