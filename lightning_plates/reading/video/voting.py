"""Many reads of one vehicle become one answer, with how many frames agreed.

The frames of one vehicle are not independent (the same glare sits on all of them), so their
confidences are averaged, never multiplied: a hundred doubtful reads stay doubtful. A read weighs
the square of its confidence, so that one sharp frame outweighs several blurred ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Choice = TypeVar("Choice", bound=Hashable)


@dataclass(frozen=True, slots=True)
class PlateRead:
    """What one frame said about a plate."""

    text: str = ""
    """Normalised characters; empty where nothing was read or the text is not kept."""
    character_confidences: tuple[float, ...] = ()
    """One value a character of ``text``, 0–1."""
    series: str | None = None
    """Name of the country's format that ``text`` fits; texts of different series never mix."""
    last_digit: int | None = None
    """0–9; ``None`` where the plate shows none."""
    last_digit_confidence: float = 0.0
    """Probability of ``last_digit``, 0–1."""


@dataclass(frozen=True, slots=True)
class VotedPlate:
    """What all frames of one vehicle said together."""

    text: str
    """Winner of every position; empty where no frame read one."""
    character_confidences: tuple[float, ...]
    """One value a character of ``text``, 0–1."""
    series: str | None
    """Format of ``text``."""
    last_digit: int | None
    """Winner of the digit's own vote."""
    last_digit_confidence: float
    """Mean confidence of the frames that voted for it, less what the others took, 0–1."""
    frames: int
    """Frames that read something: a text, or at least a last digit."""
    frames_agreeing: int
    """Of ``frames``, those whose text equals ``text``; without texts, whose digit equals."""

    @property
    def text_confidence(self) -> float:
        """Mean of ``character_confidences``, 0 where nothing was read."""
        values = self.character_confidences
        return sum(values) / len(values) if values else 0.0


def vote(reads: Sequence[PlateRead]) -> VotedPlate:
    """Combine the reads of one vehicle.

    Texts of the same length and series vote position by position; the group with the most
    weight wins. The last digit is voted apart, by every frame that saw one, because frames
    that lost a letter may still show the digit well.
    """
    group = _strongest_group([read for read in reads if read.text])
    characters = [_vote_position(group, position) for position in range(_length(group))]
    text = "".join(character for character, _ in characters)
    digit, digit_confidence = _vote_last_digit(reads)
    useful = [read for read in reads if read.text or read.last_digit is not None]
    agreeing = [read for read in useful if _agrees(read, text, digit)]
    return VotedPlate(
        text=text,
        character_confidences=tuple(confidence for _, confidence in characters),
        series=group[0].series if group else None,
        last_digit=digit,
        last_digit_confidence=digit_confidence,
        frames=len(useful),
        frames_agreeing=len(agreeing),
    )


def similarity(first: str, second: str) -> float:
    """Share of positions where two texts agree, 0–1; 0 where their lengths differ."""
    if not first or len(first) != len(second):
        return 0.0
    equal = sum(a == b for a, b in zip(first, second, strict=True))
    return equal / len(first)


def _agrees(read: PlateRead, text: str, digit: int | None) -> bool:
    return read.text == text if text else read.last_digit == digit


def _length(group: Sequence[PlateRead]) -> int:
    return len(group[0].text) if group else 0


def _strongest_group(reads: Sequence[PlateRead]) -> list[PlateRead]:
    groups: dict[tuple[int, str | None], list[PlateRead]] = defaultdict(list)
    for read in reads:
        groups[len(read.text), read.series].append(read)
    return max(groups.values(), key=_group_weight, default=[])


def _group_weight(group: Sequence[PlateRead]) -> float:
    return sum(sum(c**2 for c in r.character_confidences) / len(r.text) for r in group)


def _vote_position(group: Sequence[PlateRead], position: int) -> tuple[str, float]:
    return _weigh((read.text[position], read.character_confidences[position]) for read in group)


def _vote_last_digit(reads: Sequence[PlateRead]) -> tuple[int | None, float]:
    votes = [(r.last_digit, r.last_digit_confidence) for r in reads if r.last_digit is not None]
    return _weigh(votes) if votes else (None, 0.0)


def _weigh(votes: Iterable[tuple[Choice, float]]) -> tuple[Choice, float]:
    """Winner of confidence-weighted votes and its confidence.

    Returns:
        The choice with the largest sum of squared confidences, and the mean confidence of its
        voters (weighted likewise) times their share of the whole weight.
    """
    weights: dict[Choice, float] = defaultdict(float)
    weighted_confidence: dict[Choice, float] = defaultdict(float)
    for choice, confidence in votes:
        weights[choice] += confidence**2
        weighted_confidence[choice] += confidence**3
    winner = max(weights, key=weights.__getitem__)
    total = sum(weights.values())
    return winner, weighted_confidence[winner] / total if total else 0.0
