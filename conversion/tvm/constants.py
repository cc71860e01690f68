"""Computes with NumPy what depends on constants alone.

TVM's own pass compiles and runs a program for every constant, which takes minutes for a network of
a hundred layers; what is left for it afterwards is little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lightning_plates.optional import require

Array: TypeAlias = NDArray[Any]


def fold(module: Any) -> Any:  # noqa: ANN401 -- tvm.IRModule
    """Replace operators of constants by constants, and drop what is then not used."""
    transform = require("tvm.relax.transform", extra="tvm")
    tvm = require("tvm", extra="tvm")
    tidy = [transform.CanonicalizeBindings(), transform.DeadCodeElimination()]
    module = tvm.transform.Sequential([transform.Normalize(), *tidy])(module)
    for operator, compute in _COMPUTED.items():
        module["main"] = _replace(module["main"], operator, compute)
        module = transform.CanonicalizeBindings()(module)
    return transform.DeadCodeElimination()(module)


def array_of(constant: Any) -> Array:  # noqa: ANN401 -- tvm.ir.GenericConst
    """Value of a constant."""
    values: Array = constant.value.numpy()
    return values


def _replace(function: Any, operator: str, compute: Callable[..., Array]) -> Any:  # noqa: ANN401 -- relax.Function
    relax = require("tvm.relax", extra="tvm")
    ir = require("tvm.ir", extra="tvm")
    patterns = require("tvm.relax.dpl", extra="tvm")

    def replace(call: Any, found: Any) -> Any:  # noqa: ANN401 -- relax.Call, its parts
        values = [argument for argument in call.args if not isinstance(argument, relax.ShapeExpr)]
        if not all(isinstance(value, ir.GenericConst) for value in values):
            return call
        array = np.ascontiguousarray(compute(call, *map(array_of, values)))
        return relax.const(array, str(array.dtype))

    anything = patterns.is_op(operator)(varg_default_wildcard=True)
    return patterns.rewrite_call(anything, replace, function)


def _where(call: Any, mask: Array, chosen: Array, other: Array) -> Array:  # noqa: ANN401 -- relax.Call
    return np.where(mask, chosen, other).astype(chosen.dtype)


def _dequantise(call: Any, values: Array, scale: Array, zero: Array) -> Array:  # noqa: ANN401 -- relax.Call
    shape = [1] * values.ndim
    if scale.ndim:
        shape[call.attrs.axis] = len(scale)
    steps = values.astype(np.float32) - zero.astype(np.float32).reshape(shape)
    return steps * scale.reshape(shape)


_COMPUTED: Mapping[str, Callable[..., Array]] = {
    "relax.dequantize": _dequantise,
    "relax.isnan": lambda call, values: np.isnan(values),
    "relax.where": _where,
    "relax.reshape": lambda call, values: values.reshape([int(n) for n in call.args[1].values]),
    "relax.permute_dims": lambda call, values: values.transpose(
        [int(n) for n in call.attrs.axes] if call.attrs.axes else None
    ),
    "relax.astype": lambda call, values: values.astype(str(call.attrs.dtype)),
}
"""What the importer and our own passes leave, in the order in which they build on each other."""
