"""Builds TensorRT engines, with every version of its API from 8.2 to 11.

The converter builds with it, and so does the runtime when an engine was made for another machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from lightning_plates.drafts import write_bytes
from lightning_plates.errors import MissingDependencyError, ModelError
from lightning_plates.files import read_bytes
from lightning_plates.optional import require
from runtimes._cuda import CudaDevice
from runtimes._tensorrt_key import Host

_MIB = 1 << 20
_Made = TypeVar("_Made")


@dataclass
class TensorRt:
    """The package ``tensorrt`` and the errors that it logs: its functions only answer ``None``."""

    trt: ModuleType
    reasons: list[str] = field(default_factory=list)
    """Errors since the last look, the oldest first."""

    def __post_init__(self) -> None:
        severe = (self.trt.ILogger.INTERNAL_ERROR, self.trt.ILogger.ERROR)

        def log(_: object, severity: object, text: str) -> None:
            if severity in severe:
                self.reasons.append(text)

        # Made like this, because the base is known only now, and only by name.
        self.log = type("Log", (self.trt.ILogger,), {"log": log})()

    @property
    def version(self) -> str:
        """Major, minor and patch, e.g. ``"10.3.0"``; engines do not depend on more."""
        return ".".join(str(self.trt.__version__).split(".")[:3])

    def make(self, what: str, create: Callable[[], _Made | None]) -> _Made:
        """Create something, or say why TensorRT did not.

        Args:
            what: It, for the message.
            create: Gives it, or ``None``; constructors raise TypeError instead.

        Raises:
            ModelError: It was not made.
        """
        self.reasons.clear()
        try:
            made = create()
        except TypeError as error:  # pybind11: factory function returned nullptr
            raise ModelError(f"TensorRT has no {what} ({self._reason(str(error))})") from error
        if made is None:
            raise ModelError(f"TensorRT has no {what} ({self._reason('it gave no reason')})")
        return made

    def _reason(self, otherwise: str) -> str:
        return " ".join(self.reasons[0].split()) if self.reasons else otherwise


@dataclass(frozen=True, slots=True)
class Settings:
    """How an engine is built."""

    precision: str
    """``fp32``, ``fp16`` or ``int8``."""
    ranges: bytes | None
    """Calibration cache; ``None`` where the network has Q/DQ, or needs no INT8."""
    workspace_mb: int
    """Memory that TensorRT may use to compute one layer, in MiB."""
    timing_cache: Path | None
    """Times of kernels that were measured before; written back. A hint: it may be missing."""


def load_tensorrt() -> TensorRt:
    """Import TensorRT.

    Raises:
        MissingDependencyError: It is not installed, or its libraries are not.
    """
    try:
        return TensorRt(require("tensorrt", extra="tensorrt"))
    except MissingDependencyError:
        raise
    except (ImportError, OSError) as error:  # the wheel without NVIDIA's libraries
        raise MissingDependencyError(
            f"tensorrt is installed, but its libraries are not ({error}); see docs/tensorrt.md"
        ) from error


def describe_host(tensorrt: TensorRt, cuda: CudaDevice) -> Host:
    """What engines that are built here depend on."""
    return Host(cuda.name, cuda.compute_capability, tensorrt.version)


def build_engine(tensorrt: TensorRt, network: bytes, settings: Settings) -> bytes:
    """Build an engine for this machine; takes from seconds to an hour on a small board.

    Args:
        tensorrt: The package.
        network: An ONNX file with fixed shapes.
        settings: How to build.

    Raises:
        ModelError: TensorRT cannot read or build the network; the message is its first reason.
    """
    trt = tensorrt.trt
    builder = tensorrt.make("builder", lambda: trt.Builder(tensorrt.log))
    definition = _parse(tensorrt, builder, network)
    config = tensorrt.make("builder configuration", builder.create_builder_config)
    _limit_workspace(trt, config, settings.workspace_mb * _MIB)
    _choose_precision(trt, builder, config, settings)
    timings = _use_timings(config, settings.timing_cache)
    built = tensorrt.make(
        "engine for this network",
        lambda: builder.build_serialized_network(definition, config),
    )
    if settings.timing_cache is not None and timings is not None:
        write_bytes(settings.timing_cache, bytes(config.get_timing_cache().serialize()))
    return bytes(built)


def _parse(tensorrt: TensorRt, builder: Any, network: bytes) -> Any:  # noqa: ANN401 -- INetworkDefinition
    trt = tensorrt.trt
    # Up to TensorRT 9 an ONNX network must say so; 10 ignores it, and 11 has no such flag.
    explicit = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    flags = 0 if explicit is None else 1 << int(explicit)
    definition = tensorrt.make("network", lambda: builder.create_network(flags))
    parser = tensorrt.make("ONNX parser", lambda: trt.OnnxParser(definition, tensorrt.log))
    if not parser.parse(network):
        reason = _describe(parser.get_error(0)) if parser.num_errors else "it gave no reason"
        raise ModelError(f"TensorRT {tensorrt.version} cannot read the network ({reason})")
    return definition


def _describe(error: Any) -> str:  # noqa: ANN401 -- ParserError
    text = " ".join(error.desc().split())  # for an operator that it lacks, just "false"
    if error.node() < 0:
        return text
    if not hasattr(error, "node_operator"):  # before 10
        return f"{text}; node {error.node()}"
    return f"{text}; node {error.node()}, {error.node_operator()} {error.node_name()!r}"


def _limit_workspace(trt: ModuleType, config: Any, size_bytes: int) -> None:  # noqa: ANN401
    if hasattr(config, "set_memory_pool_limit"):  # from 8.4 on
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, size_bytes)
    else:
        config.max_workspace_size = size_bytes


def _choose_precision(trt: ModuleType, builder: Any, config: Any, settings: Settings) -> None:  # noqa: ANN401
    # TensorFloat-32 has ten bits of mantissa; a file that is called FP32 computes in FP32.
    config.clear_flag(trt.BuilderFlag.TF32)
    if settings.precision == "int8" and not getattr(builder, "platform_has_fast_int8", True):
        raise ModelError("this GPU does not compute in INT8 (a Jetson Nano cannot); use fp16")
    if settings.ranges is not None:
        config.int8_calibrator = _make_calibrator(trt, settings.ranges)
    for name in {"fp16": ("FP16",), "int8": ("INT8", "FP16")}.get(settings.precision, ()):
        flag = getattr(trt.BuilderFlag, name, None)
        if flag is not None:  # 11 has none: there the types of the network decide
            config.set_flag(flag)


def _make_calibrator(trt: ModuleType, ranges: bytes) -> Any:  # noqa: ANN401 -- a class made here
    """A calibrator that knows all ranges already, so that no photo crosses to the GPU.

    Raises:
        ModelError: This version calibrates no more.
    """
    base = getattr(trt, "IInt8EntropyCalibrator2", None)
    if base is None:
        raise ModelError(
            f"TensorRT {trt.__version__} has no calibrators any more; convert with --quantise qdq"
        )
    cache = with_version(ranges, cache_version(str(trt.__version__)))
    methods: dict[str, Callable[..., Any]] = {
        "get_batch_size": lambda _: 1,
        "get_batch": lambda _, names: None,
        "read_calibration_cache": lambda _: cache,
        "write_calibration_cache": lambda _, written: None,
    }
    return type("Calibrator", (base,), dict(methods))()


def cache_version(version: str) -> str:
    """How a calibration cache writes a version: 8.2.1 is ``"8201"``, 10.3.0 is ``"100300"``.

    From 10 on NV_TENSORRT_VERSION has two digits for the minor number (``NvInferVersion.h``).
    """
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    wide = 10000 if major >= 10 else 1000
    return str(major * wide + minor * 100 + patch)


def with_version(ranges: bytes, version: str) -> bytes:
    """The calibration cache ``ranges`` with the version in its first line that TensorRT expects.

    It reads no cache of another version, though the ranges in it are the same.
    """
    return re.sub(rb"^TRT-\d+-", f"TRT-{version}-".encode(), ranges, count=1)


def _use_timings(config: Any, file: Path | None) -> Any:  # noqa: ANN401 -- ITimingCache
    """Let the builder reuse measured times; those of another GPU or version it ignores."""
    if file is None:
        return None
    known = read_bytes(file) if file.exists() else b""
    timings = config.create_timing_cache(known) or config.create_timing_cache(b"")
    if timings is not None:
        config.set_timing_cache(timings, ignore_mismatch=False)
    return timings
