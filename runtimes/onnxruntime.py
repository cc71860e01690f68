"""ONNX Runtime: the reference that every other runtime is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.drafts import draft_of, replaceable
from lightning_plates.errors import InputError, ModelError, SpecError
from lightning_plates.optional import require
from lightning_plates.spec import METADATA_KEY, ModelSpec
from runtimes._base import Runtime, Specs, Tensors, TensorSpec
from runtimes._onnxruntime_providers import Plugin, add_plugin, load_provider

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "nv-tensorrt-rtx": "NvTensorRTRTXExecutionProvider",
}
_PLUGINS = {"nv-tensorrt-rtx": Plugin("onnxruntime_ep_nv_tensorrt_rtx", "nv-tensorrt-rtx")}
"""Devices whose provider is a package of its own."""
_BATCH_AXIS = "N"
"""The name that ``conversion.hub`` gives to the axis of the photos."""
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

    label, module, extra, suffixes = "ONNX Runtime", "onnxruntime", "", (".onnx", ".ort")
    devices = tuple(_PROVIDERS)
    reentrant = True

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        ort = require(self.module, extra=self.extra)
        provider = _PROVIDERS[device]
        options = ort.SessionOptions()
        options.log_severity_level = 4  # fatal: errors come as exceptions too
        if threads is not None:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
        if device != "cpu":
            _allow_only_the_device(options)
        if device in _PLUGINS:
            add_plugin(ort, options, provider, _PLUGINS[device])
            chosen = None  # the options name it already
        else:
            _require_provider(device, ort.get_available_providers())
            load_provider(ort, device)
            chosen = [provider]
        refusals: tuple[type[Exception], ...] = (*library_errors(ort), RuntimeError)
        try:
            # Without the fallback of the Python layer, which prints a banner and takes the CPU.
            self._session = ort.InferenceSession(
                str(model), options, providers=chosen, enable_fallback=False
            )
        except refusals as error:
            reason = " ".join(str(error).split())
            raise ModelError(f"{model}: ONNX Runtime cannot open it ({reason})") from error
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
        try:
            text: str | None = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        except UnicodeDecodeError as error:
            raise SpecError(f"{self.model}: its metadata is no text ({error})") from error
        return text

    def store_spec(self, spec: ModelSpec, target: Path) -> None:
        """Write the model with another spec in its metadata; see :meth:`Runtime.store_spec`."""
        if self.model.suffix != ".onnx":
            super().store_spec(spec, target)
            return
        self.check_storable(target)
        onnx = require("onnx", extra="convert")
        model = onnx.load(str(self.model))
        others = {p.key: p.value for p in model.metadata_props if p.key != METADATA_KEY}
        onnx.helper.set_model_props(model, {**others, METADATA_KEY: spec.to_json()})
        with draft_of(target) as draft:
            onnx.save(model, str(draft))

    def check_storable(self, target: Path) -> None:
        """Make sure that ``target`` can be written; see :meth:`Runtime.check_storable`."""
        if self.model.suffix != ".onnx":  # the metadata of .ort files has no public writer
            super().check_storable(target)
            return
        require("onnx", extra="convert")
        if target.suffix != ".onnx":
            raise InputError(f"{target}: the model's name must end in .onnx")
        replaceable(target)

    def _close(self) -> None:
        del self._session


def _require_provider(device: str, available: list[str]) -> None:
    provider = _PROVIDERS[device]
    if provider not in available:
        raise ModelError(
            f"device {device!r} needs {provider}, this ONNX Runtime has {', '.join(available)}; "
            "the build for NVIDIA is: pip install 'lightning-plates[gpu]' (docs/tensorrt.md)"
        )


def _allow_only_the_device(options: Any) -> None:  # noqa: ANN401 -- onnxruntime.SessionOptions
    """Refuse a graph that would run in part on the processor.

    With the batch fixed to one every shape is a constant. Else the nodes that compute shapes, which
    every provider leaves to the processor on purpose, would be refused too.
    """
    options.add_free_dimension_override_by_name(_BATCH_AXIS, 1)
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")


def _tensor_spec(node: Any) -> TensorSpec:  # noqa: ANN401 -- onnxruntime.NodeArg ships no types
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return TensorSpec(node.name, shape, np.dtype(_DTYPES.get(node.type, "object")))


def library_errors(ort: Any) -> tuple[type[Exception], ...]:  # noqa: ANN401 -- a module
    """The exceptions that ONNX Runtime's C++ core raises; they share no base but Exception."""
    state = ort.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile",
             "NotImplemented", "RuntimeException", "EPFail", "NoModel", "ModelLoaded")  # fmt: skip
    return tuple(getattr(state, name) for name in names if hasattr(state, name))
