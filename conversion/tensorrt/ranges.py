"""The calibration cache of TensorRT, written without TensorRT.

Its calibrators write one line a tensor: the name and the value of one of 127 steps, as the eight
hexadecimal digits of a 32-bit float. With it a board needs no photos, and every machine computes
with the same ranges.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

_HEAD = "TRT-8000-EntropyCalibration2"
"""The version is replaced by that of the TensorRT that reads it."""
_STEPS = 127


def write_ranges(target: Path, peaks: Mapping[str, float]) -> None:
    """Write a calibration cache.

    Args:
        target: The file.
        peaks: Largest magnitude by tensor; tensors that are not in it stay in float.
    """
    lines = [f"{name}: {_step(peak)}" for name, peak in sorted(peaks.items()) if peak > 0]
    target.write_text("\n".join([_HEAD, *lines, ""]), encoding="utf-8", newline="\n")


def _step(peak: float) -> str:
    return struct.pack("!f", peak / _STEPS).hex()
