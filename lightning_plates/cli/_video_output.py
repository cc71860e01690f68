"""Where the vehicles of a video go: records, an annotated and a redacted video."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from lightning_plates.boxes import Detection
from lightning_plates.cli._originals import PICTURE_MARK
from lightning_plates.cli._read_options import ReadOptions
from lightning_plates.cli._read_output import ReadOutput
from lightning_plates.errors import VideoError, reason_without_name
from lightning_plates.photos import RgbImage
from lightning_plates.reading.answers import Reading, Vehicle
from lightning_plates.reading.pictures import annotate
from lightning_plates.reading.pipeline import PlateReading
from lightning_plates.reading.records import VIDEO_COLUMNS, csv_rows
from lightning_plates.reading.video.annotated_video import SUFFIX, AnnotatedVideo
from lightning_plates.reading.video.capture import Timeouts, VideoAddress, is_live, open_capture
from lightning_plates.reading.video.redaction import VideoRedaction
from lightning_plates.reading.video.stream import ASSUMED_FPS, Frame, shown_address


def video_record(
    address: VideoAddress,
    vehicle: Vehicle | None,
    timings_ms: dict[str, float],
    error: VideoError | None = None,
) -> dict[str, Any]:
    """One vehicle as a JSON object: the keys of a photo, and ``video`` about its frames.

    Args:
        address: The source; a login in it is left out.
        vehicle: The vehicle; ``None`` beside an error, and where there is none.
        timings_ms: Mean milliseconds a frame by step.
        error: Why the source broke off; the record leaves its name out.
    """
    name = shown_address(address)
    reason = None if error is None else reason_without_name(error, name)
    record = Reading(None, (), reason, timings_ms).to_dict()
    found = {"video": None} if vehicle is None else vehicle.to_dict()
    # Not as a path, which would fold the two slashes of an address.
    return {**record, "file": name, **found}


def video_rows(record: dict[str, Any]) -> list[list[Any]]:
    """Rows of the table of one :func:`video_record`, with the columns of videos."""
    votes = (record["video"] or dict.fromkeys(VIDEO_COLUMNS)).values()
    return [[*row, *votes] for row in csv_rows(record)]


class VideoOutput:
    """Writes the videos that were asked for; they take their place when the ``with`` block ends.

    Args:
        options: What ``read`` was asked for.
        address: The source; files are named after it.
        output: Knows the names.
        find: Finds the plates of a frame that is not read.
    """

    def __init__(
        self,
        options: ReadOptions,
        address: VideoAddress,
        output: ReadOutput,
        find: Callable[[RgbImage], Sequence[Detection]],
    ) -> None:
        self._options, self._address, self._find = options, address, find
        source = _named_source(address)
        self._annotated_to = output.annotated_video(source)
        self._redacted_to = output.redacted_video(source)
        self._open = contextlib.ExitStack()
        self._annotated: AnnotatedVideo | None = None
        self._redaction: VideoRedaction | None = None

    @property
    def wants_frames(self) -> bool:
        """Whether frames are written at all."""
        return self._annotated_to is not None or self._redacted_to is not None

    @property
    def wants_every_frame(self) -> bool:
        """Whether frames between those that are read are written, too.

        A redacted video shows all of them: a viewer sees what the reader skipped.
        """
        return self._redacted_to is not None

    def __enter__(self) -> VideoOutput:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._redaction is not None and error is None:
            self._open.callback(self._redaction.finish)
        self._open.__exit__(kind, error, trace)

    def show(self, frame: Frame, plates: Sequence[PlateReading]) -> None:
        """Add one frame to the videos that were asked for."""
        self._begin()
        if self._annotated is not None and frame.is_due:
            self._annotated.add(annotate(frame.image, plates, self._options.language), frame.time_s)
        if self._redaction is not None:
            if frame.after_gap:
                self._redaction.finish()
            found = [p.detection for p in plates] if frame.is_due else self._find(frame.image)
            self._redaction.add(frame.image, frame.time_s, [one.box for one in found])

    def _begin(self) -> None:
        """Open the videos at the first frame: until then the source may prove unreadable."""
        if self._annotated is not None or self._redaction is not None:
            return
        full_fps = _declared_fps(self._address) or ASSUMED_FPS
        if self._annotated_to is not None:
            fps = min(self._options.fps or full_fps, full_fps)
            self._annotated = self._enter(self._annotated_to, fps)
        if self._redacted_to is not None:
            redacted = self._enter(self._redacted_to, full_fps)
            self._redaction = VideoRedaction(redacted.add, full_fps)

    def _enter(self, target: Path, fps: float) -> AnnotatedVideo:
        return self._open.enter_context(AnnotatedVideo(target, fps, PICTURE_MARK))


def _declared_fps(address: VideoAddress) -> float | None:
    """Frames a second of a file; a live source gives as many as there is time to read."""
    capture = None if is_live(address) else open_capture(address, Timeouts())
    if capture is None:
        return None
    with contextlib.closing(capture):
        return capture.fps


def _named_source(address: VideoAddress) -> Path:
    """A file names its videos; a live source is named with the moment it was opened."""
    if not is_live(address):
        return Path(str(address))
    plain = re.sub(r"[^A-Za-z0-9]+", "_", shown_address(address)).strip("_")
    return Path(f"camera_{plain}_{dt.datetime.now():%Y%m%dT%H%M%S}{SUFFIX}")
