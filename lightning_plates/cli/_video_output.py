"""Where the vehicles of a video go: records, a table, an annotated and a redacted video."""

from __future__ import annotations

import argparse
import contextlib
import csv
import datetime as dt
import re
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from lightning_plates.boxes import BoxXyxy
from lightning_plates.cli._originals import Originals, output_name
from lightning_plates.drafts import draft_of
from lightning_plates.errors import VideoError, reason_without_name
from lightning_plates.reading.annotated_video import AnnotatedVideo
from lightning_plates.reading.capture import Timeouts, VideoAddress, is_live, open_capture
from lightning_plates.reading.pictures import annotate, redact
from lightning_plates.reading.pipeline import PhotoReading, PlateReading, ReadingRules
from lightning_plates.reading.records import CSV_COLUMNS, csv_rows, photo_record
from lightning_plates.reading.stopwatch import STEPS
from lightning_plates.reading.stream import ASSUMED_FPS, Frame, shown_address
from lightning_plates.reading.video import VehicleReading, withhold_unsure

VIDEO_COLUMNS = ("vehicle", "frames", "frames_agreeing", "frame", "first_s", "last_s")
"""Columns beside those of photos, and keys of ``video`` in a JSON line."""

BLURRED_FRAMES = 3
"""A place stays blurred for this many frames: the finder may miss a plate now and then."""


def video_record(
    address: VideoAddress,
    vehicle: VehicleReading | None,
    timings_ms: dict[str, float],
    error: VideoError | None = None,
) -> dict[str, Any]:
    """One vehicle as a JSON object: the keys of a photo, and ``video`` about its frames.

    Args:
        address: The source; a login in it is left out.
        vehicle: The vehicle; ``None`` beside an error.
        timings_ms: Mean milliseconds a frame by step.
        error: Why the source broke off; the record leaves its name out.
    """
    timings = timings_ms or dict.fromkeys((*STEPS, "total"), 0.0)
    reading = None if vehicle is None else PhotoReading((vehicle.plate,), timings)
    votes = None if vehicle is None else dict(zip(VIDEO_COLUMNS, _votes(vehicle), strict=True))
    name = shown_address(address)
    reason = None if error is None else reason_without_name(error, name)
    record = photo_record(Path(), reason, reading)
    # A path would fold the two slashes of an address.
    return {**record, "file": name, "video": votes}


class VideoOutput:
    """Writes what was asked for; files take their place when the ``with`` block ends.

    Args:
        args: Arguments of ``read``: ``csv``, ``save``, ``redact`` and ``fps``.
        address: The source; files are named after it.
        rules: Digits less sure than these ask are not drawn.
    """

    def __init__(
        self, args: argparse.Namespace, address: VideoAddress, rules: ReadingRules
    ) -> None:
        self._address, self._rules = address, rules
        self._args = args
        self._open = contextlib.ExitStack()
        self._annotated: AnnotatedVideo | None = None
        self._redacted: AnnotatedVideo | None = None
        self._recent_boxes: deque[list[BoxXyxy]] = deque(maxlen=BLURRED_FRAMES)
        self._rows: Any = None

    def __enter__(self) -> VideoOutput:
        self._spare_the_original()
        self._annotated = self._open_video(self._args.save)
        self._redacted = self._open_video(self._args.redact)
        if self._args.csv is not None:
            draft = self._open.enter_context(draft_of(self._args.csv, keep_rows=True))
            # Line by line on the disk: a camera runs until somebody pulls the plug.
            file = self._open.enter_context(
                draft.open("w", 1, encoding="utf-8", errors="backslashreplace", newline="")
            )
            self._rows = csv.writer(file, lineterminator="\n")
            self._rows.writerow([*CSV_COLUMNS, *VIDEO_COLUMNS])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def show(self, frame: Frame, plates: Sequence[tuple[int, PlateReading]]) -> None:
        """Add one frame to the videos that were asked for."""
        readings = [withhold_unsure(reading, self._rules) for _, reading in plates]
        if self._annotated is not None:
            self._annotated.add(annotate(frame.image, readings), frame.time_s)
        if self._redacted is not None:
            self._recent_boxes.append([reading.detection.box for reading in readings])
            boxes = [box for recent in self._recent_boxes for box in recent]
            self._redacted.add(redact(frame.image, boxes), frame.time_s)

    def add(self, vehicle: VehicleReading, timings_ms: dict[str, float]) -> None:
        """Add one vehicle to the table."""
        if self._rows is not None:
            record = video_record(self._address, vehicle, timings_ms)
            votes = record.pop("video").values()
            self._rows.writerows([*row, *votes] for row in csv_rows(record))

    def _spare_the_original(self) -> None:
        """Raise :class:`InputError` where an output would replace the video that is read."""
        if is_live(self._address):
            return
        folders = (self._args.save, self._args.redact)
        videos = [f / _video_name(self._address) for f in folders if f is not None]
        tables = [] if self._args.csv is None else [self._args.csv]
        Originals([Path(str(self._address))]).refuse_overwriting([*videos, *tables])

    def _open_video(self, folder: Path | None) -> AnnotatedVideo | None:
        if folder is None:
            return None
        target = folder / _video_name(self._address)
        fps = self._args.fps or _declared_fps(self._address) or ASSUMED_FPS
        return self._open.enter_context(AnnotatedVideo(target, fps))


def _votes(vehicle: VehicleReading) -> tuple[float, ...]:
    return (
        vehicle.vehicle,
        vehicle.frames,
        vehicle.frames_agreeing,
        vehicle.frame_number,
        round(vehicle.first_s, 3),
        round(vehicle.last_s, 3),
    )


def _declared_fps(address: VideoAddress) -> float | None:
    """Frames a second of a file; a live source gives as many as there is time to read."""
    capture = None if is_live(address) else open_capture(address, Timeouts())
    if capture is None:
        return None
    with contextlib.closing(capture):
        return capture.fps


def _video_name(address: VideoAddress) -> str:
    """A file is named as photos are; a live source after itself and the moment it was opened."""
    if not is_live(address):
        return output_name(Path(str(address)), ".mp4")
    plain = re.sub(r"[^A-Za-z0-9]+", "_", shown_address(address)).strip("_")
    return f"camera_{plain}_{dt.datetime.now():%Y%m%dT%H%M%S}.mp4"
