"""ONNX Runtime: the reference that every other runtime is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.errors import InputError, ModelError
from lightning_plates.optional import require
from lightning_plates.spec import METADATA_KEY
from runtimes._base import Runtime, Specs, Tensors, TensorSpec

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
}


class OnnxRuntime(Runtime):
    """Runs ``.onnx`` files and the mobile format ``.ort`` with ONNX Runtime."""

    label, module, extra, suffixes = "ONNX Runtime", "onnxruntime", "onnx", (".onnx", ".ort")

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        ort = require(self.module, extra=self.extra)
        provider = _provider(device, ort.get_available_providers())
        options = ort.SessionOptions()
        options.log_severity_level = 3  # 3: errors only; graph-optimiser warnings are no news
        if threads is not None:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(str(model), options, providers=[provider])
        except library_errors(ort) as error:
            raise ModelError(f"{model}: ONNX Runtime cannot open it ({error})") from error
        if self._session.get_providers()[0] != provider:
            raise ModelError(f"{model}: asked for {provider}, got {self._session.get_providers()}")
        inputs = tuple(_tensor_spec(node) for node in self._session.get_inputs())
        return inputs, tuple(_tensor_spec(node) for node in self._session.get_outputs())

    def _run(self, feeds: Tensors) -> Tensors:
        names = [tensor.name for tensor in self.outputs]
        ort = require(self.module, extra=self.extra)
        try:
            values = self._session.run(names, dict(feeds))
        except library_errors(ort) as error:
            raise ModelError(f"{self.model}: ONNX Runtime failed ({error})") from error
        return dict(zip(names, values, strict=True))

    def _spec_json(self) -> str | None:
        text: str | None = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        return text

    def _close(self) -> None:
        del self._session


def _provider(device: str, available: list[str]) -> str:
    provider = _PROVIDERS.get(device)
    if provider is None:
        raise InputError(f"unknown device {device!r} (choose from: {', '.join(_PROVIDERS)})")
    if provider not in available:
        raise ModelError(f"device {device!r} needs {provider}; this ONNX Runtime has {available}")
    return provider


def _tensor_spec(node: Any) -> TensorSpec:  # noqa: ANN401 -- onnxruntime.NodeArg ships no types
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return TensorSpec(node.name, shape, np.dtype(_DTYPES.get(node.type, "object")))


def library_errors(ort: Any) -> tuple[type[Exception], ...]:  # noqa: ANN401 -- a module
    """The exceptions that ONNX Runtime's C++ core raises; they share no base but Exception."""
    state = ort.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile",
             "NotImplemented", "RuntimeException", "EPFail", "NoModel", "ModelLoaded")  # fmt: skip
    return tuple(getattr(state, name) for name in names if hasattr(state, name))
