"""Chooses the words of a language, and the language of the whole command."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from lightning_plates.errors import InputError
from lightning_plates.spanish import SPANISH

Words = TypeVar("Words")

ENGLISH_NAME = "en"
"""The language in which the program's own messages are written."""

DEFAULT_LANGUAGE = "es"
"""Of an operator whose machine names no language: the reader was made in Costa Rica."""

_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Of POSIX, the strongest first; the first that is not empty decides."""

_MESSAGE = "{*}"
"""Hole of a template in which another message stands."""
_HOLE = r"(\{\*?\})"

_CATALOGUES: dict[str, Mapping[str, str]] = {"es": SPANISH}
_spoken = ENGLISH_NAME


def in_language(tables: Mapping[str, Words], language: str) -> Words:
    """The words of ``language`` among ``tables``.

    Raises:
        InputError: It is not spoken there.
    """
    if language not in tables:
        raise InputError(f"unknown language {language!r} (choose from: {', '.join(tables)})")
    return tables[language]


def locale_language(environment: Mapping[str, str]) -> str:
    """The language that a machine's locale asks for: ``es`` or ``en``.

    Args:
        environment: Variables of the process. Where they name no locale, or that of machines
            (``C``, ``POSIX``), :data:`DEFAULT_LANGUAGE` is spoken; English in place of others.
    """
    named = (environment.get(variable, "") for variable in _LOCALE_VARIABLES)
    locale = next((name for name in named if name), "C")
    language = re.split("[_.@-]", locale, maxsplit=1)[0].lower()
    if language in {"c", "posix"}:
        return DEFAULT_LANGUAGE
    return language if language in _CATALOGUES else ENGLISH_NAME


def speak(language: str) -> None:
    """Choose the language of :func:`translated` for the rest of the command."""
    global _spoken
    _spoken = language


def translated(message: str) -> str:
    """A message of the program in the language of the command.

    The program raises its errors in English; this is done once, where a person reads them.

    Args:
        message: In English, whole: what a template of the catalogue became.

    Returns:
        The same in the language of :func:`speak`; in English where the catalogue lacks it, such as
        the words of other programs in brackets.
    """
    catalogue = _CATALOGUES.get(_spoken)
    return message if catalogue is None else _translate(message, _spoken)


def _translate(message: str, language: str) -> str:
    catalogue = _CATALOGUES[language]
    if message in catalogue:
        return catalogue[message]
    for template in _templates(language):
        found = template.pattern.fullmatch(message)
        if found:
            parts = zip(found.groups(), template.holes, strict=True)
            values = [_translate(v, language) if hole == _MESSAGE else v for v, hole in parts]
            return template.words.format(*values)
    return message


@dataclass(frozen=True, slots=True)
class _Template:
    """An entry of a catalogue whose message differs from time to time."""

    pattern: re.Pattern[str]
    """Of the English message, a group a hole."""
    holes: tuple[str, ...]
    """``{}`` or :data:`_MESSAGE`, in the order of the groups."""
    words: str
    """What the translation is made of."""


@functools.cache
def _templates(language: str) -> list[_Template]:
    """Those with the most words of their own first."""
    entries = [(re.split(_HOLE, source), words) for source, words in _CATALOGUES[language].items()]
    ordered = sorted(entries, key=lambda entry: -len("".join(entry[0][::2])))
    return [
        _Template(re.compile("(.*?)".join(map(re.escape, parts[::2])), re.DOTALL),
                  tuple(parts[1::2]), words)
        for parts, words in ordered
        if len(parts) > 1
    ]  # fmt: skip
