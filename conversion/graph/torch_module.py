"""Rebuilds a hub file as a PyTorch module, for tools that read nothing else.

Weights become parameters; sizes, axes and bounds become Python numbers, so that ``torch.export``
and ``torch.jit.trace`` see no value that depends on data (onnx2torch keeps them as tensors, which
the former refuses). Only standard operators of picture networks are known; a graph should have been
folded first (:mod:`conversion.graph.folding`). It imports torch: import it where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from conversion.graph.hub_file import Hub, load_graph
from lightning_plates.errors import ConversionError
from lightning_plates.optional import require
from lightning_plates.tasks import task_of

_FAR = 2**31 - 1
"""Exporters write this or more for "to the end"."""

Array: TypeAlias = NDArray[Any]
Step: TypeAlias = Callable[..., Tensor]


@dataclass(frozen=True, slots=True)
class Node:
    """One operator, as its builder sees it."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any]
    constants: Mapping[int, Array]
    """Values of the inputs that do not depend on the photo, by position."""

    def ints(self, name: str, position: int | None = None) -> list[int] | None:
        """An attribute, or the input that later operator sets have in its place."""
        if position is not None and position in self.constants:
            return [int(value) for value in self.constants[position].reshape(-1)]
        value = self.attributes.get(name)
        return None if value is None else [int(one) for one in value]

    def number(self, name: str, position: int, default: float | None) -> float | None:
        """The same for a single number."""
        if position in self.constants and self.constants[position].size:
            return float(self.constants[position].reshape(-1)[0])
        value = self.attributes.get(name)
        return default if value is None else float(value)

    def require(self, sound: bool, what: str) -> None:
        """Refuse a form of the operator that has no counterpart.

        Raises:
            ConversionError: Not ``sound``.
        """
        if not sound:
            raise ConversionError(f"{self.operator} {self.output!r}: {what} is not supported")


class OnnxModule(torch.nn.Module):
    """The graph of an ONNX file: picture in, tuple of outputs out.

    Args:
        nodes: Operators, each behind those that it reads from.
        constants: Values of initialisers by name.
        input_name: Name of the picture.
        output_names: Outputs in the wanted order.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        constants: Mapping[str, Array],
        input_name: str,
        output_names: Sequence[str],
    ) -> None:
        super().__init__()
        self._input_name, self._output_names = input_name, tuple(output_names)
        self._plan = []
        for number, node in enumerate(nodes):
            if node.operator in _ON_ONE:
                step, read = _ON_ONE[node.operator](node), node.inputs[:1]
            else:
                step, read = _ON_ALL[node.operator](node), node.inputs
            if isinstance(step, torch.nn.Module):
                self.add_module(f"step_{number}", step)
            self._plan.append((step, tuple(self._local(name, constants) for name in read), node))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs for ``image`` of the hub's input shape."""
        values = {self._input_name: image}
        for step, read, node in self._plan:
            arguments = [values[name] if name in values else getattr(self, name) for name in read]
            values[node.output] = step(*arguments)
        return tuple(values[name] for name in self._output_names)

    def _local(self, name: str, constants: Mapping[str, Array]) -> str:
        """Name under which a value is found; constants are registered."""
        if name not in constants:
            return name
        local = f"constant_{list(constants).index(name)}"
        if not hasattr(self, local):
            self.register_buffer(local, torch.from_numpy(constants[name].copy()))
        return local


def load_module(hub: Hub, folded: Path) -> OnnxModule:
    """Rebuild a hub.

    Args:
        hub: Says how input and outputs are named.
        folded: Its graph for a batch of one, constants computed.

    Raises:
        ConversionError: The graph holds an operator that is not known here.
    """
    onnx = require("onnx", extra="convert")
    graph = onnx.load(str(folded)).graph
    arrays = {t.name: np.array(onnx.numpy_helper.to_array(t)) for t in graph.initializer}
    _refuse_unknown(hub, {node.op_type for node in load_graph(folded).graph.node})
    nodes = []
    for node in graph.node:
        values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant":
            arrays[node.output[0]] = np.array(onnx.numpy_helper.to_array(values["value"]))
            continue
        known = {i: arrays[name] for i, name in enumerate(node.input) if name in arrays}
        nodes.append(Node(node.op_type, tuple(node.input), node.output[0], values, known))
    module = OnnxModule(nodes, arrays, hub.spec.input_name, [*task_of(hub.spec).outputs(hub.spec)])
    return module.eval().requires_grad_(False)


def _refuse_unknown(hub: Hub, operators: set[str]) -> None:
    unknown = sorted(operators - set(_ON_ONE) - set(_ON_ALL) - {"Constant"})
    if unknown:
        raise ConversionError(
            f"{hub.path}: operators that cannot be rebuilt in PyTorch: {', '.join(unknown)}"
        )


def _pads(node: Node) -> tuple[int, int, int, int]:
    """Padding as ``torch.nn.functional.pad`` takes it: left, right, top, bottom."""
    kind = node.attributes.get("auto_pad", b"NOTSET")
    node.require(kind in (b"NOTSET", b"VALID"), f"auto_pad {kind!r}")
    top, left, bottom, right = node.ints("pads") or (0, 0, 0, 0)
    return left, right, top, bottom


def _padding(pads: tuple[int, int, int, int]) -> tuple[int, int] | None:
    """The same as top and left alone, where the sides are alike."""
    left, right, top, bottom = pads
    return (top, left) if (left, top) == (right, bottom) else None


def _conv(node: Node) -> Step:
    weight, bias = node.constants[1], node.constants.get(2)
    group, pads = int(node.attributes.get("group", 1)), _pads(node)
    padding = _padding(pads)
    layer = torch.nn.Conv2d(
        weight.shape[1] * group, weight.shape[0], weight.shape[2:],
        stride=_pair(node, "strides"), padding=padding or 0,
        dilation=_pair(node, "dilations"), groups=group, bias=bias is not None,
    )  # fmt: skip
    _fill(layer, weight, bias)
    return layer if padding else torch.nn.Sequential(torch.nn.ConstantPad2d(pads, 0.0), layer)


def _pair(node: Node, name: str) -> tuple[int, int]:
    down, right = node.ints(name) or (1, 1)
    return down, right


def _gemm(node: Node) -> Step:
    factors = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0)
    node.require(factors == (1.0, 1.0) and not node.attributes.get("transA"), "a scaled product")
    weight = node.constants[1] if node.attributes.get("transB") else node.constants[1].T
    bias = node.constants.get(2)
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    _fill(layer, weight, bias)
    return layer


def _fill(layer: torch.nn.Conv2d | torch.nn.Linear, weight: Array, bias: Array | None) -> None:
    layer.weight.data = torch.from_numpy(np.ascontiguousarray(weight))
    if layer.bias is not None and bias is not None:
        layer.bias.data = torch.from_numpy(bias.copy())


def _max_pool(node: Node) -> Step:
    pads, (size, stride, ceil) = _pads(node), _window(node)
    padding = _padding(pads)
    if padding:
        return lambda x: functional.max_pool2d(x, size, stride, padding, ceil_mode=ceil)
    lowest = float("-inf")
    return lambda x: functional.max_pool2d(
        functional.pad(x, pads, value=lowest), size, stride, ceil_mode=ceil
    )


def _average_pool(node: Node) -> Step:
    (size, stride, ceil), padding = _window(node), _padding(_pads(node))
    node.require(padding is not None, "padding of one side")
    counted = bool(node.attributes.get("count_include_pad", 0))
    return lambda x: functional.avg_pool2d(x, size, stride, padding or 0, ceil, counted)


def _window(node: Node) -> tuple[list[int], list[int], bool]:
    """Size, stride and whether the last window may reach over the edge."""
    size = node.ints("kernel_shape") or []
    return size, node.ints("strides") or [1] * len(size), bool(node.attributes.get("ceil_mode"))


def _clip(node: Node) -> Step:
    low, high = node.number("min", 1, None), node.number("max", 2, None)
    if low is not None and high is not None:
        return lambda x: functional.hardtanh(x, low, high)  # the form that quantisers fuse
    return lambda x: torch.clamp(x, low, high)


def _slice(node: Node) -> Step:
    starts, ends = node.ints("starts", 1) or [], node.ints("ends", 2) or []
    axes = node.ints("axes", 3) or list(range(len(starts)))
    steps = node.ints("steps", 4) or [1] * len(starts)
    node.require(min(steps) > 0, "a negative step")

    def run(x: Tensor) -> Tensor:
        cuts = [slice(None)] * x.ndim
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
            # Not the shape's own number: a trace would hold it as something to be computed.
            cuts[axis] = slice(start, end if end < _FAR else None, step)
        return x[tuple(cuts)]

    return run


def _resize(node: Node) -> Step:
    mode = node.attributes.get("mode", b"nearest").decode()
    place = node.attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
    choice = {"nearest": "nearest", "linear": "bilinear"}.get(mode, "")
    wanted = {"nearest": ("asymmetric",), "linear": ("half_pixel", "pytorch_half_pixel")}
    node.require(place in wanted.get(mode, ()), f"mode {mode} with {place}")
    sizes = node.ints("sizes", 3)
    if sizes:
        return lambda x: functional.interpolate(x, size=sizes[2:], mode=choice)
    scales = [float(value) for value in node.constants[2][2:]]
    return lambda x: functional.interpolate(x, scale_factor=scales, mode=choice)


def _pad(node: Node) -> Step:
    mode = node.attributes.get("mode", b"constant")
    node.require(mode == b"constant", f"mode {mode!r}")
    pads, value = node.ints("pads", 1) or [], node.number("value", 2, 0.0)
    half = len(pads) // 2
    # ONNX: all begins, then all ends; torch: begin and end of the last axis first.
    sides = [pads[axis + end] for axis in reversed(range(half)) for end in (0, half)]
    return lambda x: functional.pad(x, sides, value=value)


def _reshape(node: Node) -> Step:
    shape = node.ints("shape", 1) or []
    return lambda x: x.reshape([size or x.shape[axis] for axis, size in enumerate(shape)])


def _mean(node: Node) -> Step:
    axes, keep = node.ints("axes", 1), bool(node.attributes.get("keepdims", 1))
    return lambda x: x.mean(axes, keep)


def _flatten(node: Node) -> Step:
    node.require(node.attributes.get("axis", 1) == 1, "another axis than 1")
    return lambda x: torch.flatten(x, 1)


def _transpose(node: Node) -> Step:
    return lambda x: x.permute(node.ints("perm") or list(reversed(range(x.ndim))))


def _squeeze(node: Node) -> Step:
    axes = node.ints("axes", 1)
    return lambda x: x.squeeze(axes) if axes else x.squeeze()


def _unsqueeze(node: Node) -> Step:
    def run(x: Tensor) -> Tensor:
        for axis in sorted(node.ints("axes", 1) or []):
            x = x.unsqueeze(axis)
        return x

    return run


def _concat(node: Node) -> Step:
    axis = int(node.attributes["axis"])
    return lambda *parts: torch.cat(parts, axis)


def _softmax(node: Node) -> Step:
    return lambda x: torch.softmax(x, int(node.attributes.get("axis", -1)))


def _hard_sigmoid(node: Node) -> Step:
    slope = node.number("alpha", -1, 0.2) or 0.0
    shift = node.number("beta", -1, 0.5) or 0.0
    return lambda x: functional.hardtanh(x * slope + shift, 0.0, 1.0)


def _always(step: Step) -> Callable[[Node], Step]:
    """Builder of an operator without attributes."""
    return lambda _: step


_ON_ONE: Mapping[str, Callable[[Node], Step]] = {
    "AveragePool": _average_pool, "Clip": _clip, "Conv": _conv, "Dropout": _always(lambda x: x),
    "Exp": _always(torch.exp), "Flatten": _flatten, "Gemm": _gemm,
    "GlobalAveragePool": _always(lambda x: x.mean((2, 3), True)),
    "HardSigmoid": _hard_sigmoid, "HardSwish": _always(functional.hardswish),
    "Identity": _always(lambda x: x), "MaxPool": _max_pool, "Pad": _pad, "ReduceMean": _mean,
    "Relu": _always(functional.relu), "Reshape": _reshape, "Resize": _resize,
    "Sigmoid": _always(torch.sigmoid), "Slice": _slice, "Softmax": _softmax,
    "Squeeze": _squeeze, "Tanh": _always(torch.tanh), "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}  # fmt: skip
"""Operators whose first input alone depends on the photo."""
_ON_ALL: Mapping[str, Callable[[Node], Step]] = {
    "Add": _always(torch.add), "Concat": _concat, "Div": _always(torch.div),
    "MatMul": _always(torch.matmul), "Mul": _always(torch.mul), "Sub": _always(torch.sub),
}  # fmt: skip
"""Operators that read any of their inputs as a tensor."""
