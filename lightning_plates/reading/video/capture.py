"""The one place that opens videos, cameras and network streams: OpenCV behind a small interface."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from lightning_plates.optional import require
from lightning_plates.photos import RgbImage

VideoAddress: TypeAlias = int | str | Path
"""Index of a camera, address of a network stream (with ``://``), or path of a video file."""

_PLAUSIBLE_FPS = (0.1, 480.0)
"""Containers without a rate report 0, NaN or their time base (90000): not frames a second."""

_PLAUSIBLE_ASPECT = (0.25, 4.0)
"""Pixels of recorders are at most twice as wide as high, or the reverse; the rest is damage."""

_LONGEST_MS = 2**31 - 1
"""OpenCV keeps time limits in 32 bits."""


class Capture(Protocol):
    """An open source of frames."""

    @property
    def fps(self) -> float | None:
        """Frames a second that the source declares; ``None`` where it does not."""

    @property
    def time_s(self) -> float:
        """Seconds from the start to the frame grabbed last; 0 where the source keeps no time."""

    def grab(self) -> bool:
        """Step to the next frame without converting it.

        ``False`` at the end, when lost, and where a frame cannot be decoded: then the next call
        steps to the one behind it.
        """

    def retrieve(self) -> RgbImage | None:
        """The frame grabbed last, upright, in square pixels; ``None`` where it is undecodable."""

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
    kept_open = contextlib.ExitStack()
    if isinstance(address, int):
        device = cv2.VideoCapture(address)
    else:
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _milliseconds(timeouts.open_s),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, _milliseconds(timeouts.read_s),
        ]  # fmt: skip
        # FFmpeg by name: other back-ends ignore the limits or take a path with % for a series.
        name = kept_open.enter_context(name_for_ffmpeg(address))
        device = cv2.VideoCapture(name, cv2.CAP_FFMPEG, limits)
    if device.isOpened():
        return OpenCvCapture(device, kept_open)
    kept_open.close()
    return None


@contextlib.contextmanager
def name_for_ffmpeg(address: str | Path) -> Iterator[str]:
    """The name under which FFmpeg can open ``address`` as long as the ``with`` block lasts.

    OpenCV crashes on names that are not UTF-8: such a folder or file is given by its descriptor. A
    path that looks like an address (``http:a.mp4``) is made absolute.
    """
    name = str(address.absolute()) if isinstance(address, Path) else address
    if not isinstance(address, Path) or _is_utf_8(name):
        yield name
        return
    # The ending is kept where it can be: FFmpeg chooses the format of what it writes by it.
    place, rest = (address.parent, f"/{address.name}") if _is_utf_8(address.name) else (address, "")
    descriptor = os.open(place, os.O_RDONLY)
    try:
        yield f"/dev/fd/{descriptor}{rest}"
    finally:
        os.close(descriptor)


def _is_utf_8(name: str) -> bool:
    return name.encode("utf-8", "replace").decode() == name


def _milliseconds(seconds: float) -> int:
    return round(min(_LONGEST_MS, seconds * 1000))


class OpenCvCapture:
    """A ``cv2.VideoCapture`` that is open."""

    def __init__(self, device: Any, kept_open: contextlib.ExitStack) -> None:  # noqa: ANN401
        self._cv2 = require("cv2")
        self._device = device  # OpenCV ships no types for it
        self._kept_open = kept_open

    @property
    def fps(self) -> float | None:
        """See :class:`Capture`."""
        value = float(self._device.get(self._cv2.CAP_PROP_FPS))
        low, high = _PLAUSIBLE_FPS
        return value if low <= value <= high else None

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
            return self._in_square_pixels(self._cv2.cvtColor(image, to_rgb))
        except self._cv2.error:
            return None

    def close(self) -> None:
        """See :class:`Capture`."""
        with self._kept_open:
            self._device.release()

    def _in_square_pixels(self, image: RgbImage) -> RgbImage:
        """Stretch the side whose pixels are longer, so that no detail is lost."""
        aspect = self._pixel_aspect()
        if aspect is None:
            return image
        height, width = image.shape[:2]
        size = (round(width * max(1, aspect)), round(height / min(1, aspect)))
        stretched: RgbImage = self._cv2.resize(image, size, interpolation=self._cv2.INTER_LINEAR)
        return stretched

    def _pixel_aspect(self) -> float | None:
        """Width of a pixel over its height in the upright frame; ``None`` where it is square."""
        across = float(self._device.get(self._cv2.CAP_PROP_SAR_NUM))
        down = float(self._device.get(self._cv2.CAP_PROP_SAR_DEN))
        if across <= 0 or down <= 0 or across == down:
            return None
        # OpenCV turns frames upright; the aspect is that of the pixels before.
        is_turned = round(float(self._device.get(self._cv2.CAP_PROP_ORIENTATION_META))) % 180 == 90
        aspect = down / across if is_turned else across / down
        low, high = _PLAUSIBLE_ASPECT
        return aspect if low <= aspect <= high else None
