"""Answers as rows of a table."""

from __future__ import annotations

from typing import Any

from lightning_plates.clock import STEPS

CSV_COLUMNS = (
    "file", "error", "text", "text_confidence", "last_digit", "last_digit_confidence",
    "x1", "y1", "x2", "y2", "box_confidence", "country_format", "known_format",
    "weekday", "from", "to", "restricted_now", "no_pauses_known_after",
    *(f"{step}_ms" for step in (*STEPS, "total")),
)  # fmt: skip
"""Columns of the table: the fields of the JSON lines, flattened; one row a plate."""

VIDEO_COLUMNS = ("vehicle", "frames", "frames_agreeing", "frame", "first_s", "last_s")
"""Columns beside them where there are videos, and keys of ``video`` in a JSON line."""


def csv_rows(record: dict[str, Any]) -> list[list[Any]]:
    """Rows for :data:`CSV_COLUMNS` of one photo's JSON object; a photo without plates is one.

    Args:
        record: As :meth:`~lightning_plates.reading.answers.Reading.to_dict` gives it.
    """
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
