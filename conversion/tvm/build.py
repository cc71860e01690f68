"""Generates code for a lowered network and writes it as a library that describes itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conversion.tvm.schedule import schedule_module
from conversion.tvm.target import Machine, linker_for
from lightning_plates.errors import ConversionError
from lightning_plates.optional import require
from runtimes._base import TensorSpec

CHECKED_FEATURES = ("avx2", "fma", "avx512f")
"""What a processor may lack that the library was made for; then it would be killed."""
_ELF = b"\x7fELF"
"""Begins a library, and each program for a graphics processor inside one."""
_FATBIN = bytes.fromhex("50ed55ba")
"""Begins several such programs together (``fatbinary.h`` of the CUDA toolkit)."""


def add_schedules(module: Any, machine: Machine) -> Any:  # noqa: ANN401 -- tvm.IRModule
    """Schedule what was not tuned: ours for processors, TVM's own for graphics processors."""
    if not machine.is_gpu:
        return schedule_module(module, machine.target)
    dlight = require("tvm.s_tir.dlight", extra="tvm")
    rules = [getattr(dlight.gpu, name)() for name in ("Matmul", "GEMV", "Reduction", "Fallback")]
    with machine.target:
        return dlight.ApplyDefaultSchedule(*rules)(module)


def write_library(
    module: Any,  # noqa: ANN401 -- tvm.IRModule
    machine: Machine,
    tensors: tuple[Sequence[TensorSpec], Sequence[TensorSpec]],
    target: Path,
    compiler: str | None = None,
) -> None:
    """Compile a scheduled module and link it.

    Args:
        module: Functions with their schedules.
        machine: What it is for.
        tensors: The inputs and outputs, in order.
        target: The ``.so`` file.
        compiler: Command of a C compiler; ``None`` looks for one.

    Raises:
        ConversionError: TVM or the linker failed.
        MissingDependencyError: There is no C compiler for the machine.
    """
    link = linker_for(machine.architecture, compiler)
    relax = require("tvm.relax", extra="tvm")
    try:
        described = _with_facts(module, _facts(machine, *tensors))
        built = relax.build(described, machine.target, relax_pipeline=_rest(machine))
        built.export_library(str(target), fcompile=link)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConversionError(f"TVM cannot generate code for {machine.name} ({reason})") from error
    if machine.is_gpu:
        require_kernels(target)


def require_kernels(library: Path) -> None:
    """Refuse a library for a graphics processor that holds the kernels' source alone.

    Without a driver TVM stores the source and says nothing; such a library cannot be run anywhere.

    Raises:
        ConversionError: There is no machine code of a kernel in it.
    """
    data = library.read_bytes()
    if _FATBIN not in data and data.count(_ELF) < 2:
        raise ConversionError(
            f"{library.name}: TVM did not compile the kernels; it does so only where there is "
            "an NVIDIA driver with NVRTC (pip install cuda-bindings nvidia-cuda-nvrtc)"
        )


def _facts(
    machine: Machine, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> dict[str, Any]:
    """What a runtime must know of the library and cannot read from it."""

    def rows(tensors: Sequence[TensorSpec]) -> list[list[Any]]:
        return [[tensor.name, list(tensor.shape), str(tensor.dtype)] for tensor in tensors]

    return {
        "inputs": rows(inputs),
        "outputs": rows(outputs),
        "device": "cuda" if machine.is_gpu else "cpu",
        "features": [] if machine.is_gpu else _features(machine),
    }


def _features(machine: Machine) -> list[str]:
    codegen = require("tvm.target.codegen", extra="tvm")
    if machine.architecture != "x86_64":
        return []
    return [
        name for name in CHECKED_FEATURES if codegen.llvm_cpu_has_features(name, machine.target)
    ]


def _with_facts(module: Any, facts: dict[str, Any]) -> Any:  # noqa: ANN401 -- tvm.IRModule
    """Add a function without inputs that gives the facts as bytes of JSON."""
    tvm = require("tvm", extra="tvm")
    relax = require("tvm.relax", extra="tvm")
    text = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    builder = relax.BlockBuilder()
    with builder.function("facts", []):
        builder.emit_func_output(relax.const(text, "uint8"))
    result = tvm.IRModule(dict(module.functions_items()), attrs=module.attrs)
    result["facts"] = builder.get()["facts"]
    return result


def _rest(machine: Machine) -> Any:  # noqa: ANN401 -- a tvm pass
    """The steps behind lowering and scheduling, which TVM's pipeline would do once more."""
    tvm = require("tvm", extra="tvm")
    kind = "cuda" if machine.is_gpu else "cpu_generic"
    pipeline = require(f"tvm.relax.backend.{kind}.pipeline", extra="tvm")
    lower = pipeline.dataflow_lower_passes(machine.target)
    return tvm.transform.Sequential([*lower, *pipeline.finalize_passes(machine.target)])
