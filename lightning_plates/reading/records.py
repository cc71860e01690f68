"""Readings as JSON lines and as rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning_plates.reading.pipeline import PhotoReading, PlateReading
from lightning_plates.reading.restrictions import Reason, Verdict
from lightning_plates.reading.schedules import WEEKDAYS
from lightning_plates.reading.stopwatch import STEPS

CSV_COLUMNS = (
    "file", "error", "text", "text_confidence", "last_digit", "last_digit_confidence",
    "x1", "y1", "x2", "y2", "box_confidence", "country_format", "known_format",
    "weekday", "from", "to", "restricted_now", "no_pauses_known_after",
    *(f"{step}_ms" for step in (*STEPS, "total")),
)  # fmt: skip
"""Columns of the table: the fields of the JSON lines, flattened; one row a plate."""

VIDEO_COLUMNS = ("vehicle", "frames", "frames_agreeing", "frame", "first_s", "last_s")
"""Columns beside them where there are videos, and keys of ``video`` in a JSON line."""


def photo_record(file: Path, error: str | None, reading: PhotoReading | None) -> dict[str, Any]:
    """One photo as a JSON object.

    Args:
        file: The photo.
        error: Why it could not be read, on one line, without its name.
        reading: What was read; ``None`` beside an error.

    Returns:
        Exactly the keys ``file``, ``error``, ``plates`` and ``timings_ms``.
    """
    plates = reading.plates if reading else ()
    timings = reading.timings_ms if reading else dict.fromkeys((*STEPS, "total"), 0.0)
    return {
        "file": str(file),
        "error": error,
        "plates": [plate_record(plate) for plate in plates],
        "timings_ms": {step: round(spent, 2) for step, spent in timings.items()},
    }


def plate_record(plate: PlateReading) -> dict[str, Any]:
    """One plate as a JSON object; what is not known is ``None``."""
    confidence = plate.detection.confidence
    return {
        "text": plate.text.text if plate.text else None,
        "text_confidence": round(plate.text.confidence, 4) if plate.text else None,
        "last_digit": plate.last_digit.digit,
        "last_digit_confidence": round(plate.last_digit.confidence, 4),
        "box": [round(value, 1) for value in plate.detection.box],
        "box_confidence": None if confidence is None else round(confidence, 4),
        "country_format": plate.format.name if plate.format else None,
        "known_format": plate.known_format,
        "restriction": _restriction_record(plate.verdict),
    }


def csv_rows(record: dict[str, Any]) -> list[list[Any]]:
    """Rows for :data:`CSV_COLUMNS` of one :func:`photo_record`; a photo without plates is one."""
    head = [record["file"], record["error"]]
    times = list(record["timings_ms"].values())
    empty = [None] * (len(CSV_COLUMNS) - len(head) - len(times))
    rows = [[*head, *_plate_cells(plate), *times] for plate in record["plates"]]
    return rows or [[*head, *empty, *times]]


def _plate_cells(plate: dict[str, Any]) -> list[Any]:
    before = ("text", "text_confidence", "last_digit", "last_digit_confidence")
    after = ("box_confidence", "country_format", "known_format")
    cells = [
        *(plate[key] for key in before),
        *plate["box"],
        *(plate[key] for key in after),
        *plate["restriction"].values(),
    ]
    return [_as_json(cell) for cell in cells]


def _as_json(value: object) -> object:
    """Truth as JSON writes it, so that the table and the lines say the same."""
    return str(value).lower() if isinstance(value, bool) else value


def _restriction_record(verdict: Verdict | None) -> dict[str, Any]:
    """What is known of the restriction; every value is ``None`` where nothing was judged."""
    rule = verdict.schedule if verdict and verdict.weekday is not None else None
    known = verdict is not None and verdict.reason is not Reason.NO_RULE
    last = verdict.no_pauses_known_after if verdict else None
    return {
        "weekday": WEEKDAYS[verdict.weekday] if verdict and verdict.weekday is not None else None,
        "from": rule.start.strftime("%H:%M") if rule else None,
        "to": rule.end.strftime("%H:%M") if rule else None,
        "restricted_now": verdict.restricted_now if verdict and known else None,
        "no_pauses_known_after": last.isoformat() if last else None,
    }
