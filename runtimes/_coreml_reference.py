"""Computes a Core ML program without Core ML, to check on any machine what a package says.

The package is read back from disk, with its weights as they are stored (half precision, or eight
bits and scales), and its operators are computed in float32 by PyTorch. That checks graph, weights
and names, not the arithmetic of Apple's processors. Import this module where it is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lightning_plates.errors import ConversionError
from lightning_plates.optional import require
from runtimes._coremltools import load_coremltools

Inputs: TypeAlias = Mapping[str, Any]
_WEIGHTS = Path("Data") / "com.apple.CoreML" / "weights"


class Program:
    """The main function of a package.

    Args:
        package: The ``.mlpackage`` folder.

    Raises:
        ConversionError: It holds an operator that is not known here.
    """

    def __init__(self, package: Path) -> None:
        spec = load_coremltools().utils.load_spec(str(package))
        reader = require("coremltools.converters.mil.frontend.milproto.load", extra="coreml")
        program = reader.load(spec, spec.specificationVersion, str(package / _WEIGHTS))
        self._main = program.functions["main"]
        self._operators = [op for op in self._main.operations if op.op_type != "const"]
        unknown = sorted({op.op_type for op in self._operators} - set(_OPERATORS) - _CONSTANT)
        if unknown:
            raise ConversionError(f"{package.name}: cannot check {', '.join(unknown)}")

    def count_operators(self) -> dict[str, int]:
        """Number of operators by Core ML's names."""
        return dict(sorted(Counter(op.op_type for op in self._operators).items()))

    def layers(self) -> tuple[str, ...]:
        """Names of the layers with weights, from input to output."""
        return tuple(op.name for op in self._operators if op.op_type in ("conv", "linear"))

    def predict(self, feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """Compute all outputs, by name, as Core ML's own ``predict`` does."""
        values: dict[str, Any] = {name: torch.from_numpy(array) for name, array in feeds.items()}
        with torch.inference_mode():
            for op in self._operators:
                answers = self._compute(op, values)
                values.update(zip((out.name for out in op.outputs), answers, strict=True))
        return {out.name: values[out.name].float().numpy() for out in self._main.outputs}

    def _compute(self, op: Any, values: Mapping[str, Any]) -> list[Any]:  # noqa: ANN401
        if op.op_type in _CONSTANT:
            return [_tensor(op.materialized_val_inference())]
        inputs = {name: _value(given, values) for name, given in op.inputs.items()}
        answer = _OPERATORS[op.op_type](inputs)
        return [*answer] if isinstance(answer, tuple) else [answer]


def _value(given: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- a MIL Var, or several
    """Tensors in float32; text and whole numbers as Python has them."""
    if isinstance(given, (list, tuple)):
        return [_value(one, values) for one in given]
    if given is None or given.name in values:
        return None if given is None else values[given.name]
    return _tensor(given.val)


def _tensor(value: Any) -> Any:  # noqa: ANN401
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return torch.from_numpy(np.array(array, dtype=np.float32))
    return array.tolist()


def _conv(i: Inputs) -> Tensor:
    x, pads = i["x"], i["pad"]
    if i["pad_type"] == "custom":  # top, bottom, left, right; torch begins with the last axis
        x = functional.pad(x, (pads[2], pads[3], pads[0], pads[1]))
    return functional.conv2d(
        x, i["weight"], i.get("bias"), i["strides"], 0, i["dilations"], i["groups"]
    )


def _pad(i: Inputs) -> Tensor:
    pads = i["pad"]
    sides = [side for at in range(len(pads) - 2, -1, -2) for side in pads[at : at + 2]]
    return functional.pad(i["x"], sides, value=float(i["constant_val"]))


def _max_pool(i: Inputs) -> Tensor:
    return functional.max_pool2d(_around(i, float("-inf")), i["kernel_sizes"], i["strides"],
                                 ceil_mode=i["ceil_mode"])  # fmt: skip


def _avg_pool(i: Inputs) -> Tensor:
    size, strides = i["kernel_sizes"], i["strides"]
    sums = functional.avg_pool2d(_around(i, 0.0), size, strides, ceil_mode=i["ceil_mode"])
    if not i["exclude_padding_from_average"]:
        return sums
    inside = _around({**i, "x": torch.ones_like(i["x"])}, 0.0)
    return sums / functional.avg_pool2d(inside, size, strides, ceil_mode=i["ceil_mode"])


def _around(i: Inputs, value: float) -> Tensor:
    x: Tensor = i["x"]
    if i["pad_type"] != "custom":
        return x
    top, bottom, left, right = i["pad"]
    return functional.pad(x, (left, right, top, bottom), value=value)


def _slice(i: Inputs) -> Tensor:
    x: Tensor = i["x"]
    whole = [False] * x.ndim
    from_start, to_end = i.get("begin_mask") or whole, i.get("end_mask") or whole
    single = i.get("squeeze_mask") or whole
    cuts: list[Any] = []
    for axis in range(x.ndim):
        start = None if from_start[axis] else i["begin"][axis]
        end = None if to_end[axis] else i["end"][axis]
        cuts.append(i["begin"][axis] if single[axis] else slice(start, end))
    return x[tuple(cuts)]


def _upsample(i: Inputs) -> Tensor:
    scale = [float(i["scale_factor_height"]), float(i["scale_factor_width"])]
    return functional.interpolate(i["x"], scale_factor=scale, mode="nearest")


_CONSTANT = {"constexpr_affine_dequantize", "constexpr_blockwise_shift_scale"}
"""Weights in eight bits."""
_OPERATORS: Mapping[str, Callable[[Inputs], Any]] = {
    "add": lambda i: i["x"] + i["y"],
    "avg_pool": _avg_pool,
    "cast": lambda i: i["x"],  # everything is computed in float32
    "clip": lambda i: torch.clamp(i["x"], float(i["alpha"]), float(i["beta"])),
    "concat": lambda i: torch.cat(i["values"], i["axis"]),
    "conv": _conv,
    "exp": lambda i: torch.exp(i["x"]),
    "linear": lambda i: functional.linear(i["x"], i["weight"], i.get("bias")),
    "max_pool": _max_pool,
    "mul": lambda i: i["x"] * i["y"],
    "pad": _pad,
    "real_div": lambda i: i["x"] / i["y"],
    "reduce_mean": lambda i: i["x"].mean(i["axes"], i["keep_dims"]),
    "relu": lambda i: functional.relu(i["x"]),
    "relu6": lambda i: functional.relu6(i["x"]),
    "reshape": lambda i: i["x"].reshape(i["shape"]),
    "sigmoid": lambda i: torch.sigmoid(i["x"]),
    "slice_by_index": _slice,
    "sub": lambda i: i["x"] - i["y"],
    "transpose": lambda i: i["x"].permute(i["perm"]),
    "upsample_nearest_neighbor": _upsample,
}
