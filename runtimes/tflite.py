"""TensorFlow Lite by the LiteRT interpreter: phones, boards, integer-only accelerators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_plates.errors import ModelError
from lightning_plates.optional import require
from runtimes._base import Runtime, Specs, Tensors, TensorSpec

_FLOAT32 = np.dtype("float32")


@dataclass(frozen=True, slots=True)
class Steps:
    """How the integers of a quantised tensor stand for real values."""

    dtype: np.dtype[np.generic]
    """Type of the tensor."""
    scale: float
    """Real value of one step."""
    zero_point: int
    """The integer that stands for 0."""

    def quantise(self, values: NDArray[Any]) -> NDArray[Any]:
        """Real values → integers, shape unchanged; values out of range are cut off."""
        limits = np.iinfo(str(self.dtype))
        steps = np.rint(values / np.float32(self.scale)) + self.zero_point
        held: NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(self.dtype)
        return held

    def dequantise(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Integers → real values, shape unchanged."""
        real: NDArray[np.float32] = values.astype(np.float32) - np.float32(self.zero_point)
        return real * np.float32(self.scale)


class TfliteRuntime(Runtime):
    """Runs ``.tflite`` files; quantised inputs and outputs are float32 to its callers."""

    label, module, extra, suffixes = "TensorFlow Lite", "ai_edge_litert", "tflite", (".tflite",)

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        litert = require("ai_edge_litert.interpreter", extra=self.extra)
        try:
            self._interpreter = litert.Interpreter(str(model), num_threads=threads)
            self._interpreter.allocate_tensors()
            self._signature = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{model}: LiteRT cannot open it ({error})") from error
        inputs = self._signature.get_input_details()
        outputs = self._signature.get_output_details()
        self._steps = {name: _steps(detail) for name, detail in {**inputs, **outputs}.items()}
        return _tensor_specs(inputs), _tensor_specs(outputs)

    def _run(self, feeds: Tensors) -> Tensors:
        held = {name: self._quantise(name, values) for name, values in feeds.items()}
        try:
            answers = self._signature(**held)
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{self.model}: LiteRT failed ({error})") from error
        return {name: self._dequantise(name, values) for name, values in answers.items()}

    def _quantise(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        steps = self._steps[name]
        return values if steps is None else steps.quantise(values)

    def _dequantise(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        steps = self._steps[name]
        return values if steps is None else steps.dequantise(values)

    def _close(self) -> None:
        del self._signature, self._interpreter


def _steps(detail: Mapping[str, Any]) -> Steps | None:
    """``None`` where the tensor holds real values."""
    scale, zero_point = detail["quantization"]
    return Steps(np.dtype(detail["dtype"]), float(scale), int(zero_point)) if scale else None


def _tensor_specs(details: Mapping[str, Mapping[str, Any]]) -> Specs:
    return tuple(
        TensorSpec(
            name,
            tuple(int(size) for size in detail["shape"]),
            _FLOAT32 if _steps(detail) else np.dtype(detail["dtype"]),
        )
        for name, detail in details.items()
    )
