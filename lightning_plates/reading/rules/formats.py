"""Plate formats of a country, read from ``configs/plates/*.yaml``."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from lightning_plates.errors import ConfigError
from lightning_plates.reading.characters import DIGITS, INDEX, LETTERS
from lightning_plates.reading.rules.config_file import Entry, find_config, list_configs, read_config
from lightning_plates.reading.sentences import LANGUAGES

ANY_COUNTRY = "any"
"""Name of the country without formats."""

MOST_CHARACTERS = 16
"""Longest plate that a file may describe; those of the world have ten characters at most."""

MOST_FORMATS = 1000
"""Prefixes × lengths that a country may have; the shipped ones have 102 at most."""


@dataclass(frozen=True, slots=True)
class PlateFormat:
    """One series of plates with one number of characters."""

    name: str
    """Country and series, e.g. ``"costa_rica/private"``; several lengths share it."""
    vehicle_class: str
    """Class that restriction rules know, e.g. ``"motorcycle"``."""
    positions: tuple[str, ...]
    """Characters allowed at each position."""
    separators: tuple[int, ...]
    """Positions before which a hyphen is written for people."""

    def matches(self, text: str) -> bool:
        """Say whether every character of ``text`` is allowed where it stands."""
        return len(text) == len(self.positions) and all(
            character in allowed for character, allowed in zip(text, self.positions, strict=True)
        )

    def display(self, text: str) -> str:
        """Write ``text`` with its hyphens, e.g. ``BCR-456``."""
        edges = [0, *self.separators, len(text)]
        return "-".join(text[start:end] for start, end in itertools.pairwise(edges))


def load_formats(countries: str) -> tuple[PlateFormat, ...]:
    """Formats of one or several countries.

    Args:
        countries: Names of shipped files or paths of own ones, separated by commas; ``any``
            applies no format.

    Raises:
        ConfigError: No country, an unknown one, or a file that contradicts itself; with file and
            line.
    """
    names = _names(countries)
    if names == [ANY_COUNTRY]:
        return ()
    return tuple(plate for name in names for plate in _load_country(name))


def load_printed_words(countries: str) -> tuple[str, ...]:
    """Words that plates of one or several countries show beside their number.

    Args:
        countries: As for :func:`load_formats`.

    Raises:
        ConfigError: As for :func:`load_formats`.
    """
    fields = [_country_fields(name) for name in _names(countries) if name != ANY_COUNTRY]
    entries = [one["printed"] for one in fields if "printed" in one]
    return tuple(_allowed(item) for entry in entries for item in entry.items())


def load_country_titles(countries: str) -> Mapping[str, str]:
    """One or several countries in words, by language, e.g. ``{"es": "Brasil, España", …}``.

    Args:
        countries: As for :func:`load_formats`; ``any`` has no title.

    Raises:
        ConfigError: As for :func:`load_formats`.
    """
    titles = [_title(_country_fields(name)) for name in _names(countries) if name != ANY_COUNTRY]
    return {
        language: ", ".join(title[language] for title in titles) for language in LANGUAGES if titles
    }


def _title(fields: Mapping[str, Entry]) -> dict[str, str]:
    """The file's ``title``, or its ``country`` with capitals where it has none."""
    if "title" not in fields:
        return dict.fromkeys(LANGUAGES, fields["country"].text().replace("_", " ").title())
    return {name: entry.text() for name, entry in fields["title"].fields(set(LANGUAGES)).items()}


def _names(countries: str) -> list[str]:
    names = [name.strip() for name in countries.split(",") if name.strip()]
    if not names:
        known = ", ".join([ANY_COUNTRY, *list_configs("plates")])
        raise ConfigError(f"no country named in {countries!r} (choose from: {known})")
    return names


def _country_fields(name: str) -> dict[str, Entry]:
    top = read_config(find_config("plates", name))
    return top.fields({"country", "formats", "source"}, {"symbols", "printed", "title"})


def _load_country(name: str) -> list[PlateFormat]:
    fields = _country_fields(name)
    symbols = {"9": DIGITS, "A": LETTERS}
    if "symbols" in fields:
        for symbol, entry in fields["symbols"].fields().items():
            symbols[symbol] = _allowed(entry)
    country = fields["country"].text()
    fields["source"].text()
    plates: list[PlateFormat] = []
    for entry in fields["formats"].items():
        plates += _expand(entry, country, symbols, MOST_FORMATS - len(plates))
    return plates


def _allowed(entry: Entry) -> str:
    characters = entry.text()
    if not characters or any(character not in INDEX for character in characters):
        raise entry.error(f"expected capitals and digits, got {characters!r}")
    return characters


def _expand(entry: Entry, country: str, symbols: dict[str, str], most: int) -> list[PlateFormat]:
    """One format for every prefix and every length of the entry, ``most`` at most."""
    fields = entry.fields(
        {"name", "class", "pattern"}, {"prefixes", "shortest", "hyphens", "source", "example"}
    )
    body, shortest = _body(fields, symbols)
    prefixes = (
        [_prefix(item, len(body)) for item in fields["prefixes"].items()]
        if "prefixes" in fields
        else [""]
    )
    if len(prefixes) * (len(body) - shortest + 1) > most:
        raise entry.error(f"more than {MOST_FORMATS} formats in all, prefixes times lengths")
    hyphens = [item.integer() for item in fields["hyphens"].items()] if "hyphens" in fields else []
    plates = [
        PlateFormat(
            name=f"{country}/{fields['name'].text()}",
            vehicle_class=fields["class"].text(),
            positions=(*prefix, *body[:length]),
            separators=_separators(prefix, hyphens, len(prefix) + length),
        )
        for prefix in prefixes
        for length in range(shortest, len(body) + 1)
    ]
    _check_notes(fields, plates)
    return plates


def _body(fields: Mapping[str, Entry], symbols: dict[str, str]) -> tuple[tuple[str, ...], int]:
    """Characters that the pattern allows at each position, and how few of them may be there."""
    entry = fields["pattern"]
    pattern = entry.text()
    if len(pattern) > MOST_CHARACTERS:
        raise entry.error(f"expected at most {MOST_CHARACTERS} symbols, got {len(pattern)}")
    body = tuple(_symbol(entry, symbol, symbols) for symbol in pattern)
    shortest = fields["shortest"].integer() if "shortest" in fields else len(body)
    if not 1 <= shortest <= len(body):
        raise fields.get("shortest", entry).error(f"expected 1 to {len(body)}, got {shortest}")
    return body, shortest


def _prefix(entry: Entry, body: int) -> str:
    prefix = _allowed(entry)
    if len(prefix) + body > MOST_CHARACTERS:
        raise entry.error(f"expected at most {MOST_CHARACTERS} characters with the pattern")
    return prefix


def _separators(prefix: str, hyphens: list[int], length: int) -> tuple[int, ...]:
    """A prefix is set apart by itself; a plate without one has the hyphens of the file."""
    cuts = [len(prefix)] if prefix else sorted(set(hyphens))
    return tuple(cut for cut in cuts if 0 < cut < length)


def _check_notes(fields: Mapping[str, Entry], plates: list[PlateFormat]) -> None:
    """Check what the program itself does not need: the source and the example."""
    if "source" in fields:
        fields["source"].text()
    if "example" in fields:
        example = fields["example"].text()
        if not any(plate.matches(example) for plate in plates):
            raise fields["example"].error(f"{example[:40]!r} does not fit the pattern")


def _symbol(entry: Entry, symbol: str, symbols: dict[str, str]) -> str:
    if symbol not in symbols:
        raise entry.error(f"unknown symbol {symbol!r} (known: {' '.join(sorted(symbols))})")
    return symbols[symbol]
