"""Frames of a video file, a camera or a network stream, sampled, with waits that end.

A file is read at its own pace and every sampled frame is answered. A live source is grabbed in
a thread of its own, so that a slow reader sees the newest frame instead of falling behind, and
so that no driver can keep the program waiting.
"""

from __future__ import annotations

import contextlib
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from lightning_plates.errors import VideoError
from lightning_plates.files import NotRegularFileError, check_regular
from lightning_plates.optional import require
from lightning_plates.photos import RgbImage
from lightning_plates.reading.video.capture import (
    Capture,
    Timeouts,
    VideoAddress,
    is_live,
    open_capture,
)
from lightning_plates.reading.video.damage import ends_empty, lost_packets, missing_bytes
from lightning_plates.reading.video.files import has_container, is_raw
from lightning_plates.reading.video.stream_phrases import ENGLISH, StreamPhrases

ASSUMED_FPS = 25.0
"""Frames a second of a file that declares none (raw H.264): the rate of most cameras."""

MOST_UNDECODABLE = 1000
"""Failed steps in a row after which a file has ended; each steps over one undecodable packet."""

_LIVE_UNDECODABLE = 30
"""The same of a live source, which is lost then."""
_QUICK_S = 0.5
"""A failed step of a live source that took longer was a wait for a signal, not for a decoder."""

_NEW_START_S = 1.0
"""A file's clock that goes back by more has started anew; time stamps jitter by less."""

_LATEST_START_S = 3600.0
"""A clock that starts later tells the time of day or the date, as in ``.dav`` recordings."""

_WAIT_SLICE_S = 0.1
"""Longest sleep before a request to stop is seen."""

_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
_CREDENTIAL_PARAMETERS = re.compile(
    r"\b(user\w*|usr|pass\w*|pwd|token|key)=[^&?/\s]*", re.IGNORECASE
)
"""Many cameras take ``/user=admin&password=…`` in the path."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One sampled frame."""

    image: RgbImage
    """Shape ``(H, W, 3)``."""
    number: int
    """Of a file, its frame number from 0; of a live source, the count of sampled frames."""
    time_s: float
    """Seconds from the start of the video, or since the stream was opened."""
    after_gap: bool = False
    """First frame after a lost signal: what was tracked before is gone."""
    is_due: bool = True
    """Whether it is to be read; ``False`` for one between two that are: see
    :attr:`StreamOptions.every_frame`."""


@dataclass(frozen=True, slots=True)
class Reconnection:
    """How a lost live source is tried again."""

    attempts: int = 8
    """Tries before giving up; with the defaults about two minutes of waiting."""
    first_delay_s: float = 1.0
    """Wait before the first try; every further one waits twice as long."""
    longest_delay_s: float = 30.0
    """Limit of the doubling."""

    def delays_s(self) -> Iterator[float]:
        """Seconds to wait before each try."""
        for attempt in range(self.attempts):
            # 2.0**1024 is no number any more.
            yield min(self.first_delay_s * 2.0 ** min(attempt, 60), self.longest_delay_s)


def _ignore(_line: str) -> None:
    """Take a notice that nobody wants to read."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How a source is sampled and what it may keep us waiting for."""

    fps: float = 5.0
    """Frames a second to look at; 0 takes every one. Five see a car that crosses the picture
    at 50 km/h several times and leave a small board time to read."""
    every_frame: bool = False
    """Also give the frames of a file between the sampled ones, which are not to be read."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    reconnection: Reconnection = field(default_factory=Reconnection)
    phrases: StreamPhrases = ENGLISH
    """Language of notices and errors."""
    notify: Callable[[str], None] = _ignore
    """Takes one line for the operator: signal lost, signal back."""


OpenCapture: TypeAlias = Callable[[VideoAddress, Timeouts], "Capture | None"]
"""Opens a source of frames, or answers ``None``; see :func:`capture.open_capture`."""


def shown_address(address: VideoAddress) -> str:
    """``address`` for people and records: without the user and password a stream may carry."""
    if not is_live(address):
        return str(address)
    without_login = _CREDENTIALS.sub("***@", str(address))
    return _CREDENTIAL_PARAMETERS.sub(r"\1=***", without_login)


def frames_of(
    address: VideoAddress,
    options: StreamOptions,
    stopping: threading.Event | None = None,
    opener: OpenCapture = open_capture,
) -> Iterator[Frame]:
    """Sampled frames of ``address`` until it ends or ``stopping`` is set.

    Raises:
        VideoError: It cannot be opened, holds no frame, is damaged or cut (after its last frame
            was given), or was lost for good.
        MissingDependencyError: OpenCV is not installed.
    """
    require("cv2")  # here, because the grabber's thread could not report it
    stopping = stopping or threading.Event()
    if is_live(address):
        return _live_frames(address, options, stopping, opener)
    return _file_frames(Path(str(address)), options, stopping, opener)


def check_file(path: Path, words: StreamPhrases) -> None:
    """Refuse what FFmpeg would wait for or fill the memory with.

    Raises:
        VideoError: ``path`` is missing, no regular file, not readable, empty, or ends in zeros
            where no container says how long it is.
    """
    try:
        check_regular(path, sys.maxsize)
    except FileNotFoundError as error:
        raise VideoError(words.missing_file.format(name=path)) from error
    except NotRegularFileError as error:
        raise VideoError(words.not_regular.format(name=path)) from error
    except PermissionError as error:
        raise VideoError(words.no_permission.format(name=path)) from error
    except OSError as error:
        reason = error.strerror or error
        raise VideoError(words.unreadable.format(name=path, reason=reason)) from error
    if path.stat().st_size == 0:
        raise VideoError(words.empty.format(name=path))
    if not has_container(path) and ends_empty(path):
        raise VideoError(words.ends_empty.format(name=path))


def _file_frames(
    path: Path, options: StreamOptions, stopping: threading.Event, opener: OpenCapture
) -> Iterator[Frame]:
    words = options.phrases
    check_file(path, words)
    capture = opener(path, options.timeouts)
    if capture is None:
        raise VideoError(words.not_a_video.format(name=path))
    with contextlib.closing(capture):
        steps = yield from _sampled(capture, options, stopping)
        if stopping.is_set():
            return
        if steps.frames == 0:
            raise VideoError(words.no_frames.format(name=path))
        if is_raw(path):
            fps = capture.fps or ASSUMED_FPS
            options.notify(words.no_clock.format(name=path, fps=fps))
        if problems := list(_damage(path, steps, words)):
            raise VideoError(words.damaged.format(name=path, problems=", ".join(problems)))


def _damage(path: Path, steps: _Steps, words: StreamPhrases) -> Iterator[str]:
    """Evidence, in words, that not all of a file could be read."""
    if steps.undecodable:
        yield words.undecodable.format(count=steps.undecodable)
    if lost_packets(path):
        yield words.lost_packets
    if missing := missing_bytes(path):
        yield words.cut.format(missing=missing, frames=steps.frames)


@dataclass(frozen=True, slots=True)
class _Steps:
    """What was stepped over in a file."""

    frames: int
    undecodable: int
    """Packets before the last frame that could not be decoded."""


class _Clock:
    """The time of a file's frames, which goes on where the file's own clock starts anew.

    It does in the middle of recordings that were joined byte by byte, as is usual for ``.ts``.
    """

    def __init__(self) -> None:
        self._before_s = self._shift_s = 0.0
        self._keeps_time = self._has_started = False

    def read(self, capture: Capture, number: int) -> float:
        """Seconds from the start to the frame grabbed last, whose number is ``number``."""
        period_s = 1 / (capture.fps or ASSUMED_FPS)
        self._keeps_time |= capture.time_s > 0
        shown_s = capture.time_s if self._keeps_time else number * period_s
        if not self._has_started and shown_s > _LATEST_START_S:
            self._shift_s = -shown_s
        self._has_started = True
        if shown_s + self._shift_s < self._before_s - _NEW_START_S:
            self._shift_s = self._before_s + period_s - shown_s
        self._before_s = shown_s + self._shift_s
        return self._before_s


def _sampled(
    capture: Capture, options: StreamOptions, stopping: threading.Event
) -> Generator[Frame, None, _Steps]:
    """Frames at least ``1 / fps`` seconds of video apart; returns what was stepped over."""
    frames = undecodable = 0
    due_s = 0.0
    clock = _Clock()
    while not stopping.is_set() and (failed := _step(capture)) is not None:
        undecodable += failed
        number = frames + undecodable
        time_s = clock.read(capture, number)
        # Half a millisecond: time stamps are rounded to the container's time base.
        is_due = time_s + 5e-4 >= due_s
        if (is_due or options.every_frame) and (image := capture.retrieve()) is not None:
            due_s = _next_due(due_s, time_s, options.fps) if is_due else due_s
            yield Frame(image, number, time_s, is_due=is_due)
        frames += 1
    return _Steps(frames, undecodable)


def _step(capture: Capture) -> int | None:
    """Step to the next frame that can be decoded; ``None`` at the end.

    Returns:
        How many packets before it could not be decoded.
    """
    return next((failed for failed in range(MOST_UNDECODABLE) if capture.grab()), None)


def _next_due(due_s: float, now_s: float, fps: float) -> float:
    """When the next frame is due: on the grid of ``fps``, unless the source skipped ahead."""
    period_s = 1 / fps if fps else 0.0
    return max(due_s + period_s, now_s + period_s / 2)


def _live_frames(
    address: VideoAddress, options: StreamOptions, stopping: threading.Event, opener: OpenCapture
) -> Iterator[Frame]:
    source = _LiveSource(address, options, stopping, opener)
    start_s = time.monotonic()
    due_s = 0.0
    with contextlib.closing(source):
        image = source.connect()
        after_gap = False
        for number in _counting(stopping):
            if image is None:
                image = source.reconnect()
                after_gap = True
            if image is None:
                return
            time_s = time.monotonic() - start_s
            due_s = _next_due(due_s, time_s, options.fps)
            yield Frame(image, number, time_s, after_gap)
            after_gap = False
            wait_s = max(0.0, start_s + due_s - time.monotonic())
            stopping.wait(min(wait_s, threading.TIMEOUT_MAX))
            image = None if stopping.is_set() else source.newest(options.timeouts.read_s)


def _counting(stopping: threading.Event) -> Iterator[int]:
    number = 0
    while not stopping.is_set():
        yield number
        number += 1


class _LiveSource:
    """A camera or network stream that is connected, and connected again when it is lost."""

    def __init__(
        self,
        address: VideoAddress,
        options: StreamOptions,
        stopping: threading.Event,
        opener: OpenCapture,
    ) -> None:
        self._address, self._options = address, options
        self._stopping, self._opener = stopping, opener
        self._grabber: _Grabber | None = None
        self._name = shown_address(address)

    def connect(self) -> RgbImage | None:
        """Open the source and wait for its first frame; ``None`` if asked to stop meanwhile.

        Raises:
            VideoError: No frame arrived.
        """
        seconds = self._options.timeouts.open_s
        image = self._open()
        if image is None and not self._stopping.is_set():
            words = self._options.phrases
            text = words.no_camera if isinstance(self._address, int) else words.silent
            raise VideoError(text.format(name=self._name, seconds=seconds))
        return image

    def newest(self, timeout_s: float) -> RgbImage | None:
        """The next frame to arrive; ``None`` where the source ended or stays silent."""
        return self._grabber.next_frame(timeout_s) if self._grabber else None

    def reconnect(self) -> RgbImage | None:
        """Try again with growing delays; ``None`` if asked to stop meanwhile.

        Raises:
            VideoError: Every attempt failed.
        """
        if self._stopping.is_set():
            return None
        words, plan, lost_s = self._options.phrases, self._options.reconnection, time.monotonic()
        text = words.lost
        for attempt, delay_s in enumerate(plan.delays_s(), start=1):
            self._notify(text, seconds=delay_s, attempt=attempt, attempts=plan.attempts)
            if self._stopping.wait(delay_s):
                return None
            image = self._open()
            if image is not None:
                self._notify(words.back, seconds=time.monotonic() - lost_s)
                return image
            text = words.still_lost
        if self._stopping.is_set():
            return None
        raise VideoError(words.gave_up.format(name=self._name, attempts=plan.attempts))

    def close(self) -> None:
        """Give the source back."""
        if self._grabber is not None:
            self._grabber.close()
            self._grabber = None

    def _open(self) -> RgbImage | None:
        self.close()
        timeouts = self._options.timeouts
        self._grabber = _Grabber(lambda: self._opener(self._address, timeouts), self._stopping)
        self._grabber.start()
        # A stream that is accepted but sends nothing is as silent as one that is refused.
        return self._grabber.next_frame(timeouts.open_s)

    def _notify(self, text: str, **values: float) -> None:
        self._options.notify(text.format(name=self._name, **values))


class _Grabber(threading.Thread):
    """Grabs without pause, so that no old frame waits in a buffer; converts one when asked."""

    def __init__(self, opener: Callable[[], Capture | None], stopping: threading.Event) -> None:
        # A driver that never returns must not keep the program alive.
        super().__init__(name="frame-grabber", daemon=True)
        self._opener, self._stopping = opener, stopping
        self._closing, self._wanted = threading.Event(), threading.Event()
        # From the start: a source may end before anyone has asked for its first frame.
        self._wanted.set()
        self._first_is_due = True
        self._handed_over: queue.SimpleQueue[RgbImage | None] = queue.SimpleQueue()

    def run(self) -> None:
        """Open, grab until closed or lost, release."""
        try:
            capture = self._opener()
            if capture is not None:
                with contextlib.closing(capture):
                    self._grab_until_lost(capture)
        finally:
            self._handed_over.put(None)

    def next_frame(self, timeout_s: float) -> RgbImage | None:
        """A frame grabbed after this call; ``None`` if the source ended or ``timeout_s`` passed."""
        deadline_s = time.monotonic() + timeout_s
        if not self._first_is_due:  # a second wish for it would leave every frame one turn old
            self._wanted.set()
        self._first_is_due = False
        while not self._stopping.is_set() and time.monotonic() < deadline_s:
            with contextlib.suppress(queue.Empty):
                return self._handed_over.get(timeout=_WAIT_SLICE_S)
        return None

    def close(self) -> None:
        """Ask the thread to end and wait a moment for it."""
        self._closing.set()
        self.join(timeout=1.0)

    def _grab_until_lost(self, capture: Capture) -> None:
        while not self._closing.is_set() and self._step(capture):
            if self._wanted.is_set() and (image := capture.retrieve()) is not None:
                self._wanted.clear()
                self._handed_over.put(image)

    def _step(self, capture: Capture) -> bool:
        """Step to the next frame over some that cannot be decoded; ``False`` where it is lost."""
        for _ in range(_LIVE_UNDECODABLE):
            start_s = time.monotonic()
            if capture.grab():
                return True
            if self._closing.is_set() or time.monotonic() - start_s > _QUICK_S:
                break
        return False
