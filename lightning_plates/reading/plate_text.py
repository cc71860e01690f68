"""What a plate says: characters settled by the country's formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_plates.reading.characters import (
    ALPHABET,
    DIGITS,
    INDEX,
    Belief,
    confusable_with,
    edit_distance,
)
from lightning_plates.reading.rules.formats import PlateFormat

FLOOR = 1e-4
"""Least probability of a lookalike that an engine did not consider; keeps logarithms finite."""


@dataclass(frozen=True, slots=True)
class PlateText:
    """Characters of one plate."""

    text: str
    """Characters without separators, e.g. ``"BCR456"``; empty where nothing was read."""
    confidences: tuple[float, ...]
    """Probability of each character, 0–1, knowing what its position allows."""
    format: PlateFormat | None
    """The series it fits; ``None`` where it fits none or none was asked for."""

    @property
    def confidence(self) -> float:
        """Mean character probability, 0–1; 0 where nothing was read."""
        return float(np.mean(self.confidences)) if self.confidences else 0.0

    @property
    def display(self) -> str:
        """As written for people, e.g. ``BCR-456``."""
        return self.format.display(self.text) if self.format else self.text


@dataclass(frozen=True, slots=True)
class DigitBelief:
    """The last digit before calibration."""

    digit: int
    """0–9."""
    probability: float
    """What the engine believes, 0–1; not calibrated."""


def settle(belief: Belief, formats: Sequence[PlateFormat]) -> tuple[Belief, PlateFormat | None]:
    """Resolve lookalikes by the format that explains the reading best.

    A character is only ever exchanged for one of its lookalikes, and only where the format
    does not allow it. A reading that no format explains stays as it is.

    Args:
        belief: What the engine read.
        formats: The series that are allowed; empty applies none.

    Returns:
        The belief with forbidden characters removed, and the format; or the same belief and
        ``None``.
    """
    masks = [(_mask(belief, plate), plate) for plate in formats]
    fitting = [(mask, plate) for mask, plate in masks if mask is not None]
    if not fitting:
        return belief, None
    likelihoods = [_log_likelihood(belief, mask) for mask, _ in fitting]
    mask, plate = fitting[int(np.argmax(likelihoods))]
    kept = np.where(mask, np.maximum(belief.table, FLOOR), 0.0)
    others = np.where(_allowed_columns(plate) & ~mask, belief.table, 0.0)
    share = kept.sum(axis=1, keepdims=True) + others.sum(axis=1, keepdims=True)
    return Belief(kept / share), plate


def drop_printed_words(belief: Belief, words: Sequence[str]) -> Belief:
    """Drop a country's name or slogan that was read along with the number.

    Args:
        belief: What the engine read.
        words: As printed, without spaces; up to a quarter of a word may be misread or cut off.

    Returns:
        The belief without such words at its beginning and end; as it is where nothing else is left.
    """
    start, end = 0, len(belief)
    for word in words:
        start = max(start, _misread_length(belief.text, word))
        end = min(end, len(belief) - _misread_length(belief.text[::-1], word[::-1]))
    return Belief(belief.table[start:end]) if start < end else belief


def _misread_length(text: str, word: str) -> int:
    """How many characters at the beginning of ``text`` are ``word``, more or less; 0 for none."""
    slack = len(word) // 4
    lengths = range(max(len(word) - slack, 1), min(len(word) + slack, len(text)) + 1)
    errors = {length: edit_distance(text[:length], word) for length in lengths}
    best = min(errors, key=lambda length: (errors[length], length), default=0)
    return best if best and errors[best] <= slack else 0


def settle_number(
    belief: Belief, formats: Sequence[PlateFormat], words: Sequence[str] = ()
) -> tuple[Belief, PlateFormat | None]:
    """The number alone, settled: :func:`drop_printed_words`, then :func:`settle`."""
    return settle(drop_printed_words(belief, words), formats)


def read_plate(
    belief: Belief, formats: Sequence[PlateFormat], words: Sequence[str] = ()
) -> PlateText:
    """Text of a plate after :func:`settle_number`."""
    settled, plate = settle_number(belief, formats, words)
    return PlateText(settled.text, settled.confidences, plate)


def read_last_digit(settled: Belief) -> DigitBelief | None:
    """The last digit of a plate, without assembling its text.

    Where the last character may be a letter, the digit before it counts as far as that is
    probable: P(digit d) is the sum, over positions, of P(d here) × P(only letters after).

    Args:
        settled: The belief after :func:`settle`.

    Returns:
        The most probable digit; ``None`` where the plate shows none.
    """
    probability = np.zeros(len(DIGITS))
    only_letters_after = 1.0
    for row in settled.table[::-1]:
        digits = row[: len(DIGITS)]
        probability += only_letters_after * digits
        only_letters_after *= float(np.clip(row.sum() - digits.sum(), 0.0, 1.0))
    best = int(probability.argmax())
    if not any(character in DIGITS for character in settled.text):
        return None
    return DigitBelief(best, float(min(probability[best], 1.0)))


def _allowed_columns(plate: PlateFormat) -> NDArray[np.bool_]:
    """Shape ``(N, 36)``: what the format allows at each position."""
    return np.array([[c in allowed for c in ALPHABET] for allowed in plate.positions])


def _mask(belief: Belief, plate: PlateFormat) -> NDArray[np.bool_] | None:
    """Shape ``(N, 36)``: the characters each position may become; ``None``: it does not fit."""
    if len(belief) != len(plate.positions):
        return None
    mask = np.zeros(belief.table.shape, dtype=np.bool_)
    for row, (read, allowed) in enumerate(zip(belief.text, plate.positions, strict=True)):
        choices = {read} if read in allowed else confusable_with(read) & set(allowed)
        if not choices:
            return None
        mask[row, [INDEX[choice] for choice in choices]] = True
    return mask


def _log_likelihood(belief: Belief, mask: NDArray[np.bool_]) -> float:
    kept = np.where(mask, np.maximum(belief.table, FLOOR), 0.0).max(axis=1)
    return float(np.log(kept).sum())
