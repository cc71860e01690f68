"""What every conversion shares: convert to a draft, compare with the source, then put in place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lightning_plates.boxes import box_iou
from lightning_plates.drafts import draft_of
from lightning_plates.errors import ConversionError, ParityError

Outputs: TypeAlias = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Parity:
    """How far a converted model's answers are from its source's, on the same photos."""

    photos: int
    """Number of photos compared."""
    max_abs_difference: float
    """Largest difference of any output value (boxes and scores are in 0–1)."""
    mean_iou: float
    """Mean overlap between the boxes of both answers, 0–1."""


def measure_parity(source: Outputs, converted: Outputs, box_output: str) -> Parity:
    """Compare two answers to the same batch.

    Args:
        source: Outputs of the source model by name, batch first.
        converted: Outputs of the converted model by name, the same shapes.
        box_output: Name of the output with boxes, shape ``(N, 4)`` or ``(N, A, 4)``.

    Raises:
        ConversionError: An output is missing, has another shape, or is not finite.
    """
    largest = 0.0
    for name, expected in source.items():
        got = converted.get(name)
        if got is None or got.shape != expected.shape:
            shape = None if got is None else got.shape
            raise ConversionError(f"output {name!r}: expected shape {expected.shape}, got {shape}")
        difference = np.abs(expected.astype(np.float64) - got.astype(np.float64))
        if not np.isfinite(difference).all():
            raise ConversionError(f"output {name!r}: the converted model answers NaN or infinity")
        largest = max(largest, float(difference.max(initial=0.0)))
    boxes = [np.asarray(side[box_output], dtype=np.float64) for side in (source, converted)]
    return Parity(len(boxes[0]), largest, float(box_iou(boxes[0], boxes[1]).mean()))


def produce(
    target: Path,
    convert: Callable[[Path], None],
    compare: Callable[[Path], Parity],
    max_abs_difference: float,
) -> Parity:
    """Convert to a draft, compare it, and put it in place only if it agrees.

    Args:
        target: Where the result goes; what lies there stays untouched on failure.
        convert: Writes the converted model to the path that it is given.
        compare: Opens that path and compares its answers with the source's.
        max_abs_difference: Largest difference of any output value that still agrees.

    Raises:
        ParityError: The converted model answers differently; nothing was written.
    """
    with draft_of(target) as draft:
        convert(draft)
        parity = compare(draft)
        if parity.max_abs_difference > max_abs_difference:
            raise ParityError(
                f"{target}: not written, because the converted model answers differently: largest "
                f"difference {parity.max_abs_difference:.2e} > {max_abs_difference:.0e} "
                f"over {parity.photos} photos (mean IoU {parity.mean_iou:.3f})"
            )
    return parity


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
