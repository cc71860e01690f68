"""Reads video files, cameras and network streams for ``read``: one line a vehicle."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from lightning_plates.cli._read_output import (
    SEPARATOR,
    ReadOutput,
    count_not_judged,
    describe_plate,
)
from lightning_plates.cli._video_output import VideoOutput, video_record, video_rows
from lightning_plates.console import Terminated
from lightning_plates.errors import VideoError
from lightning_plates.photos import RgbImage
from lightning_plates.reading.capture import Timeouts, VideoAddress, is_live
from lightning_plates.reading.pipeline import PlateReader, PlateReading, ReadingRules
from lightning_plates.reading.sentences import phrases_of
from lightning_plates.reading.stream import (
    Frame,
    Reconnection,
    StreamOptions,
    frames_of,
    shown_address,
)
from lightning_plates.reading.stream_phrases import stream_phrases_of
from lightning_plates.reading.tracking import PlateTracker
from lightning_plates.reading.video import VehicleReading, VideoReader
from lightning_plates.reading.video_files import is_video
from lightning_plates.text_streams import json_line


class _FrameReader:
    """Reads frames and keeps the mean of what the steps took."""

    def __init__(self, reader: PlateReader, moment: Callable[[], dt.datetime]) -> None:
        self._reader, self._moment = reader, moment
        self.frames = 0
        self._spent_ms: dict[str, float] = {}

    def __call__(self, image: RgbImage) -> Sequence[PlateReading]:
        """Plates of one frame."""
        reading = self._reader.read(image, self._moment())
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
        args: Arguments of ``read``.
        open_reader: Gives a reader under :func:`~lightning_plates.reading.video.frame_rules`; asked
            once a video.
        rules: Of the answers.
        moment: When the vehicles want to circulate.
        output: Where the answers go.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        open_reader: Callable[[], PlateReader],
        rules: ReadingRules,
        moment: Callable[[], dt.datetime],
        output: ReadOutput,
    ) -> None:
        self._args, self._open_reader, self._rules = args, open_reader, rules
        self._moment, self._output = moment, output
        self._words = stream_phrases_of(args.lang)
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
        read_frame = _FrameReader(reader, self._moment)
        breaks: list[VideoError] = []
        with (
            _stopped_by_signals() as stopping,
            VideoOutput(self._args, address, self._output, reader.find) as written,
        ):
            frames = frames_of(address, self._options(written), stopping)
            show = written.show if written.wants_frames else None
            video = VideoReader(read_frame, self._rules, self._moment, PlateTracker(), show)
            is_without = True
            for vehicle in video.vehicles(_until_broken(frames, breaks)):
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
            fps=self._args.fps,
            every_frame=written.wants_every_frame,
            timeouts=Timeouts(open_s=self._args.timeout, read_s=self._args.timeout),
            reconnection=Reconnection(attempts=self._args.reconnect),
            phrases=self._words,
            notify=_notify,
        )

    def _answer(
        self, address: VideoAddress, vehicle: VehicleReading | None, timings_ms: dict[str, float]
    ) -> None:
        """Print one vehicle, or that there is none, and add it to the table."""
        record = video_record(address, vehicle, timings_ms)
        self._output.add_rows(video_rows(record))
        if self._args.json:
            print(json_line(record), flush=True)
        else:
            print(f"{shown_address(address)}: {self._describe(vehicle)}", flush=True)

    def _describe(self, vehicle: VehicleReading | None) -> str:
        if vehicle is None:
            return phrases_of(self._args.lang).no_plate
        votes = self._words.vehicle.format(
            agreeing=vehicle.frames_agreeing,
            frames=vehicle.frames,
            first=_clock(vehicle.first_s),
            last=_clock(vehicle.last_s),
        )
        plate = describe_plate(vehicle.plate, self._args.lang, is_now=self._args.at is None)
        return f"{plate}{SEPARATOR}{votes}"

    def _tell_break(self, address: VideoAddress, error: VideoError, *, frames_seen: bool) -> None:
        self.failed = True
        record = video_record(address, None, {}, error=error)
        self._output.add_rows(video_rows(record))
        if self._args.json:
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
