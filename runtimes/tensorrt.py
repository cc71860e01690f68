"""TensorRT: NVIDIA's compiler for its own GPUs, from Jetson boards to servers."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.drafts import draft_files_in
from lightning_plates.errors import ModelError
from lightning_plates.files import read_bytes
from runtimes._base import Runtime, Specs, Tensors, TensorSpec
from runtimes._cuda import CudaDevice
from runtimes._tensorrt_build import (
    Settings,
    TensorRt,
    build_engine,
    describe_host,
    load_tensorrt,
)
from runtimes._tensorrt_key import (
    NETWORK_SUFFIX,
    RANGES_SUFFIX,
    EngineKey,
    Host,
    beside,
    read_key,
    sha256_of,
    write_key,
)

_log = logging.getLogger(__name__)

_DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "BOOL": "bool",
}
"""NumPy's name by TensorRT's; ``trt.nptype`` of version 8 asks NumPy for names that it dropped."""


class TensorRtRuntime(Runtime):
    """Runs ``.engine`` files with TensorRT.

    An engine that was built for another GPU or version is built again from the network beside it,
    and put in its place.
    """

    label, module, extra, suffixes = "TensorRT", "tensorrt", "tensorrt", (".engine",)
    devices = ("cuda",)

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        # threads: a GPU is not divided like that.
        tensorrt = load_tensorrt()
        self._cuda = CudaDevice()
        try:
            engine = fitting_engine(tensorrt, self._cuda, model)
            self._tensorrt, self._engine = tensorrt, engine
            self._context = tensorrt.make("execution context", engine.create_execution_context)
            tensors = list(_tensors(tensorrt, engine))
            self._addresses = {
                tensor.name: self._cuda.allocate(_size_bytes(tensor)) for tensor, _ in tensors
            }
        except ModelError:
            self._cuda.close()
            raise
        inputs = tuple(tensor for tensor, is_input in tensors if is_input)
        return inputs, tuple(tensor for tensor, is_input in tensors if not is_input)

    def _run(self, feeds: Tensors) -> Tensors:
        self._cuda.use()
        for name, values in feeds.items():
            self._cuda.write(self._addresses[name], values)
        self._execute()
        self._cuda.wait()
        return {
            tensor.name: self._cuda.read(self._addresses[tensor.name], _fixed(tensor), tensor.dtype)
            for tensor in self.outputs
        }

    def _execute(self) -> None:
        self._tensorrt.reasons.clear()
        if hasattr(self._context, "execute_async_v3"):  # from 8.5 on
            for name, address in self._addresses.items():
                self._context.set_tensor_address(name, address)
            done = self._context.execute_async_v3(self._cuda.stream)
        else:
            addresses = list(self._addresses.values())  # in the engine's order
            done = self._context.execute_async_v2(addresses, self._cuda.stream)
        if not done:
            reason = " ".join(self._tensorrt.reasons) or "it gave no reason"
            raise ModelError(f"{self.model}: TensorRT failed ({reason})")

    def _close(self) -> None:
        del self._context, self._engine  # before the memory that they use
        self._cuda.close()


def fitting_engine(tensorrt: TensorRt, cuda: CudaDevice, model: Path) -> Any:  # noqa: ANN401 -- ICudaEngine
    """Open the engine in ``model``, built again if it is for another machine.

    Raises:
        ModelError: It is damaged, or does not fit and cannot be built again; the message says why.
    """
    key, here = read_key(model), describe_host(tensorrt, cuda)
    data = read_bytes(model)
    if not key.matches(data):
        raise ModelError(f"{model}: damaged, it is not the file that its key describes")
    _check_network(model, key)
    if key.built_for is None:  # by trtexec, here or elsewhere
        try:
            return _deserialise(tensorrt, model, data)
        except ModelError as error:
            _log.warning("%s; building it again for %s", error, here)
            data = _rebuild(tensorrt, model, key, here)
    elif key.built_for != here:
        _log.warning("%s: built for %s; building it again for %s", model, key.built_for, here)
        data = _rebuild(tensorrt, model, key, here)
    return _deserialise(tensorrt, model, data)


def default_timing_cache(host: Host) -> Path:
    """Where the times of kernels on ``host`` are kept between builds."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    name = f"{host.device}-{host.compute_capability}-{host.tensorrt}.timing".replace(" ", "_")
    return folder / "lightning-plates" / "tensorrt" / name


def _check_network(model: Path, key: EngineKey) -> None:
    """Refuse files beside the engine that belong to another one; missing ones are no harm yet."""
    for suffix, expected in (
        (NETWORK_SUFFIX, key.recipe.network_sha256),
        (RANGES_SUFFIX, key.recipe.ranges_sha256),
    ):
        file = beside(model, suffix)
        if expected and file.exists() and sha256_of(read_bytes(file)) != expected:
            raise ModelError(
                f"{model}: not built from the {file.name} beside it; convert the hub file again"
            )


def _deserialise(tensorrt: TensorRt, model: Path, data: bytes) -> Any:  # noqa: ANN401 -- ICudaEngine
    try:
        runtime = tensorrt.make("runtime", lambda: tensorrt.trt.Runtime(tensorrt.log))
        return tensorrt.make("use for this file", lambda: runtime.deserialize_cuda_engine(data))
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from error


def _rebuild(tensorrt: TensorRt, model: Path, key: EngineKey, here: Host) -> bytes:
    network, ranges = beside(model, NETWORK_SUFFIX), beside(model, RANGES_SUFFIX)
    wanted = [network, ranges] if key.recipe.ranges_sha256 else [network]
    missing = [file.name for file in wanted if not file.exists()]
    if missing:
        raise ModelError(
            f"{model}: built for {key.built_for or 'another machine'}, this is {here}; to build it "
            f"again {' and '.join(missing)} must lie beside it"
        )
    settings = Settings(
        key.recipe.precision,
        read_bytes(ranges) if key.recipe.ranges_sha256 else None,
        key.recipe.workspace_mb,
        default_timing_cache(here),
    )
    try:
        data = build_engine(tensorrt, read_bytes(network), settings)
        with draft_files_in(model.parent) as drafts:
            (drafts / model.name).write_bytes(data)
            write_key(drafts / model.name, key.built(here, data))
    except ModelError as error:
        raise ModelError(f"{model}: cannot be built for {here}: {error}") from error
    except OSError as error:
        raise ModelError(
            f"{model}: must be built again for {here}, but cannot be written ({error})"
        ) from error
    return data


def _tensors(tensorrt: TensorRt, engine: Any) -> Iterator[tuple[TensorSpec, bool]]:  # noqa: ANN401 -- ICudaEngine
    """Inputs (true) and outputs, in the engine's order."""
    if not hasattr(engine, "num_io_tensors"):  # before 8.5
        yield from _bindings(engine)
        return
    for number in range(engine.num_io_tensors):
        name = engine.get_tensor_name(number)
        tensor = _tensor_spec(name, engine.get_tensor_shape(name), engine.get_tensor_dtype(name))
        yield tensor, engine.get_tensor_mode(name) == tensorrt.trt.TensorIOMode.INPUT


def _bindings(engine: Any) -> Iterator[tuple[TensorSpec, bool]]:  # noqa: ANN401 -- ICudaEngine
    for number in range(engine.num_bindings):
        shape, dtype = engine.get_binding_shape(number), engine.get_binding_dtype(number)
        tensor = _tensor_spec(engine.get_binding_name(number), shape, dtype)
        yield tensor, engine.binding_is_input(number)


def _tensor_spec(name: str, shape: Any, dtype: Any) -> TensorSpec:  # noqa: ANN401 -- Dims, DataType
    sizes = tuple(int(size) for size in shape)
    return TensorSpec(name, sizes, np.dtype(_DTYPES.get(dtype.name, "object")))


def _fixed(tensor: TensorSpec) -> tuple[int, ...]:
    """The shape; engines of ours have no open axis."""
    return tuple(size for size in tensor.shape if size is not None)


def _size_bytes(tensor: TensorSpec) -> int:
    return int(np.prod(_fixed(tensor), dtype=np.int64)) * tensor.dtype.itemsize
