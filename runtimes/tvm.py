"""TVM: code generated for one network and one machine, as a shared library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from lightning_plates.errors import ModelError
from lightning_plates.optional import require
from lightning_plates.schema import convert, parse_json
from runtimes._base import Runtime, Specs, Tensors, TensorSpec
from runtimes._elf import check_library, require_features

_Row: TypeAlias = tuple[str, tuple[int, ...], str]
"""Name, shape and type of a tensor."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the converter wrote into the library about itself."""

    inputs: tuple[_Row, ...]
    outputs: tuple[_Row, ...]
    device: str
    features: list[str]


class TvmRuntime(Runtime):
    """Runs ``.so`` files of TVM. Like any library they are programs: open only those you trust.

    ``threads`` holds for every TVM model of the process.
    """

    label, module, extra, suffixes = "TVM", "tvm", "tvm", (".so",)
    devices = ("cpu", "cuda")

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        check_library(model)
        tvm = require(self.module, extra=self.extra)
        relax = require("tvm.relax", extra=self.extra)
        if threads is not None:
            # 1: prefer the fast cores of a processor that has two kinds
            tvm.get_global_func("runtime.config_threadpool")(1, threads)
        try:
            library = tvm.runtime.load_module(str(model.resolve()))
            facts = _facts(relax.VirtualMachine(library, tvm.cpu()), model)
            self._check_device(tvm, model, facts.device, device)
            require_features(model, facts.features)
            self._place = tvm.device(device)
            self._machine = relax.VirtualMachine(library, self._place)
            return _tensor_specs(facts.inputs), _tensor_specs(facts.outputs)
        except (RuntimeError, OSError, AttributeError, ValueError, TypeError) as error:
            raise ModelError(f"{model}: TVM cannot open it ({_reason(error)})") from error

    def _run(self, feeds: Tensors) -> Tensors:
        tvm = require(self.module, extra=self.extra)
        values = [tvm.runtime.tensor(feeds[tensor.name], self._place) for tensor in self.inputs]
        try:
            answer = self._machine["main"](*values)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self.model}: TVM failed ({_reason(error)})") from error
        answers = [answer] if len(self.outputs) == 1 else list(answer)
        return {
            tensor.name: np.array(values.numpy())
            for tensor, values in zip(self.outputs, answers, strict=True)
        }

    def _close(self) -> None:
        del self._machine

    def _check_device(self, tvm: Any, model: Path, made_for: str, device: str) -> None:  # noqa: ANN401 -- the package
        if made_for != device:
            raise ModelError(f"{model}: made for {made_for!r}, not for device {device!r}")
        if not tvm.device(device).exist:
            raise ModelError(f"device {device!r}: TVM finds none here")


def _facts(machine: Any, model: Path) -> _Facts:  # noqa: ANN401 -- relax.VirtualMachine
    source = f"{model}: its facts"
    text = machine["facts"]().numpy().tobytes()
    return convert(parse_json(text, source, ModelError), _Facts, source, ModelError)


def _tensor_specs(rows: tuple[_Row, ...]) -> Specs:
    return tuple(TensorSpec(name, shape, np.dtype(dtype)) for name, shape, dtype in rows)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
