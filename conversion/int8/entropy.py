"""Ranges by relative entropy: how far may a range be cut before eight bits tell another story.

The idea is NVIDIA's (S. Migacz, "8-bit Inference with TensorRT", 2017). ONNX Runtime's version
counts the zeros: behind a ReLU they are most of the values, so that cutting ReLU6 at 2 costs next
to nothing, and the strong values that say where the plate is are gone (IoU 0.05 with the hub,
docs/conversion.md). Like NVIDIA's calibrators this one leaves zeros out. It also uses 2,048 bins
and all 256 levels, and every bin counts; in NumPy, where plain Python took minutes.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.float64]
BINS = 2048
"""Of the histogram, from minus to plus the largest magnitude."""
LEVELS = 256
"""That eight bits have."""
_STEP = 8
"""Bins between two candidates: half a percent of the range."""
_SMOOTHING = 1e-4
"""Share of one observation for a bin that the quantised values miss (as in MXNet's version)."""


def best_range(
    counts: NDArray[np.integer], edges: NDArray[np.floating], low: float, high: float
) -> tuple[float, float]:
    """Choose the range of a tensor by the smallest relative entropy.

    Args:
        counts: Observations by bin, shape ``(N,)``; the bins are symmetric about zero.
        edges: Their limits, shape ``(N + 1,)``.
        low: Smallest value seen.
        high: Largest value seen.

    Returns:
        Lowest and highest value of the range; inside ``low`` and ``high``, and around zero.
    """
    middle = len(counts) // 2
    values = _without_zeros(counts, middle)
    one_sided = low >= 0
    start = middle if one_sided else 0
    half = len(values) - middle
    least = LEVELS if one_sided else LEVELS // 2
    candidates = [*range(min(least, half), half, _STEP), half]
    divergences = [
        _divergence(values[start:], middle - start, size, one_sided) for size in candidates
    ]
    limit = float(edges[middle + candidates[int(np.argmin(divergences))]])
    return max(low, -limit) if not one_sided else min(0.0, low), min(high, limit)


def _without_zeros(counts: NDArray[np.integer], middle: int) -> Counts:
    """The counts, with those of the two bins at zero replaced by their neighbours'."""
    values = counts.astype(np.float64)
    values[middle], values[middle - 1] = values[middle + 1], values[middle - 2]
    return values


def _divergence(values: Counts, zero: int, size: int, one_sided: bool) -> float:
    """Relative entropy between the values cut to ``size`` bins from ``zero``, and eight bits of it.

    Args:
        values: Observations by bin.
        zero: Index of the first bin above zero.
        size: Bins kept on each side of zero that there is.
        one_sided: Whether there are no values below zero.
    """
    first, last = (zero if one_sided else zero - size), zero + size
    inside = values[first:last]
    reference = inside.copy()
    reference[0] += values[:first].sum()
    reference[-1] += values[last:].sum()
    return _relative_entropy(reference, _quantised(inside))


def _quantised(inside: Counts) -> Counts:
    """Merge the bins into levels, and spread each level evenly over its bins that are not empty."""
    starts = np.unique(np.linspace(0, len(inside), LEVELS, endpoint=False).astype(int))
    widths = np.diff([*starts, len(inside)])
    filled = inside > 0
    sums = np.add.reduceat(inside, starts)
    bins = np.maximum(np.add.reduceat(filled.astype(np.float64), starts), 1)
    spread: Counts = np.repeat(sums / bins, widths) * filled
    return spread


def _relative_entropy(reference: Counts, candidate: Counts) -> float:
    seen = reference > 0
    expected = reference[seen] / reference.sum()
    got = np.maximum(candidate[seen], _SMOOTHING)
    return float((expected * np.log(expected / (got / got.sum()))).sum())
