"""ncnn: small and without dependencies, for the ARM processors of phones and boards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.errors import ModelError
from lightning_plates.optional import require
from lightning_plates.spec import MAX_SIDE
from runtimes._base import Runtime, Specs, Tensors, TensorSpec
from runtimes._ncnn_graph import Layer, read_layers

_FLOAT32 = np.dtype("float32")
_HALF_WEIGHTS = (0x01306B47).to_bytes(4, "little")
"""With this each array of half-precision weights begins (``ModelBin`` in ncnn's sources)."""


class NcnnRuntime(Runtime):
    """Runs ``.param`` files (with the ``.bin`` beside them) with ncnn.

    It computes in the precision that the file has: in half precision only where the weights are.
    Inputs and outputs are float32 with a batch of one.
    """

    label, module, extra, suffixes = "ncnn", "ncnn", "ncnn", (".param",)
    reentrant = True  # each inference has an extractor of its own

    def _files(self, model: Path) -> list[Path]:
        weights = model.with_suffix(".bin")
        return [model, weights] if weights.exists() or weights.is_symlink() else [model]

    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        ncnn = require(self.module, extra=self.extra)
        inputs = _inputs(model, read_layers(model))
        weights = model.with_suffix(".bin")
        if not weights.is_file():
            raise ModelError(f"{model}: its weights {weights.name} do not lie beside it")
        self._net = ncnn.Net()
        _set_options(self._net.opt, _are_half(weights), threads)
        if self._net.load_param(str(model)) or self._net.load_model(str(weights)):
            raise ModelError(f"{model}: ncnn cannot open it (with {weights.name})")
        self._output_names: tuple[str, ...] = tuple(self._net.output_names())
        # The file does not say the shapes of outputs; one inference does.
        answers = self._run({t.name: np.zeros([s or 1 for s in t.shape], _FLOAT32) for t in inputs})
        outputs = tuple(TensorSpec(name, got.shape, _FLOAT32) for name, got in answers.items())
        return inputs, outputs

    def _run(self, feeds: Tensors) -> Tensors:
        ncnn = require(self.module, extra=self.extra)
        answers = {}
        with self._net.create_extractor() as extractor:
            for name, values in feeds.items():
                extractor.input(name, ncnn.Mat(np.ascontiguousarray(values[0])))
            for name in self._output_names:
                status, answer = extractor.extract(name)
                if status != 0:
                    raise ModelError(f"{self.model}: ncnn failed at {name!r} (status {status})")
                answers[name] = np.array(answer, dtype=np.float32)[None]
        return answers

    def _close(self) -> None:
        self._net.clear()
        del self._net


def _inputs(model: Path, layers: list[Layer]) -> Specs:
    """The inputs, from the sizes (width 0, height 1, channels 2) that their layers state."""
    found = []
    for layer in layers:
        if layer.kind == "Input":
            sizes = [layer.params.get(axis, "0") for axis in ("2", "1", "0")]
            shape = tuple(int(size) if size.isdecimal() else 0 for size in sizes)
            # What is larger would fill the memory when it is tried.
            if not all(1 <= size <= MAX_SIDE for size in shape) or len(layer.outputs) != 1:
                raise ModelError(
                    f"{model}: its input {layer.name!r} has no size that is possible "
                    f"({', '.join(sizes)}); make the file with: "
                    "python -m conversion.ncnn MODEL.onnx -o DIR"
                )
            found.append(TensorSpec(layer.outputs[0], (1, *shape), _FLOAT32))
    return tuple(found)


def _are_half(weights: Path) -> bool:
    with weights.open("rb") as file:
        return file.read(4) == _HALF_WEIGHTS


def _set_options(options: Any, half: bool, threads: int | None) -> None:  # noqa: ANN401 -- ncnn.Option
    options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = half
    options.use_bf16_packed = options.use_bf16_storage = False
    if threads is not None:
        options.num_threads = threads
