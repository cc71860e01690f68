"""Reads a video file, a camera or a network stream for ``read``: one line a vehicle."""

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

from lightning_plates.cli._read_output import SEPARATOR, describe_plate
from lightning_plates.cli._video_output import VideoOutput, video_record
from lightning_plates.errors import InputError, VideoError
from lightning_plates.photos import RgbImage
from lightning_plates.reading.pipeline import PlateReader, PlateReading, ReadingRules
from lightning_plates.reading.video.capture import Timeouts, VideoAddress, is_live
from lightning_plates.reading.video.stream import (
    Frame,
    Reconnection,
    StreamOptions,
    frames_of,
    shown_address,
)
from lightning_plates.reading.video.stream_phrases import stream_phrases_of
from lightning_plates.reading.video.tracking import PlateTracker
from lightning_plates.reading.video.video import VehicleReading, VideoReader
from lightning_plates.terminal.console import INTERRUPTED, UNREADABLE_EXIT_CODE
from lightning_plates.terminal.text_streams import json_line


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


def read_video(
    args: argparse.Namespace,
    reader: PlateReader,
    rules: ReadingRules,
    moment: Callable[[], dt.datetime],
) -> int:
    """Read the one source of ``args`` until it ends, is lost for good, or the user stops it.

    Args:
        args: Arguments of ``read``.
        reader: A reader under :func:`~lightning_plates.reading.video.video.frame_rules`.
        rules: Of the answers.
        moment: When the vehicles want to circulate.

    Returns:
        The exit status: 3 where the source broke off after some frames were answered.

    Raises:
        VideoError: Not a single frame could be read.
    """
    if args.resume:
        raise InputError("--resume continues a list of photos; a video is read from its start")
    address = _address(args.sources[0])
    breaks: list[VideoError] = []
    read_frame = _FrameReader(reader, moment)
    with _stopped_by_signals() as stopping, VideoOutput(args, address, rules) as output:
        stream = frames_of(address, _stream_options(args), stopping)
        video = VideoReader(read_frame, rules, moment, PlateTracker(), output.show)
        for vehicle in video.vehicles(_until_broken(stream, breaks)):
            output.add(vehicle, read_frame.mean_ms())
            _print_vehicle(vehicle, args, address, read_frame.mean_ms())
    if breaks:
        return _report_break(breaks[0], args, address, frames_seen=read_frame.frames > 0)
    return _say_stopped(args, address) if stopping.is_set() else 0


def _address(source: str) -> VideoAddress:
    path = Path(source)
    if source.isdecimal() and not path.exists():
        return int(source)
    return source if is_live(source) else path


def _stream_options(args: argparse.Namespace) -> StreamOptions:
    return StreamOptions(
        fps=args.fps,
        timeouts=Timeouts(open_s=args.timeout, read_s=args.timeout),
        reconnection=Reconnection(attempts=args.reconnect),
        phrases=stream_phrases_of(args.lang),
        notify=_notify,
    )


def _notify(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _until_broken(frames: Iterable[Frame], breaks: list[VideoError]) -> Iterator[Frame]:
    """End where the source breaks, so that what was seen before is still answered and saved."""
    try:
        yield from frames
    except VideoError as error:
        breaks.append(error)


def _report_break(
    error: VideoError, args: argparse.Namespace, address: VideoAddress, *, frames_seen: bool
) -> int:
    if args.json:
        record = video_record(address, None, {}, error=error)
        print(json_line(record), flush=True)
    if not frames_seen:
        raise error
    _notify(f"error: {error}")
    return UNREADABLE_EXIT_CODE


def _say_stopped(args: argparse.Namespace, address: VideoAddress) -> int:
    """A live source ends by Ctrl-C; a file that was stopped is not done."""
    _notify(stream_phrases_of(args.lang).stopped.format(name=shown_address(address)))
    return 0 if is_live(address) else INTERRUPTED


def _print_vehicle(
    vehicle: VehicleReading,
    args: argparse.Namespace,
    address: VideoAddress,
    timings_ms: dict[str, float],
) -> None:
    if args.json:
        record = video_record(address, vehicle, timings_ms)
        print(json_line(record), flush=True)
        return
    votes = stream_phrases_of(args.lang).vehicle.format(
        agreeing=vehicle.frames_agreeing,
        frames=vehicle.frames,
        first=_clock(vehicle.first_s),
        last=_clock(vehicle.last_s),
    )
    plate = describe_plate(vehicle.plate, args.lang, is_now=args.at is None)
    print(f"{shown_address(address)}: {plate}{SEPARATOR}{votes}", flush=True)


def _clock(seconds: float) -> str:
    """Minutes and seconds, e.g. ``2:07``; hours before them from the first on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and the stop of a service set; a second Ctrl-C ends at once."""
    stopping = threading.Event()
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.set()
        signal.signal(number, earlier[signal.Signals(number)])

    for number in earlier:
        signal.signal(number, stop)
    try:
        yield stopping
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
