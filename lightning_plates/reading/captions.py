"""Short lines beside a plate in a picture: what it says, its last digit and its day."""

from __future__ import annotations

from lightning_plates.reading.pipeline import PlateReading
from lightning_plates.reading.sentences import Phrases, describe_verdict, phrases_of


def caption(plate: PlateReading, language: str) -> list[str]:
    """Lines to draw beside ``plate``, the most telling first.

    Args:
        plate: The plate.
        language: ``es`` or ``en``.

    Returns:
        e.g. ``["BCR-456", "último dígito 6", "restricción los miércoles"]``; without the text where
        none was kept, and without the day where there is none or it is not known. What fits no
        format of the named countries says so.
    """
    words = phrases_of(language)
    lines = (
        _text(plate, words),
        describe_digit(plate, words),
        describe_format(plate, language),
        _day(plate, words),
    )
    return [line for line in lines if line]


def describe_digit(plate: PlateReading, words: Phrases) -> str:
    """The last digit, or that it is unsure or that there is none."""
    if plate.last_digit.digit is not None:
        return words.last_digit.format(digit=plate.last_digit.digit)
    return words.no_digit if plate.last_digit.absent else words.unsure


def describe_format(plate: PlateReading, language: str) -> str:
    """That the plate fits no format of the countries that were named; empty where it fits one."""
    if plate.known_format is not False:
        return ""
    words = phrases_of(language)
    country = plate.countries.get(language, words.this_country)
    return words.unknown_format.format(country=country)


def _text(plate: PlateReading, words: Phrases) -> str:
    if plate.text is None:
        return ""
    return plate.text.display or words.unread


def _day(plate: PlateReading, words: Phrases) -> str:
    if plate.verdict is None or plate.verdict.weekday is None:
        return ""
    return words.day.format(weekday=words.plural_weekdays[plate.verdict.weekday])


SEPARATOR = " · "
"""Stands between the parts of a sentence."""


def describe_plate(plate: PlateReading, language: str, *, is_now: bool) -> str:
    """Text, last digit and restriction of one plate, in one line.

    Args:
        plate: The plate.
        language: ``es`` or ``en``.
        is_now: Whether the moment is the present; another one is spelled out.
    """
    words = phrases_of(language)
    parts = [
        _sentence_of_text(plate, words),
        describe_format(plate, language),
        describe_digit(plate, words),
    ]
    if plate.verdict is not None:
        parts += describe_verdict(plate.verdict, language, is_now=is_now)
    return SEPARATOR.join(part for part in parts if part)


def _sentence_of_text(plate: PlateReading, words: Phrases) -> str:
    if plate.text is None:
        return ""
    return words.plate.format(text=plate.text.display) if plate.text.display else words.unread
