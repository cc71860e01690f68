"""Which layers INT8 should leave in float: measured, not believed.

Quantisation harms a regression head before anything else, so the last layers are tried first.
Every converter whose tool can leave named layers out shares this search.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from conversion.gate.parity import TOLERANCES, Parity
from lightning_plates.errors import InputError

Layers: TypeAlias = tuple[str, ...]
Measure: TypeAlias = Callable[[Layers], tuple[Parity, int]]
"""Quantises everything but the named layers; compares the result with the hub and weighs it: bytes
of what a runtime reads."""

TAILS = (0, 1, 2, 4)
"""Numbers of last layers that are tried in float."""
HEADS = (2, 8, 12)
"""Numbers of first layers that are tried in float besides, where the last ones do not suffice. They
weigh next to nothing, but work at the highest resolution, so that they cost time."""
SENSITIVE = (1, 2, 4, 8)
"""Numbers of the most sensitive layers that the longer search tries in float."""

SAFE = TOLERANCES["int8"].min_mean_likeness + 0.03
"""Mean likeness on calibration photos from which on bytes count; below it other photos might do
worse than a converter accepts."""
WORTH = 0.005
"""Gain in mean likeness that no choice of more layers may fall short of: less is chance."""
WORTH_PER_MB = 0.01
"""Gain in mean likeness that each further megabyte must bring, once :data:`SAFE` is met."""

SEARCH_PHOTOS = 16
"""Calibration photos on which choices are compared."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice of layers and what it gave."""

    kept: Layers
    """Layers left in float."""
    parity: Parity
    size_bytes: int
    """Of the file with these layers in float."""

    def describe(self) -> dict[str, Any]:
        """What the manifest says of it."""
        likeness = round(self.parity.mean_likeness, 4)
        return {"kept_float": list(self.kept), "mean_likeness": likeness, "bytes": self.size_bytes}


@dataclass(frozen=True, slots=True)
class FloatChoice:
    """The layers that stay in float, and what they were chosen by."""

    kept: Layers
    trials: tuple[Trial, ...] = ()
    """Empty where the user chose."""

    def describe(self) -> dict[str, Any]:
        """What the manifest says of it."""
        trials = [trial.describe() for trial in self.trials]
        return {"kept_float": list(self.kept), "trials": trials}


def settle_layers(
    layers: Sequence[str], asked: Sequence[str] | None, measure: Measure, every_layer: bool
) -> FloatChoice:
    """Take the layers that were asked for, or else those that measure best.

    Args:
        layers: Names of all layers with weights, from input to output.
        asked: A converter's ``keep_float``.
        measure: As for :func:`choose_layers`.
        every_layer: Likewise.

    Raises:
        InputError: A layer that was asked for is not there.
    """
    if asked is None:
        trials = choose_layers(layers, measure, every_layer)
        return FloatChoice(trials[0].kept, tuple(trials))
    unknown = sorted(set(asked) - set(layers))
    if unknown:
        raise InputError(f"no layer {unknown[0]!r} (layers: {', '.join(layers)})")
    return FloatChoice(tuple(asked))


def choose_layers(layers: Sequence[str], measure: Measure, every_layer: bool) -> list[Trial]:
    """Try choices of layers to keep in float.

    The last layers are tried first, and the first ones with them where they are not :data:`SAFE`.

    Args:
        layers: Names of all layers with weights, from input to output.
        measure: Makes, compares and weighs one choice.
        every_layer: Also measure what each layer alone gains in float, and try the most sensitive
            ones together; one quantisation a layer.

    Returns:
        All trials, the best first, as :func:`rank` sorts them.
    """
    tails = [tuple(layers[len(layers) - count :]) for count in TAILS if count <= len(layers)]
    trials = [Trial(kept, *measure(kept)) for kept in tails]
    if rank(trials)[0].parity.mean_likeness < SAFE:
        tail = rank(trials, safe=0.0)[0].kept  # a heavy one only where it is worth its weight
        inner = layers[: len(layers) - len(tail)]
        heads = [(*inner[:count], *tail) for count in HEADS if count < len(inner)]
        trials += [Trial(kept, *measure(kept)) for kept in heads]
    if every_layer:
        alone = [Trial((layer,), *measure((layer,))) for layer in layers]
        alone.sort(key=lambda trial: -trial.parity.mean_likeness)
        order = {layer: position for position, layer in enumerate(layers)}
        for count in SENSITIVE[1:]:
            chosen = [trial.kept[0] for trial in alone[:count]]
            kept = tuple(sorted(chosen, key=order.__getitem__))
            trials.append(Trial(kept, *measure(kept)))
        trials += alone
    return rank(trials)


def rank(trials: Sequence[Trial], safe: float = SAFE) -> list[Trial]:
    """Sort ``trials``: the choice first, then the others, the smallest file first.

    From the smallest file on, a larger one is taken where it gains at least :data:`WORTH`; and, if
    what it replaces reaches ``safe`` already, :data:`WORTH_PER_MB` for each megabyte more.
    """
    by_size = sorted(trials, key=lambda trial: (trial.size_bytes, -trial.parity.mean_likeness))
    chosen = by_size[0]
    for larger in by_size[1:]:
        chosen = larger if _pays(chosen, larger, safe) else chosen
    return [chosen, *(trial for trial in by_size if trial is not chosen)]


def _pays(smaller: Trial, larger: Trial, safe: float) -> bool:
    gain = larger.parity.mean_likeness - smaller.parity.mean_likeness
    more_mb = (larger.size_bytes - smaller.size_bytes) / 1e6
    wanted = WORTH_PER_MB * more_mb if smaller.parity.mean_likeness >= safe else 0.0
    return gain >= max(WORTH, wanted)


def add_float_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``--keep-float`` and ``--search`` for a converter with fields of those names."""
    parser.add_argument(
        "--keep-float",
        nargs="*",
        metavar="LAYER",
        help="layers that INT8 leaves in float; without a name none "
        "(default: of the last ones, and if these do not suffice of the first, what measures best)",
    )
    parser.add_argument(
        "--search",
        action="store_true",
        help="measure for every layer what it gains in float (slow)",
    )
