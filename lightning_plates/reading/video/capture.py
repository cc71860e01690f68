"""The one place that opens videos, cameras and network streams: OpenCV behind a small interface."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from lightning_plates.optional import require
from lightning_plates.photos import RgbImage

VideoAddress: TypeAlias = int | str | Path
"""Index of a camera, address of a network stream (with ``://``), or path of a video file."""

_PLAUSIBLE_FPS = (0.1, 480.0)
"""Containers without a rate report 0, NaN or their time base (90000): not frames a second."""


class Capture(Protocol):
    """An open source of frames."""

    @property
    def fps(self) -> float | None:
        """Frames a second that the source declares; ``None`` where it does not."""

    @property
    def frame_count(self) -> int | None:
        """Frames that a file declares; ``None`` for live sources."""

    @property
    def time_s(self) -> float:
        """Seconds from the start to the frame grabbed last; 0 where the source keeps no time."""

    def grab(self) -> bool:
        """Step to the next frame without converting it; ``False`` at the end or when lost."""

    def retrieve(self) -> RgbImage | None:
        """The frame grabbed last; ``None`` where it cannot be decoded."""

    def close(self) -> None:
        """Give the device, file or connection back."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a network stream may keep us waiting."""

    open_s: float = 10.0
    """Seconds until the first frame; a camera that sleeps needs several."""
    read_s: float = 5.0
    """Seconds between frames before the stream counts as lost."""


def is_live(address: VideoAddress) -> bool:
    """Whether frames arrive in real time: a camera or a network stream, not a file."""
    return isinstance(address, int) or "://" in str(address)


def open_capture(address: VideoAddress, timeouts: Timeouts) -> Capture | None:
    """Open a source of frames.

    Returns:
        The open source; ``None`` where nothing answers or it holds no video.

    Raises:
        MissingDependencyError: OpenCV is not installed.
    """
    # OpenCV and FFmpeg print their own lines on failure; ours say what failed and what to do.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    cv2 = require("cv2")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    if isinstance(address, int):
        device = cv2.VideoCapture(address)
    else:
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(timeouts.open_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(timeouts.read_s * 1000),
        ]  # fmt: skip
        # FFmpeg by name: other back-ends ignore the limits or take a path with % for a series.
        device = cv2.VideoCapture(str(address), cv2.CAP_FFMPEG, limits)
    return OpenCvCapture(device) if device.isOpened() else None


class OpenCvCapture:
    """A ``cv2.VideoCapture`` that is open."""

    def __init__(self, device: Any) -> None:  # noqa: ANN401  # OpenCV ships no types for it
        self._cv2 = require("cv2")
        self._device = device

    @property
    def fps(self) -> float | None:
        """See :class:`Capture`."""
        value = float(self._device.get(self._cv2.CAP_PROP_FPS))
        low, high = _PLAUSIBLE_FPS
        return value if low <= value <= high else None

    @property
    def frame_count(self) -> int | None:
        """See :class:`Capture`."""
        value = float(self._device.get(self._cv2.CAP_PROP_FRAME_COUNT))
        return int(value) if math.isfinite(value) and value > 0 else None

    @property
    def time_s(self) -> float:
        """See :class:`Capture`."""
        value = float(self._device.get(self._cv2.CAP_PROP_POS_MSEC)) / 1000
        return value if math.isfinite(value) and value > 0 else 0.0

    def grab(self) -> bool:
        """See :class:`Capture`."""
        try:
            return bool(self._device.grab())
        except self._cv2.error:  # raised by some drivers when the device is unplugged
            return False

    def retrieve(self) -> RgbImage | None:
        """See :class:`Capture`."""
        try:
            decoded, image = self._device.retrieve()
            if not decoded or image is None:
                return None
            grey = image.ndim == 2
            to_rgb = self._cv2.COLOR_GRAY2RGB if grey else self._cv2.COLOR_BGR2RGB
            rgb: RgbImage = self._cv2.cvtColor(image, to_rgb)
            return rgb
        except self._cv2.error:
            return None

    def close(self) -> None:
        """See :class:`Capture`."""
        self._device.release()
