"""Answers as programs get them: short frozen values that print, draw and turn into JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning_plates.boxes import BoxXyxy
from lightning_plates.clock import STEPS
from lightning_plates.errors import InputError
from lightning_plates.photos import Photo, RgbImage
from lightning_plates.reading.captions import describe_plate
from lightning_plates.reading.pictures import annotate
from lightning_plates.reading.pipeline import PhotoReading, PlateReading
from lightning_plates.reading.records import VIDEO_COLUMNS
from lightning_plates.reading.rules.restrictions import Reason, Verdict
from lightning_plates.reading.rules.schedules import WEEKDAYS
from lightning_plates.reading.video.video import VehicleReading


@dataclass(frozen=True, slots=True)
class Restriction:
    """When a vehicle must not circulate, as far as it is known."""

    weekday: str | None
    """English name of the day, e.g. ``"wednesday"``; ``None`` for an exempt vehicle."""
    start: str | None
    """First moment of that day at which the rule holds, ``HH:MM``."""
    end: str | None
    """First moment of that day at which it holds no more, ``HH:MM``."""
    restricted_now: bool | None
    """Whether it holds at the moment asked for; ``None`` where no rule is known for it."""
    no_pauses_known_after: str | None = None
    """Last day, ISO 8601, whose pauses are known, where the moment lies after it."""

    def to_dict(self) -> dict[str, Any]:
        """The keys of ``restriction`` in a JSON line."""
        return {
            "weekday": self.weekday,
            "from": self.start,
            "to": self.end,
            "restricted_now": self.restricted_now,
            "no_pauses_known_after": self.no_pauses_known_after,
        }

    def __str__(self) -> str:
        """E.g. ``"wednesday 06:00-19:00, may circulate now"``."""
        when = f"{self.weekday} {self.start}-{self.end}" if self.weekday else "no day"
        now = {True: "restricted now", False: "may circulate now", None: "no rule known"}
        return f"{when}, {now[self.restricted_now]}"


NOT_JUDGED = Restriction(None, None, None, None)
"""Stands in JSON for a plate whose restriction is not known."""


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate found and read in one photo or video."""

    text: str | None
    """Characters without separators, e.g. ``"BCR123"``; ``None`` with ``digits_only``."""
    text_confidence: float | None
    """Mean character probability, 0–1."""
    last_digit: int | None
    """0–9; ``None`` where it is unsure or there is none."""
    last_digit_confidence: float
    """Calibrated probability that the last digit is right, 0–1."""
    box: BoxXyxy
    """``x1, y1, x2, y2`` in pixels of the photo; ``x2`` and ``y2`` are exclusive."""
    box_confidence: float | None
    """Probability that the box holds a plate, 0–1; ``None`` where the model gives none."""
    country_format: str | None
    """Name of the series that it fits."""
    known_format: bool | None
    """Whether it fits a series of the named countries; ``None`` where none was named."""
    restriction: Restriction | None
    """``None`` where the last digit is unsure, or the plate fits no series of the country."""
    details: PlateReading = field(repr=False, compare=False)
    """Everything that was read, with the probability of each character."""

    @classmethod
    def of(cls, reading: PlateReading) -> Plate:
        """The public view of ``reading``."""
        text = reading.text
        return cls(
            text=text.text if text else None,
            text_confidence=text.confidence if text else None,
            last_digit=reading.last_digit.digit,
            last_digit_confidence=reading.last_digit.confidence,
            box=reading.detection.box,
            box_confidence=reading.detection.confidence,
            country_format=reading.format.name if reading.format else None,
            known_format=reading.known_format,
            restriction=_restriction(reading.verdict) if reading.verdict else None,
            details=reading,
        )

    def to_dict(self) -> dict[str, Any]:
        """The plate as a JSON object; what is not known is ``None``."""
        return {
            "text": self.text,
            "text_confidence": _rounded(self.text_confidence, 4),
            "last_digit": self.last_digit,
            "last_digit_confidence": _rounded(self.last_digit_confidence, 4),
            "box": [round(value, 1) for value in self.box],
            "box_confidence": _rounded(self.box_confidence, 4),
            "country_format": self.country_format,
            "known_format": self.known_format,
            "restriction": (self.restriction or NOT_JUDGED).to_dict(),
        }

    def describe(self, language: str = "en", *, is_now: bool = True) -> str:
        """The plate as a person would say it.

        Args:
            language: ``es`` or ``en``.
            is_now: Whether the moment is the present; another one is spelled out.
        """
        return describe_plate(self.details, language, is_now=is_now)

    def __str__(self) -> str:
        """The plate in English."""
        return self.describe()


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything read from one photo."""

    file: Path | None
    """The photo; ``None`` where it came as bytes or pixels."""
    plates: tuple[Plate, ...]
    """The highest score first; empty where no plate was found."""
    error: str | None = None
    """Why the photo could not be read, on one line, without its name."""
    timings_ms: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    """Milliseconds by step and in all."""
    image: RgbImage | None = field(default=None, repr=False, compare=False)
    """The decoded photo, RGB, shape ``(H, W, 3)``, where it was kept; huge ones are smaller than
    the photo itself, of which boxes are in pixels."""
    reduction: tuple[float, float] = field(default=(1.0, 1.0), repr=False, compare=False)
    """Pixels of the photo itself that one of :attr:`image` spans, across and down."""

    @classmethod
    def of(
        cls, file: Path | None, reading: PhotoReading, photo: Photo, *, keep_image: bool
    ) -> Reading:
        """The public view of ``reading``, whose boxes are in pixels of the decoded ``photo``."""
        plates = reading.enlarged(*photo.reduction).plates
        image = photo.image if keep_image else None
        return cls(
            file, tuple(map(Plate.of, plates)), None, reading.timings_ms, image, photo.reduction
        )

    def to_dict(self) -> dict[str, Any]:
        """What ``lightning-plates read --json`` prints for the photo."""
        timings = self.timings_ms or dict.fromkeys((*STEPS, "total"), 0.0)
        return {
            "file": None if self.file is None else str(self.file),
            "error": self.error,
            "plates": [plate.to_dict() for plate in self.plates],
            "timings_ms": {step: round(spent, 2) for step, spent in timings.items()},
        }

    def draw(self, language: str = "en") -> RgbImage:
        """The photo with boxes, texts, digits and days drawn on a copy of it.

        Args:
            language: ``es`` or ``en``.

        Raises:
            InputError: The pixels were not kept.
        """
        if self.image is None:
            raise InputError(
                f"{self.file}: its pixels were not kept; read it with keep_images=True"
            )
        return annotate(self.image, self.shown(), language)

    def shown(self) -> tuple[PlateReading, ...]:
        """The plates with their boxes in pixels of :attr:`image`."""
        across, down = self.reduction
        found = PhotoReading(tuple(plate.details for plate in self.plates), {})
        return found.enlarged(1 / across, 1 / down).plates


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _restriction(verdict: Verdict) -> Restriction:
    rule = verdict.schedule if verdict.weekday is not None else None
    last = verdict.no_pauses_known_after
    return Restriction(
        weekday=None if verdict.weekday is None else WEEKDAYS[verdict.weekday],
        start=rule.start.strftime("%H:%M") if rule else None,
        end=rule.end.strftime("%H:%M") if rule else None,
        restricted_now=None if verdict.reason is Reason.NO_RULE else verdict.restricted_now,
        no_pauses_known_after=last.isoformat() if last else None,
    )


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle of a video, voted over the frames that show it."""

    plate: Plate
    """The voted answer; its box is that of the frame that was read most surely."""
    vehicle: int
    """Number of the vehicle within its video."""
    frames: int
    """Sampled frames in which something was read of its plate."""
    frames_agreeing: int
    """Of those, the frames that read exactly the voted text, or digit where no text is kept."""
    frame: int
    """Number of the frame of the box."""
    first_s: float
    """Seconds from the start of the video to the first sighting."""
    last_s: float
    """Seconds from the start of the video to the last sighting."""

    @classmethod
    def of(cls, reading: VehicleReading) -> Vehicle:
        """The public view of ``reading``."""
        return cls(
            Plate.of(reading.plate), reading.vehicle, reading.frames, reading.frames_agreeing,
            reading.frame_number, round(reading.first_s, 3), round(reading.last_s, 3),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The keys ``plates`` and ``video`` of a JSON line."""
        votes = {name: getattr(self, name) for name in VIDEO_COLUMNS}
        return {"plates": [self.plate.to_dict()], "video": votes}
