"""Writes a Q/DQ file with the choice of float layers that was asked for, or that measures best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conversion._base import Job, measure_trial
from conversion.gate.parity import Parity
from conversion.int8.keep_float import Layers, settle_layers
from conversion.int8.qdq import Quantiser


def write_quantised(
    job: Job, quantiser: Quantiser, target: Path, keep_float: Sequence[str] | None, search: bool
) -> dict[str, Any]:
    """Choose, and write.

    Args:
        job: The conversion; trials are compared on its calibration photos by ONNX Runtime.
        quantiser: The hub with calibrated ranges.
        target: The ``.onnx`` file.
        keep_float: Layers to leave in float; ``None`` tries the outermost ones.
        search: Whether every layer is tried too.

    Returns:
        What the manifest says of it.
    """
    trial = job.scratch / "trial" / "trial.onnx"

    def measure(kept: Layers) -> tuple[Parity, int]:
        trial.parent.mkdir(exist_ok=True)
        quantiser.write(trial, kept)
        return measure_trial(job, trial, "onnxruntime")

    choice = settle_layers(quantiser.layers, keep_float, measure, search)
    quantiser.write(target, choice.kept)
    return choice.describe()
