"""Core ML: Apple's runtime, for processor, graphics and neural engine of phones and Macs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.errors import ModelError
from lightning_plates.optional import require
from runtimes._base import Runtime, Specs, Tensors, TensorSpec
from runtimes._coremltools import load_coremltools

_UNITS = {"all": "ALL", "cpu": "CPU_ONLY", "gpu": "CPU_AND_GPU", "ane": "CPU_AND_NE"}
_REFERENCE = "reference"
_FLOAT32 = np.dtype("float32")


class CoreMlRuntime(Runtime):
    """Runs ``.mlpackage`` folders with Core ML, batch of one; on Apple's systems only.

    The device ``reference`` computes the package's program with PyTorch in float32 anywhere. It is
    slow and there to check files that were converted on another system.
    """

    label, module, extra, suffixes = "Core ML", "coremltools", "coreml", (".mlpackage",)
    is_folder = True
    devices = (*_UNITS, _REFERENCE)

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        ct = load_coremltools()
        decode_error = require("google.protobuf.message", extra=self.extra).DecodeError
        try:
            description = ct.utils.load_spec(str(model)).description
            opened = _reference(model) if device == _REFERENCE else _load(ct, model, device)
        except (OSError, RuntimeError, ValueError, decode_error) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ModelError(f"{model}: coremltools cannot open it ({reason})") from error
        self._program: Any = opened
        return _tensor_specs(description.input), _tensor_specs(description.output)

    def _run(self, feeds: Tensors) -> Tensors:
        try:
            answers = self._program.predict(dict(feeds))
        except RuntimeError as error:
            raise ModelError(f"{self.model}: Core ML failed ({error})") from error
        return {t.name: np.asarray(answers[t.name], _FLOAT32) for t in self.outputs}

    def _close(self) -> None:
        del self._program


def _load(ct: Any, model: Path, device: str) -> Any:  # noqa: ANN401 -- coremltools.models.MLModel
    if sys.platform != "darwin":
        raise ModelError(
            f"{model}: Core ML runs on Apple's systems only; "
            f"device {_REFERENCE!r} computes the file anywhere, slowly, to check it"
        )
    return ct.models.MLModel(str(model), compute_units=ct.ComputeUnit[_UNITS[device]])


def _reference(model: Path) -> Any:  # noqa: ANN401 -- runtimes._coreml_reference.Program
    from runtimes._coreml_reference import Program  # here: it imports torch

    return Program(model)


def _tensor_specs(features: Any) -> Specs:  # noqa: ANN401 -- protobuf messages
    return tuple(
        TensorSpec(feature.name, tuple(feature.type.multiArrayType.shape), _FLOAT32)
        for feature in features
    )
