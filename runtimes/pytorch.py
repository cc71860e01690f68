"""PyTorch: the checkpoint itself, the baseline that exported files are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.errors import ModelError
from lightning_plates.optional import require
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import task_of
from runtimes._base import Runtime, Specs, Tensors, TensorSpec


class PyTorchRuntime(Runtime):
    """Runs ``.ckpt`` files with PyTorch."""

    label, module, extra, suffixes = "PyTorch", "torch", "train", (".ckpt",)
    devices = ("cpu", "cuda")
    reentrant = True

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        torch = require(self.module, extra=self.extra)
        if threads is not None:
            torch.set_num_threads(threads)
        from lightning_plates.models.checkpoint import load_checkpoint  # here: it imports torch

        self._module: Any = load_checkpoint(model)
        self._device = _device(torch, device)
        self._module.to(self._device)
        spec: ModelSpec = self._module.spec
        inputs = (TensorSpec(spec.input_name, (None, *spec.input_shape[1:]), np.dtype("float32")),)
        outputs = tuple(
            TensorSpec(name, shape, np.dtype("float32"))
            for name, shape in task_of(spec).shapes(spec).items()
        )
        return inputs, outputs

    def _run(self, feeds: Tensors) -> Tensors:
        torch = require(self.module, extra=self.extra)
        (batch,) = feeds.values()
        with torch.inference_mode():
            answer = self._module(torch.from_numpy(batch).to(self._device))
        return {name: value.float().cpu().numpy() for name, value in answer._asdict().items()}

    def _spec_json(self) -> str:
        spec: ModelSpec = self._module.spec
        return spec.to_json()

    def _close(self) -> None:
        del self._module


def _device(torch: Any, device: str) -> Any:  # noqa: ANN401 -- torch is imported on use
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {device!r}: {str(error).partition(chr(10))[0]}") from error
