"""OpenVINO: Intel's runtime, for processors and graphics of laptops, servers and small boards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.errors import ModelError
from lightning_plates.optional import require
from runtimes._base import Runtime, Specs, Tensors, TensorSpec

_DEVICES = {"cpu": "CPU", "gpu": "GPU", "npu": "NPU"}


class OpenVinoRuntime(Runtime):
    """Runs ``.xml`` files (with their ``.bin``) with OpenVINO.

    It computes in the precision that the file has. OpenVINO's own default would use bfloat16
    where the processor has it, and then FP32 files do not answer like their source.
    """

    label, module, extra, suffixes = "OpenVINO", "openvino", "openvino", (".xml",)
    devices = tuple(_DEVICES)

    def _files(self, model: Path) -> list[Path]:
        weights = model.with_suffix(".bin")
        return [model, weights] if weights.exists() or weights.is_symlink() else [model]

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        ov = require(self.module, extra=self.extra)
        core = ov.Core()
        target = _device(device, core.available_devices)
        options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        try:
            self._compiled = core.compile_model(core.read_model(str(model)), target, options)
        except RuntimeError as error:
            raise ModelError(f"{model}: OpenVINO cannot open it ({_reason(error)})") from error
        inputs = tuple(_tensor_spec(port) for port in self._compiled.inputs)
        return inputs, tuple(_tensor_spec(port) for port in self._compiled.outputs)

    def _run(self, feeds: Tensors) -> Tensors:
        try:
            answer = self._compiled(dict(feeds))
        except RuntimeError as error:
            raise ModelError(f"{self.model}: OpenVINO failed ({_reason(error)})") from error
        return {tensor.name: np.array(answer[tensor.name]) for tensor in self.outputs}

    def _close(self) -> None:
        del self._compiled


def _device(device: str, available: list[str]) -> str:
    target = _DEVICES[device]
    if not any(name.partition(".")[0] == target for name in available):
        raise ModelError(f"device {device!r}: OpenVINO finds only {', '.join(available)} here")
    return target


def _tensor_spec(port: Any) -> TensorSpec:  # noqa: ANN401 -- an openvino port
    shape = tuple(
        None if size.is_dynamic else size.get_length() for size in port.get_partial_shape()
    )
    return TensorSpec(port.any_name, shape, np.dtype(port.element_type.to_dtype()))


def _reason(error: RuntimeError) -> str:
    """The reason at the end of OpenVINO's text, which begins with places in its source code."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
