"""Q/DQ nodes as integer arithmetic: TVM imports them as float arithmetic between two castings.

``DequantizeLinear`` before both operands of a convolution or matrix product says that their
integers may be multiplied; then a product of sums is left over of the zero point, which depends on
the weights alone. Weights stay INT8 in the file. Everything else is computed in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.tvm.constants import array_of
from lightning_plates.optional import require


def use_integers(function: Any) -> Any:  # noqa: ANN401 -- relax.Function
    """Rewrite what stands between Q/DQ nodes.

    Args:
        function: As it was imported.
    """
    for rewrite in (_rewrite_convolutions, _rewrite_products, _rewrite_quantise, _rewrite_rest):
        function = rewrite(function)
    return function


def _rewrite_convolutions(function: Any) -> Any:  # noqa: ANN401 -- relax.Function
    relax, patterns, picture, weights = _parts()
    convolution = patterns.is_op("relax.nn.conv2d")(picture.pattern, weights.pattern)

    def replace(call: Any, found: Any) -> Any:  # noqa: ANN401 -- relax.Call, its parts
        zero, values = picture.zero_in(found), weights.values_in(found)
        padded = any(int(size) for size in call.attrs.padding)
        if values is None or (padded and zero):
            return call  # padding adds zeros, which are not this picture's zero
        sums = relax.op.nn.conv2d(
            found[picture.values],
            found[weights.values],
            strides=call.attrs.strides,
            padding=call.attrs.padding,
            dilation=call.attrs.dilation,
            groups=call.attrs.groups,
            out_dtype="int32",
        )
        shape = (1, len(values), 1, 1)
        offset = zero * values.astype(np.int32).sum(axis=(1, 2, 3)).reshape(shape)
        scale = picture.scale_in(found) * weights.scale_in(found)
        return _to_float(sums, offset, np.broadcast_to(scale, len(values)).reshape(shape))

    return patterns.rewrite_call(convolution, replace, function)


def _rewrite_products(function: Any) -> Any:  # noqa: ANN401 -- relax.Function
    relax, patterns, rows, weights = _parts()
    turned = patterns.is_op("relax.permute_dims")(weights.pattern)
    product = patterns.is_op("relax.matmul")(rows.pattern, turned)

    def replace(call: Any, found: Any) -> Any:  # noqa: ANN401 -- relax.Call, its parts
        values = weights.values_in(found)
        if values is None or values.ndim != 2:
            return call
        constant = relax.const(np.ascontiguousarray(values.T), "int8")
        sums = relax.op.matmul(found[rows.values], constant, out_dtype="int32")
        offset = rows.zero_in(found) * values.astype(np.int32).sum(axis=1)[None]
        scale = rows.scale_in(found) * weights.scale_in(found)
        return _to_float(sums, offset, np.broadcast_to(scale, len(values))[None])

    return patterns.rewrite_call(product, replace, function)


def _rewrite_quantise(function: Any) -> Any:  # noqa: ANN401 -- relax.Function
    """Say ``QuantizeLinear`` in operators that the layout pass knows."""
    relax, patterns, _, _ = _parts()
    values, scale, zero = (patterns.wildcard() for _ in range(3))
    quantise = patterns.is_op("relax.quantize")(values, scale, zero)

    def replace(call: Any, found: Any) -> Any:  # noqa: ANN401 -- relax.Call, its parts
        factor, offset = array_of(found[scale]), array_of(found[zero])
        limits = np.iinfo(offset.dtype)
        if factor.ndim:
            return call
        steps = relax.op.multiply(found[values], relax.const(1 / factor, "float32"))
        steps = relax.op.add(relax.op.round(steps), relax.const(float(offset), "float32"))
        steps = relax.op.maximum(steps, relax.const(float(limits.min), "float32"))
        steps = relax.op.minimum(steps, relax.const(float(limits.max), "float32"))
        return relax.op.astype(steps, str(offset.dtype))

    return patterns.rewrite_call(quantise, replace, function)


def _rewrite_rest(function: Any) -> Any:  # noqa: ANN401 -- relax.Function
    """Say the ``DequantizeLinear`` that are left in operators that the layout pass knows."""
    relax, patterns, values, _ = _parts()

    def replace(call: Any, found: Any) -> Any:  # noqa: ANN401 -- relax.Call, its parts
        if values.is_constant(found):
            return call  # weights of a layer that stays in float, or a bias: folded
        steps = relax.op.astype(found[values.values], "float32")
        steps = relax.op.subtract(steps, relax.const(float(values.zero_in(found)), "float32"))
        return relax.op.multiply(steps, relax.const(values.scale_in(found), "float32"))

    return patterns.rewrite_call(values.pattern, replace, function)


class _Dequantised:
    """A pattern: integers, and how they stand for real values."""

    def __init__(self) -> None:
        patterns = require("tvm.relax.dpl", extra="tvm")
        self.values, self.scale, self.zero = (patterns.wildcard() for _ in range(3))
        self.pattern = patterns.is_op("relax.dequantize")(self.values, self.scale, self.zero)

    def values_in(self, found: Any) -> NDArray[Any] | None:  # noqa: ANN401 -- parts of a match
        """The integers, where they are constant and no zero point shifts them."""
        known = self.is_constant(found) and self.zero_in(found) == 0
        return array_of(found[self.values]) if known else None

    def is_constant(self, found: Any) -> bool:  # noqa: ANN401 -- parts of a match
        """Whether the integers are weights, not a picture."""
        ir = require("tvm.ir", extra="tvm")
        return isinstance(found[self.values], ir.GenericConst)

    def scale_in(self, found: Any) -> NDArray[np.float32]:  # noqa: ANN401 -- parts of a match
        """Real value of one step, for all or by channel."""
        return array_of(found[self.scale])

    def zero_in(self, found: Any) -> int:  # noqa: ANN401 -- parts of a match
        """The integer that stands for 0."""
        zeros = array_of(found[self.zero]).astype(np.int64).reshape(-1)
        return int(zeros[0])


def _parts() -> tuple[Any, Any, _Dequantised, _Dequantised]:
    relax = require("tvm.relax", extra="tvm")
    patterns = require("tvm.relax.dpl", extra="tvm")
    return relax, patterns, _Dequantised(), _Dequantised()


def _to_float(sums: Any, offset: NDArray[Any], scale: NDArray[Any]) -> Any:  # noqa: ANN401 -- relax.Expr
    relax = require("tvm.relax", extra="tvm")
    if offset.any():
        sums = relax.op.subtract(sums, relax.const(offset.astype(np.int32), "int32"))
    factor = relax.const(np.ascontiguousarray(scale, dtype=np.float32), "float32")
    return relax.op.multiply(relax.op.astype(sums, "float32"), factor)
