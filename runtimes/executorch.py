"""ExecuTorch: PyTorch's runtime for phones and boards, with XNNPACK's kernels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.errors import ModelError, SpecError
from lightning_plates.optional import require
from lightning_plates.tasks import task_of
from runtimes._base import Runtime, Specs, Tensors, TensorSpec

_FLOAT32 = np.dtype("float32")
_METHOD = "forward"


class ExecuTorchRuntime(Runtime):
    """Runs ``.pte`` files with ExecuTorch, batch of one.

    Its Python package needs torch; a program in C++ or an app does not. The number of threads is
    the library's own choice: Python cannot set it.
    """

    label, module, extra, suffixes = "ExecuTorch", "executorch", "executorch", (".pte",)

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        self._torch = require("torch", extra=self.extra)
        library = _load_library(self.extra)
        names = self._names(model)
        try:
            self._program = library.Runtime.get().load_program(model)
            self._method = self._program.load_method(_METHOD)
            meta = self._method.metadata
            inputs = [meta.input_tensor_meta(i).sizes() for i in range(meta.num_inputs())]
            outputs = [meta.output_tensor_meta(i).sizes() for i in range(meta.num_outputs())]
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{model}: ExecuTorch cannot open it ({_reason(error)})") from error
        if (len(inputs), len(outputs)) != (1, len(names) - 1):
            raise SpecError(
                f"{model}: the spec names {len(names) - 1} outputs, the graph has {len(outputs)}"
            )
        found = tuple(
            TensorSpec(name, tuple(int(size) for size in shape), _FLOAT32)
            for name, shape in zip(names, inputs + outputs, strict=True)
        )
        return found[:1], found[1:]

    def _run(self, feeds: Tensors) -> Tensors:
        (picture,) = feeds.values()
        given = self._torch.from_numpy(np.ascontiguousarray(picture))
        try:
            answers = self._method.execute((given,))
        except RuntimeError as error:
            raise ModelError(f"{self.model}: ExecuTorch failed ({_reason(error)})") from error
        # The next inference writes into the same memory.
        return {t.name: a.numpy().copy() for t, a in zip(self.outputs, answers, strict=True)}

    def _names(self, model: Path) -> tuple[str, ...]:
        """Of input and outputs: the file numbers them, in the spec's order."""
        spec = self._stored_spec()
        if spec is None:
            raise SpecError(f"{model}: no model spec beside it ({model.name}{self.SPEC_SUFFIX})")
        return (spec.input_name, *task_of(spec).outputs(spec))

    def _close(self) -> None:
        del self._method, self._program


def _load_library(extra: str) -> Any:  # noqa: ANN401 -- a module
    with warnings.catch_warnings():
        # Importing it says that its interface is experimental.
        warnings.simplefilter("ignore")
        library = require("executorch.runtime", extra=extra)
        library.Runtime.get()
        return library


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
