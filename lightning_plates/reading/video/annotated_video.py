"""Writes the frames that were looked at as a video, at the pace they were seen."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image

from lightning_plates.drafts import draft_of
from lightning_plates.errors import OutputError
from lightning_plates.optional import require
from lightning_plates.photos import RgbImage

CODEC = "mp4v"
"""MPEG-4 part 2: the one MP4 codec that every OpenCV wheel can write."""

LONGEST_STILL_S = 1.0
"""A frame is shown for at most this long, so that a lost signal does not become a long still."""


class AnnotatedVideo:
    """An MP4 that is put in place when the ``with`` block ends without an error.

    Args:
        target: File to write, ``.mp4``.
        fps: Frames a second of the file.

    Raises:
        OutputError: The file cannot be written.
        MissingDependencyError: OpenCV is not installed.
    """

    def __init__(self, target: Path, fps: float) -> None:
        self._target = target
        # MPEG-4 keeps a rate as a fraction of two small numbers: 239.87 is one, 239.867 is not.
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
        # Encoders of this kind want even sides.
        self._size = (image.shape[1] // 2 * 2, image.shape[0] // 2 * 2)
        self._shift_s = -time_s
        code = self._cv2.VideoWriter_fourcc(*CODEC)
        self._writer = self._cv2.VideoWriter(str(self._draft), code, self._fps, self._size)
        if not self._writer.isOpened():
            raise OutputError(f"{self._target}: this OpenCV cannot write video ({CODEC} in MP4)")

    def _check(self) -> None:
        """OpenCV does not say that a disk was full: such a file has no index and cannot be opened.

        Raises:
            OutputError: The draft is not a whole video; it is not put in place.
        """
        if self._draft is None:
            return
        written = self._cv2.VideoCapture(str(self._draft), self._cv2.CAP_FFMPEG)
        whole = written.isOpened()
        written.release()
        if not whole:
            raise OutputError(f"{self._target}: the video could not be finished; is the disk full?")

    def _fit(self, image: RgbImage) -> RgbImage:
        if (image.shape[1], image.shape[0]) == self._size:
            return image
        return np.asarray(Image.fromarray(image).resize(self._size), dtype=np.uint8)
