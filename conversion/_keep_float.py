"""Which layers INT8 should leave in float: measured, not believed.

Quantisation harms a regression head before anything else, so the last layers are tried first.
Every converter whose tool can leave named layers out shares this search.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from conversion._parity import Parity

Layers: TypeAlias = tuple[str, ...]
Measure: TypeAlias = Callable[[Layers], Parity]
"""Quantises everything but the named layers, and compares the result with the hub."""

TAILS = (0, 1, 2, 4)
"""Numbers of last layers that are tried in float."""
SENSITIVE = (1, 2, 4, 8)
"""Numbers of the most sensitive layers that the longer search tries in float."""

WORTH = 0.005
"""Gain in mean IoU below which leaving more layers in float is not worth their bytes."""
SEARCH_PHOTOS = 16
"""Calibration photos on which choices are compared."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice of layers and what it gave."""

    kept: Layers
    """Layers left in float."""
    parity: Parity

    def describe(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {"kept_float": list(self.kept), "mean_iou": round(self.parity.mean_iou, 4)}


def choose_layers(layers: Sequence[str], measure: Measure, every_layer: bool) -> list[Trial]:
    """Try choices of layers to keep in float.

    Args:
        layers: Names of all layers with weights, from input to output.
        measure: Makes and compares one choice.
        every_layer: Also measure what each layer alone gains in float, and try the most sensitive
            ones together; one quantisation a layer.

    Returns:
        All trials, the best first, as :func:`rank` sorts them.
    """
    tails = [tuple(layers[len(layers) - count :]) for count in TAILS if count <= len(layers)]
    trials = [Trial(kept, measure(kept)) for kept in tails]
    if every_layer:
        alone = rank([Trial((layer,), measure((layer,))) for layer in layers])
        order = {layer: position for position, layer in enumerate(layers)}
        for count in SENSITIVE[1:]:
            chosen = [trial.kept[0] for trial in alone[:count]]
            kept = tuple(sorted(chosen, key=order.__getitem__))
            trials.append(Trial(kept, measure(kept)))
        trials += alone
    return rank(trials)


def rank(trials: Sequence[Trial]) -> list[Trial]:
    """Sort ``trials``, the best first: of those about as good as the best, the smallest."""
    best = max(trial.parity.mean_iou for trial in trials)

    def badness(trial: Trial) -> tuple[bool, int, float]:
        behind = trial.parity.mean_iou < best - WORTH
        return behind, 0 if behind else len(trial.kept), -trial.parity.mean_iou

    return sorted(trials, key=badness)


def add_float_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``--keep-float`` and ``--search`` for a converter with fields of those names."""
    parser.add_argument(
        "--keep-float",
        nargs="*",
        metavar="LAYER",
        help="layers that INT8 leaves in float; without a name none "
        "(default: of the last ones as many as measure best)",
    )
    parser.add_argument(
        "--search",
        action="store_true",
        help="measure for every layer what it gains in float (slow)",
    )
