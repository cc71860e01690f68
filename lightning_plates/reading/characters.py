"""Characters of plates and what an engine believes about each position."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABET = DIGITS + LETTERS
"""Every character a plate can hold here; columns of a belief table follow this order."""

INDEX = {character: column for column, character in enumerate(ALPHABET)}

CONFUSABLES = {
    "0": "ODQ", "1": "IL", "2": "Z", "4": "A", "5": "S", "6": "G", "7": "T", "8": "B",
}  # fmt: skip
"""Letters that recognisers take for a digit. The issue names O I B D Z S; A, G, L, Q and T are
the others that the calibration crops showed."""

_LOOKALIKES = str.maketrans("АВЕКМНОРСТУХІ", "ABEKMHOPCTYXI")
"""Cyrillic capitals that multilingual recognisers answer for the Latin ones."""


SMALLEST = 1e-9
"""Keeps the logarithm of a probability finite."""

LEAST_CONFIDENCE = 0.52
"""Below one half a lookalike would outweigh the character that the engine named."""


def confusable_with(character: str) -> frozenset[str]:
    """Characters of the other kind (letter or digit) that look like ``character``."""
    if character in CONFUSABLES:
        return frozenset(CONFUSABLES[character])
    return frozenset(digit for digit, letters in CONFUSABLES.items() if character in letters)


def normalise(text: str) -> str:
    """Upper-case ``text`` and drop everything that is no letter or digit of a plate.

    Accents go, full-width and Cyrillic lookalikes become Latin: ``"bcr·４56"`` → ``"BCR456"``.
    """
    plain = unicodedata.normalize("NFKD", text.upper()).translate(_LOOKALIKES)
    return "".join(character for character in plain if character in INDEX)


def edit_distance(first: str, second: str) -> int:
    """Fewest insertions, deletions and exchanges that make ``first`` into ``second``."""
    previous = list(range(len(second) + 1))
    for row, a in enumerate(first, start=1):
        current = [row]
        for column, b in enumerate(second, start=1):
            change = previous[column - 1] + (a != b)
            current.append(min(change, previous[column] + 1, current[-1] + 1))
        previous = current
    return previous[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """What an engine believes about a line of text, position by position."""

    table: NDArray[np.float64]
    """Shape ``(N, 36)``: probability of each character of :data:`ALPHABET` at each position."""

    @property
    def text(self) -> str:
        """The most probable character of every position."""
        return "".join(ALPHABET[column] for column in self.table.argmax(axis=1))

    @property
    def confidences(self) -> tuple[float, ...]:
        """Probability of each character of :attr:`text`, 0–1."""
        return tuple(float(value) for value in self.table.max(axis=1))

    @property
    def likelihood(self) -> float:
        """Geometric mean of :attr:`confidences`, 0–1; 0 where nothing was read."""
        if not len(self):
            return 0.0
        return float(np.exp(np.log(np.maximum(self.confidences, SMALLEST)).mean()))

    def __len__(self) -> int:
        return len(self.table)


NOTHING = Belief(np.zeros((0, len(ALPHABET))))
"""What an engine answers when it sees no text."""


def believe(text: str, confidences: Sequence[float]) -> Belief:
    """Belief of an engine that names one character a position and how sure it is.

    Half of what is left of the probability goes to the lookalikes of the character, because
    engines of this kind mostly err towards them; the rest to every other character.

    Args:
        text: Characters of :data:`ALPHABET`; pass other text through :func:`normalise` first.
        confidences: One value a character, 0–1.
    """
    table = np.zeros((len(text), len(ALPHABET)))
    for row, (character, confidence) in enumerate(zip(text, confidences, strict=True)):
        lookalikes = [INDEX[other] for other in sorted(confusable_with(character))]
        likely = max(confidence, LEAST_CONFIDENCE)
        left = 1.0 - likely
        shared = left / 2 if lookalikes else 0.0
        table[row] = (left - shared) / (len(ALPHABET) - 1)
        table[row, lookalikes] += shared / max(len(lookalikes), 1)
        table[row, INDEX[character]] = likely
    return Belief(table)


def join(lines: Sequence[Belief]) -> Belief:
    """Lines of a plate of several rows, one after the other."""
    return Belief(np.concatenate([NOTHING.table, *(line.table for line in lines)]))
