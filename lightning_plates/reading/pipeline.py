"""Photo → plates: where they are, what they say, their last digit, whether they may circulate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lightning_plates.boxes import Detection, scale_box
from lightning_plates.clock import Stopwatch
from lightning_plates.finding.refine import DEFAULT_LOOKS, locate
from lightning_plates.photos import RgbImage
from lightning_plates.reading.calibration import Calibration
from lightning_plates.reading.characters import Belief
from lightning_plates.reading.crop_reader import CropReader
from lightning_plates.reading.crops import cut_plate
from lightning_plates.reading.ocr import OcrEngine
from lightning_plates.reading.plate_text import (
    PlateText,
    read_last_digit,
    settle_number,
)
from lightning_plates.reading.rules.formats import PlateFormat
from lightning_plates.reading.rules.restrictions import DEFAULT_CLASS, PlateIdentity, Verdict, judge
from lightning_plates.reading.rules.schedules import RestrictionCalendar
from runtimes import Runtime


@dataclass(frozen=True, slots=True)
class LastDigit:
    """The digit that decides the restriction day."""

    digit: int | None
    """0–9; ``None``: unsure, or the plate shows none."""
    confidence: float
    """Calibrated probability of being right, 0–1, of the digit or of the one withheld."""
    absent: bool = False
    """Whether the plate surely shows no digit: see :func:`surely_without_digit`."""


@dataclass(frozen=True, slots=True)
class PlateReading:
    """A plate found in one photo."""

    detection: Detection
    """Where it is."""
    text: PlateText | None
    """What it says; ``None`` where only the digit was asked for."""
    last_digit: LastDigit
    """Its own answer: it may be sure where the rest of the text is not, and the reverse."""
    format: PlateFormat | None
    """The series it fits."""
    verdict: Verdict | None = None
    """The restriction; ``None`` where the last digit is unsure, or what was read is no plate of
    :attr:`countries`."""
    known_format: bool | None = None
    """Whether it fits a format of :attr:`countries`; ``None`` where nothing was read or where no
    country was named."""
    countries: Mapping[str, str] = field(default_factory=dict)
    """Whose formats it was compared with, in words, by language; empty for none."""


@dataclass(frozen=True, slots=True)
class PhotoReading:
    """Everything read from one photo."""

    plates: tuple[PlateReading, ...]
    """The highest score first; empty where no plate was found."""
    timings_ms: dict[str, float]
    """Milliseconds by step, as :meth:`Stopwatch.stop` gives them."""

    def enlarged(self, across: float, down: float) -> PhotoReading:
        """The same reading of a photo ``across`` times as wide and ``down`` times as high."""
        places = [replace(p.detection, box=scale_box(p.detection.box, across, down))
                  for p in self.plates]  # fmt: skip
        pairs = zip(self.plates, places, strict=True)
        return replace(self, plates=tuple(replace(p, detection=place) for p, place in pairs))


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """How to turn characters into answers."""

    formats: Sequence[PlateFormat]
    """Series that are allowed; empty applies none."""
    calibration: Calibration
    """Of the engine in use."""
    calendar: RestrictionCalendar | None = None
    """Restriction rules; ``None`` judges nothing."""
    any_format: bool = False
    """Judge plates that fit none of :attr:`formats`, too, as private cars: foreign ones."""
    min_confidence: float = 0.0
    """Last digits below this calibrated confidence are withheld; 0–1."""
    digits_only: bool = False
    """Keep the last digit alone; the text is never assembled."""
    printed_words: Sequence[str] = ()
    """Names and slogans beside the number, which are no part of it."""
    countries: Mapping[str, str] = field(default_factory=dict)
    """Whose series :attr:`formats` are, in words, by language."""


class PlateReader:
    """Reads photos with one box model and one engine; safe to call from several threads.

    Args:
        model: An open box model.
        engine: An open text engine.
        rules: How to turn characters into answers.
        looks: Looks of the box model at every plate, at most; 1 or more.
    """

    def __init__(
        self, model: Runtime, engine: OcrEngine, rules: ReadingRules, looks: int = DEFAULT_LOOKS
    ) -> None:
        self._model = model
        self._crops = CropReader(engine, rules.formats, rules.printed_words)
        self._rules = rules
        self._looks = looks

    def read(
        self, image: RgbImage, moment: dt.datetime, watch: Stopwatch | None = None
    ) -> PhotoReading:
        """Read every plate of a photo or video frame.

        Args:
            image: RGB, shape ``(H, W, 3)``, full resolution.
            moment: When the vehicle wants to circulate.
            watch: A stopwatch that already counted the decoding.
        """
        timer = watch or Stopwatch()
        detections = locate(self._model, image, self._looks, timer)
        plates = tuple(self.read_plate(image, found, moment, timer) for found in detections)
        return PhotoReading(plates, timer.stop())

    def find(self, image: RgbImage) -> Sequence[Detection]:
        """Where the plates of a photo or video frame are, without reading them."""
        return locate(self._model, image, self._looks, Stopwatch())

    def read_plate(
        self,
        image: RgbImage,
        detection: Detection,
        moment: dt.datetime,
        watch: Stopwatch | None = None,
    ) -> PlateReading:
        """Read one plate whose place is known."""
        timer = watch or Stopwatch()
        with timer.step("ocr"):
            belief = self._crops.read(cut_plate(image, detection.box))
        with timer.step("postprocess"):
            return interpret(belief, detection, self._rules, moment)


def interpret(
    belief: Belief, detection: Detection, rules: ReadingRules, moment: dt.datetime
) -> PlateReading:
    """Turn the characters of one plate into its answers."""
    settled, plate_format = settle_number(belief, rules.formats, rules.printed_words)
    last_digit = decide_last_digit(settled, rules)
    text = None
    if not rules.digits_only:
        text = PlateText(settled.text, settled.confidences, plate_format)
    known = fits_known_format(plate_format, rules, anything_read=len(settled) > 0)
    verdict = judge_plate(last_digit.digit, plate_format, rules, moment)
    return PlateReading(detection, text, last_digit, plate_format, verdict, known, rules.countries)


def fits_known_format(
    plate_format: PlateFormat | None, rules: ReadingRules, *, anything_read: bool
) -> bool | None:
    """Value of :attr:`PlateReading.known_format`."""
    if not rules.formats or not anything_read:
        return None
    return plate_format is not None


def judge_plate(
    digit: int | None, plate_format: PlateFormat | None, rules: ReadingRules, moment: dt.datetime
) -> Verdict | None:
    """Say whether a plate may circulate.

    Lettering on a vehicle or at the roadside reads like a plate; what fits no format of the named
    countries has no restriction day unless the rules ask for it.

    Args:
        digit: The last digit; ``None`` where it is unsure.
        plate_format: The series that the plate fits.
        rules: Calendar, formats and whether a plate must fit one.
        moment: When the vehicle wants to circulate.
    """
    if digit is None or rules.calendar is None:
        return None
    if plate_format is None and rules.formats and not rules.any_format:
        return None
    vehicle_class = plate_format.vehicle_class if plate_format else DEFAULT_CLASS
    return judge(PlateIdentity(digit, vehicle_class), moment, rules.calendar)


def decide_last_digit(settled: Belief, rules: ReadingRules) -> LastDigit:
    """The last digit if its calibrated confidence reaches the threshold."""
    found = read_last_digit(settled)
    if found is None:
        return LastDigit(None, 0.0, surely_without_digit(settled.confidences, rules))
    confidence = rules.calibration.apply(found.probability)
    return LastDigit(found.digit if confidence >= rules.min_confidence else None, confidence)


def surely_without_digit(confidences: Sequence[float], rules: ReadingRules) -> bool:
    """Whether a text in which no digit was read can be believed.

    It must be as sure as a digit would have to be: what was blurred or half read may hide one.

    Args:
        confidences: Probability of each character, 0–1; none where nothing was read.
        rules: Their ``min_confidence`` is the bound, for the mean.
    """
    return bool(confidences) and float(np.mean(confidences)) >= rules.min_confidence
