"""Short lines beside a plate in a picture: what it says, its last digit and its day."""

from __future__ import annotations

from lightning_plates.reading.pipeline import PlateReading
from lightning_plates.reading.sentences import Phrases, phrases_of


def caption(plate: PlateReading, language: str) -> list[str]:
    """Lines to draw beside ``plate``, the most telling first.

    Args:
        plate: The plate.
        language: ``es`` or ``en``.

    Returns:
        e.g. ``["BCR-456", "último dígito 6", "restricción los miércoles"]``; without the text where
        none was kept, and without the day where there is none or it is not known.
    """
    words = phrases_of(language)
    return [
        line for line in (_text(plate, words), _digit(plate, words), _day(plate, words)) if line
    ]


def _text(plate: PlateReading, words: Phrases) -> str:
    if plate.text is None:
        return ""
    return plate.text.display or words.unread


def _digit(plate: PlateReading, words: Phrases) -> str:
    if plate.last_digit.digit is not None:
        return words.last_digit.format(digit=plate.last_digit.digit)
    return words.no_digit if plate.last_digit.absent else words.unsure


def _day(plate: PlateReading, words: Phrases) -> str:
    if plate.verdict is None or plate.verdict.weekday is None:
        return ""
    return words.day.format(weekday=words.plural_weekdays[plate.verdict.weekday])
