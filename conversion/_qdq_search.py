"""Writes a Q/DQ file with the choice of float layers that was asked for, or that measures best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conversion._base import Job, measure_trial
from conversion._keep_float import Layers, choose_layers
from conversion._parity import Parity
from conversion._qdq import Quantiser


def write_quantised(
    job: Job, quantiser: Quantiser, target: Path, keep_float: Sequence[str] | None, search: bool
) -> dict[str, Any]:
    """Choose, and write.

    Args:
        job: The conversion; trials are compared on its calibration photos by ONNX Runtime.
        quantiser: The hub with calibrated ranges.
        target: The ``.onnx`` file.
        keep_float: Layers to leave in float; ``None`` tries the last ones.
        search: Whether every layer is tried too.

    Returns:
        What the manifest says of it.
    """
    if keep_float is not None:
        quantiser.write(target, keep_float)
        return {"kept_float": list(keep_float)}
    folder = job.scratch / "trial"
    folder.mkdir()

    def measure(kept: Layers) -> tuple[Parity, int]:
        quantiser.write(folder / "trial.onnx", kept)
        return measure_trial(job, folder / "trial.onnx", "onnxruntime")

    trials = choose_layers(quantiser.layers, measure, every_layer=search)
    quantiser.write(target, trials[0].kept)
    return {
        "kept_float": list(trials[0].kept),
        "trials": [trial.describe() for trial in trials],
    }
