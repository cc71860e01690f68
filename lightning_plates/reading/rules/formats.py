"""Plate formats of a country, read from ``configs/plates/*.yaml``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from lightning_plates.errors import ConfigError
from lightning_plates.reading.characters import DIGITS, INDEX, LETTERS
from lightning_plates.reading.rules.config_file import Entry, find_config, list_configs, read_config

ANY_COUNTRY = "any"
"""Name of the country without formats."""


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


def _names(countries: str) -> list[str]:
    names = [name.strip() for name in countries.split(",") if name.strip()]
    if not names:
        known = ", ".join([ANY_COUNTRY, *list_configs("plates")])
        raise ConfigError(f"no country named in {countries!r} (choose from: {known})")
    return names


def _country_fields(name: str) -> dict[str, Entry]:
    top = read_config(find_config("plates", name))
    return top.fields({"country", "formats", "source"}, {"symbols", "printed"})


def _load_country(name: str) -> list[PlateFormat]:
    fields = _country_fields(name)
    symbols = {"9": DIGITS, "A": LETTERS}
    if "symbols" in fields:
        for symbol, entry in fields["symbols"].fields().items():
            symbols[symbol] = _allowed(entry)
    country = fields["country"].text()
    return [
        plate for entry in fields["formats"].items() for plate in _expand(entry, country, symbols)
    ]


def _allowed(entry: Entry) -> str:
    characters = entry.text()
    if not characters or any(character not in INDEX for character in characters):
        raise entry.error(f"expected capitals and digits, got {characters!r}")
    return characters


def _expand(entry: Entry, country: str, symbols: dict[str, str]) -> Iterator[PlateFormat]:
    """One format for every prefix and every length of the entry."""
    fields = entry.fields(
        {"name", "class", "pattern"}, {"prefixes", "shortest", "hyphens", "source", "example"}
    )
    pattern = fields["pattern"].text()
    body = tuple(_symbol(fields["pattern"], symbol, symbols) for symbol in pattern)
    shortest = fields["shortest"].integer() if "shortest" in fields else len(body)
    if not 1 <= shortest <= len(body):
        raise fields["shortest"].error(f"expected 1 to {len(body)}, got {shortest}")
    prefixes = (
        [_allowed(item) for item in fields["prefixes"].items()] if "prefixes" in fields else [""]
    )
    hyphens = [item.integer() for item in fields["hyphens"].items()] if "hyphens" in fields else []
    for prefix in prefixes:
        cuts = tuple([len(prefix)] if prefix else hyphens)
        for length in range(shortest, len(body) + 1):
            yield PlateFormat(
                name=f"{country}/{fields['name'].text()}",
                vehicle_class=fields["class"].text(),
                positions=(*prefix, *body[:length]),
                separators=tuple(cut for cut in cuts if 0 < cut < len(prefix) + length),
            )


def _symbol(entry: Entry, symbol: str, symbols: dict[str, str]) -> str:
    if symbol not in symbols:
        raise entry.error(f"unknown symbol {symbol!r} (known: {' '.join(sorted(symbols))})")
    return symbols[symbol]
