"""Reads video files, cameras and network streams for ``read``: one line a vehicle."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from lightning_plates.api import PlateReader
from lightning_plates.cli._read_options import ReadOptions
from lightning_plates.cli._read_output import ReadOutput, count_not_judged
from lightning_plates.cli._video_output import VideoOutput, video_record, video_rows
from lightning_plates.errors import VideoError
from lightning_plates.photos import RgbImage
from lightning_plates.reading.answers import Vehicle
from lightning_plates.reading.captions import SEPARATOR
from lightning_plates.reading.pipeline import PlateReading, ReadingRules
from lightning_plates.reading.sentences import phrases_of
from lightning_plates.reading.video.capture import Timeouts, VideoAddress, is_live
from lightning_plates.reading.video.files import is_video
from lightning_plates.reading.video.stream import (
    Frame,
    Reconnection,
    StreamOptions,
    frames_of,
    shown_address,
)
from lightning_plates.reading.video.stream_phrases import stream_phrases_of
from lightning_plates.reading.video.tracking import PlateTracker
from lightning_plates.reading.video.video import VideoReader
from lightning_plates.terminal.console import Terminated
from lightning_plates.terminal.text_streams import json_line


class _FrameReader:
    """Reads frames and keeps the mean of what the steps took."""

    def __init__(self, reader: PlateReader, options: ReadOptions) -> None:
        self._reader, self._options = reader, options
        self.frames = 0
        self._spent_ms: dict[str, float] = {}

    def __call__(self, image: RgbImage) -> Sequence[PlateReading]:
        """Plates of one frame."""
        reading = self._reader.pipeline.read(image, self._options.moment())
        self.frames += 1
        for step, spent in reading.timings_ms.items():
            self._spent_ms[step] = self._spent_ms.get(step, 0.0) + spent
        return reading.plates

    def mean_ms(self) -> dict[str, float]:
        """Milliseconds a frame by step, over all frames so far."""
        return {step: spent / self.frames for step, spent in self._spent_ms.items()}


class VideoCommand:
    """Reads the videos, cameras and streams of one ``read`` command, one after the other.

    Args:
        options: What ``read`` was asked for.
        open_reader: Gives a reader under :func:`~lightning_plates.reading.video.video.frame_rules`;
            asked once a video.
        rules: Of the answers.
        output: Where the answers go.
    """

    def __init__(
        self,
        options: ReadOptions,
        open_reader: Callable[[], PlateReader],
        rules: ReadingRules,
        output: ReadOutput,
    ) -> None:
        self._settings, self._open_reader, self._rules = options, open_reader, rules
        self._output = output
        self._words = stream_phrases_of(options.language)
        self.failed = False
        """Whether one of them could not be read, or not as a whole."""
        self.not_judged = 0
        """Vehicles without a restriction day because they fit no format."""

    def open(self) -> None:
        """Open the reader now, so that a model that cannot be opened is told before anything."""
        self._open_reader()

    def photos_among(self, files: Iterable[Path | None]) -> Iterator[Path | None]:
        """Hand photos on, and read every video when it comes."""
        for file in files:
            if file is not None and is_video(file):
                self.read(file)
            else:
                yield file

    def read(self, address: VideoAddress) -> None:
        """Read one source until it ends, is lost for good, or the user stops it.

        Raises:
            VideoError: A live source gave not a single frame. A file that cannot be read is told on
                standard error instead, and the command goes on.
            KeyboardInterrupt: The user stopped a file: it is not done. What was read is answered.
        """
        reader = self._open_reader()
        read_frame = _FrameReader(reader, self._settings)
        breaks: list[VideoError] = []
        with (
            _stopped_by_signals() as stopping,
            VideoOutput(self._settings, address, self._output, reader.pipeline.find) as written,
        ):
            frames = frames_of(address, self._options(written), stopping)
            show = written.show if written.wants_frames else None
            video = VideoReader(
                read_frame, self._rules, self._settings.moment, PlateTracker(), show
            )
            is_without = True
            for found in video.vehicles(_until_broken(frames, breaks)):
                vehicle = Vehicle.of(found)
                self._answer(address, vehicle, read_frame.mean_ms())
                self.not_judged += count_not_judged([vehicle.plate])
                is_without = False
        if breaks:
            self._tell_break(address, breaks[0], frames_seen=read_frame.frames > 0)
        elif stopping.is_set():
            self._tell_stop(address, stopping)
        elif is_without and not is_live(address):
            self._answer(address, None, read_frame.mean_ms())

    def _options(self, written: VideoOutput) -> StreamOptions:
        return StreamOptions(
            fps=self._settings.fps,
            every_frame=written.wants_every_frame,
            timeouts=Timeouts(open_s=self._settings.timeout_s, read_s=self._settings.timeout_s),
            reconnection=Reconnection(attempts=self._settings.reconnect),
            phrases=self._words,
            notify=_notify,
        )

    def _answer(
        self, address: VideoAddress, vehicle: Vehicle | None, timings_ms: dict[str, float]
    ) -> None:
        """Print one vehicle, or that there is none, and add it to the table."""
        record = video_record(address, vehicle, timings_ms)
        self._output.add_rows(video_rows(record))
        if self._settings.json:
            print(json_line(record), flush=True)
        else:
            print(f"{shown_address(address)}: {self._describe(vehicle)}", flush=True)

    def _describe(self, vehicle: Vehicle | None) -> str:
        if vehicle is None:
            return phrases_of(self._settings.language).no_plate
        votes = self._words.vehicle.format(
            agreeing=vehicle.frames_agreeing,
            frames=vehicle.frames,
            first=_clock(vehicle.first_s),
            last=_clock(vehicle.last_s),
        )
        plate = vehicle.plate.describe(self._settings.language, is_now=self._settings.is_now)
        return f"{plate}{SEPARATOR}{votes}"

    def _tell_break(self, address: VideoAddress, error: VideoError, *, frames_seen: bool) -> None:
        self.failed = True
        record = video_record(address, None, {}, error=error)
        self._output.add_rows(video_rows(record))
        if self._settings.json:
            print(json_line(record), flush=True)
        if is_live(address) and not frames_seen:
            raise error
        _notify(f"error: {error}")

    def _tell_stop(self, address: VideoAddress, stopping: _Stop) -> None:
        """A live source ends by Ctrl-C; a file that was stopped is not done."""
        _notify(self._words.stopped.format(name=shown_address(address)))
        if not is_live(address):
            raise Terminated if stopping.by_service else KeyboardInterrupt


def live_address(source: str) -> VideoAddress:
    """The index of a camera, or the address of a network stream."""
    return int(source) if source.isdecimal() else source


def _notify(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _until_broken(frames: Iterable[Frame], breaks: list[VideoError]) -> Iterator[Frame]:
    """End where the source breaks, so that what was seen before is still answered and saved."""
    try:
        yield from frames
    except VideoError as error:
        breaks.append(error)


def _clock(seconds: float) -> str:
    """Minutes and seconds, e.g. ``2:07``; hours before them from the first on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class _Stop(threading.Event):
    """Set by Ctrl-C and by the stop of a service."""

    by_service = False
    """Whether it was the stop of a service (SIGTERM)."""


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[_Stop]:
    """An event that Ctrl-C and the stop of a service set; a second Ctrl-C ends at once."""
    stopping = _Stop()
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.by_service = number == signal.SIGTERM
        stopping.set()
        signal.signal(number, earlier[signal.Signals(number)])

    for number in earlier:
        signal.signal(number, stop)
    try:
        yield stopping
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
