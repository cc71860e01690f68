"""Frames → vehicles: every frame is read, plates are followed, and each vehicle is one answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from lightning_plates.photos import RgbImage
from lightning_plates.reading.pipeline import (
    LastDigit,
    PlateReading,
    ReadingRules,
    fits_known_format,
    judge_plate,
    surely_without_digit,
)
from lightning_plates.reading.plate_text import PlateText
from lightning_plates.reading.rules.formats import PlateFormat
from lightning_plates.reading.video.stream import Frame
from lightning_plates.reading.video.tracking import PlateTracker, Sighting
from lightning_plates.reading.video.voting import PlateRead, VotedPlate, vote

MOST_READS = 300
"""Reads after which a vehicle is answered although it stays in sight (a minute at five frames a
second): a car parked before the camera is answered once and fills no memory."""

LEAST_FRAMES = 2
"""Frames that must have seen a vehicle's digit, or its lack of one, before that is an answer: in a
single frame a painted sign reads as surely as a plate."""

ReadFrame: TypeAlias = Callable[[RgbImage], Sequence[PlateReading]]
"""Reads one frame. Last digits must not be withheld there: the vote decides what is unsure."""


@dataclass(frozen=True, slots=True)
class VehicleReading:
    """One vehicle of a video."""

    plate: PlateReading
    """The voted answer; its box is that of the frame that was read most surely."""
    vehicle: int
    """Number of the vehicle within this run."""
    frames: int
    """Sampled frames in which something was read of its plate."""
    frames_agreeing: int
    """Of those, the frames that read exactly the voted text (or digit, where no text is kept)."""
    frame_number: int
    """Frame of the box."""
    first_s: float
    """Seconds from the start of the stream to the first sighting."""
    last_s: float
    """Seconds to the last one."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One reading of a vehicle, without the picture."""

    reading: PlateReading
    number: int
    time_s: float


@dataclass(slots=True)
class _Vehicle:
    """What was seen of one vehicle so far."""

    seen: list[_Seen] = field(default_factory=list)
    answer: PlateReading | None = None
    """What was answered although it stays in sight; nothing more is collected then."""


ShowFrame: TypeAlias = Callable[[Frame, Sequence[PlateReading]], None]
"""Takes a frame and the plates in it, each as it would be answered by now, e.g. to draw them; a
frame that is not due comes without plates."""


def frame_rules(rules: ReadingRules) -> ReadingRules:
    """Rules for the single frames: nothing is withheld and nothing judged before the vote."""
    return replace(rules, min_confidence=0.0, calendar=None)


class VideoReader:
    """Reads the vehicles of one video or stream.

    Args:
        read: Reads one frame.
        rules: Turn the vote into an answer: threshold of the last digit and calendar.
        now: The moment to judge at, asked anew for each vehicle.
        tracker: Follows plates from frame to frame.
        show: Is given every frame; ``None`` where nobody looks.
    """

    def __init__(
        self,
        read: ReadFrame,
        rules: ReadingRules,
        now: Callable[[], dt.datetime],
        tracker: PlateTracker,
        show: ShowFrame | None = None,
    ) -> None:
        self._read, self._rules, self._now = read, rules, now
        self._tracker, self._show = tracker, show
        self._vehicles: dict[int, _Vehicle] = {}

    def vehicles(self, frames: Iterable[Frame]) -> Iterator[VehicleReading]:
        """One answer a vehicle: when it has left, or at the end of ``frames``."""
        for frame in frames:
            if frame.after_gap:
                yield from self._answer(self._tracker.finish())
            if frame.is_due:
                yield from self._take(frame)
            elif self._show is not None:
                self._show(frame, ())
        yield from self._answer(self._tracker.finish())

    def _take(self, frame: Frame) -> Iterator[VehicleReading]:
        readings = self._read(frame.image)
        update = self._tracker.update([_sighting(reading) for reading in readings])
        for number, reading in zip(update.vehicles, readings, strict=True):
            vehicle = self._vehicles.setdefault(number, _Vehicle())
            if vehicle.answer is None:
                vehicle.seen.append(_Seen(reading, frame.number, frame.time_s))
        if self._show is not None:
            shown = zip(update.vehicles, readings, strict=True)
            self._show(frame, [self._answer_so_far(*one) for one in shown])
        for number in update.vehicles:
            vehicle = self._vehicles[number]
            if len(vehicle.seen) >= MOST_READS:
                answer = self._conclude(number, vehicle.seen)
                self._vehicles[number] = _Vehicle(answer=answer.plate)
                yield answer
        yield from self._answer(update.ended)

    def _answer_so_far(self, number: int, reading: PlateReading) -> PlateReading:
        """The answer about a vehicle by now, at the place where it is now."""
        vehicle = self._vehicles[number]
        answer = vehicle.answer or self._conclude(number, vehicle.seen).plate
        return replace(answer, detection=reading.detection)

    def _answer(self, numbers: Iterable[int]) -> Iterator[VehicleReading]:
        for number in numbers:
            vehicle = self._vehicles.pop(number)
            if vehicle.answer is not None:
                continue
            vehicle_reading = self._conclude(number, vehicle.seen)
            # A box in a single frame in which nothing was read is no vehicle but noise.
            if vehicle_reading.frames or len(vehicle.seen) > 1:
                yield vehicle_reading

    def _conclude(self, number: int, seen: Sequence[_Seen]) -> VehicleReading:
        voted = vote([_plate_read(one.reading) for one in seen])
        best = max(seen, key=lambda one: _sureness(one.reading))
        return VehicleReading(
            plate=settle_vote(voted, [one.reading for one in seen], best.reading, self._rules,
                              self._now()),
            vehicle=number,
            frames=voted.frames,
            frames_agreeing=voted.frames_agreeing,
            frame_number=best.number,
            first_s=seen[0].time_s,
            last_s=seen[-1].time_s,
        )  # fmt: skip


def settle_vote(
    voted: VotedPlate,
    readings: Sequence[PlateReading],
    best: PlateReading,
    rules: ReadingRules,
    moment: dt.datetime,
) -> PlateReading:
    """Turn a vote into the answer that a photo would get, unsure below :data:`LEAST_FRAMES`.

    Args:
        voted: The vote over ``readings``.
        readings: Every reading of the vehicle.
        best: The one whose box stands for the vehicle.
        rules: Threshold of the last digit, calendar.
        moment: When the vehicle wants to circulate.
    """
    plate_format = _format_of(voted, readings)
    text = None
    if not rules.digits_only:
        text = PlateText(voted.text, voted.character_confidences, plate_format)
    last_digit = _decide_last_digit(voted, readings, rules)
    known = fits_known_format(plate_format, rules, anything_read=voted.frames > 0)
    verdict = judge_plate(last_digit.digit, plate_format, rules, moment)
    return PlateReading(
        best.detection, text, last_digit, plate_format, verdict, known, rules.countries
    )


def _decide_last_digit(
    voted: VotedPlate, readings: Sequence[PlateReading], rules: ReadingRules
) -> LastDigit:
    """The voted digit if it is sure enough and enough frames saw it; a lack of one likewise."""
    if voted.last_digit is None:
        surely = surely_without_digit(voted.character_confidences, rules)
        return LastDigit(None, 0.0, surely and voted.frames >= LEAST_FRAMES)
    voters = [one for one in readings if one.last_digit.digit == voted.last_digit]
    sure = voted.last_digit_confidence >= rules.min_confidence and len(voters) >= LEAST_FRAMES
    return LastDigit(voted.last_digit if sure else None, voted.last_digit_confidence)


def _format_of(voted: VotedPlate, readings: Sequence[PlateReading]) -> PlateFormat | None:
    """Format of the voted text; without texts, the one that most frames fitted."""
    formats = [reading.format for reading in readings if reading.format is not None]
    if voted.text:
        length = len(voted.text)
        fits = (f for f in formats if f.name == voted.series and len(f.positions) == length)
        return next(fits, None)
    return max(formats, key=formats.count, default=None)


def _plate_read(reading: PlateReading) -> PlateRead:
    text = reading.text
    return PlateRead(
        text=text.text if text else "",
        character_confidences=text.confidences if text else (),
        series=reading.format.name if reading.format else None,
        last_digit=reading.last_digit.digit,
        last_digit_confidence=reading.last_digit.confidence,
    )


def _sighting(reading: PlateReading) -> Sighting:
    if reading.text is None:
        return Sighting(reading.detection.box)
    return Sighting(reading.detection.box, reading.text.text, reading.text.confidence)


def _sureness(reading: PlateReading) -> float:
    return reading.text.confidence if reading.text else reading.last_digit.confidence
