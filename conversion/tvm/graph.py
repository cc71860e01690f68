"""Reads an ONNX file into TVM and prepares the network for code generation.

What TVM's importer leaves in a form that its own passes cannot look into is said in its operators:
a ``Clip`` becomes a maximum and a minimum, an integer convolution between Q/DQ nodes becomes one.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from conversion.tvm import integers
from conversion.tvm.constants import fold
from lightning_plates.errors import ConversionError
from lightning_plates.optional import require

_LAYOUTS = {"relax.nn.conv2d": ["NHWC", "HWIO"]}
"""Pictures and weights with the channels last: they are what a vector holds."""


def read_network(onnx_file: Path, precision: str) -> Any:  # noqa: ANN401 -- tvm.IRModule
    """Import an ONNX file with fixed shapes.

    Args:
        onnx_file: The network in float32, or for ``int8`` with Q/DQ nodes.
        precision: ``fp16`` stores weights and pictures in half precision and sums in float32.

    Raises:
        ConversionError: The importer lacks an operator of it.
    """
    relax = require("tvm.relax", extra="tvm")
    module = _import(onnx_file)
    if precision == "int8":
        module["main"] = integers.use_integers(module["main"])
    module = fold(module)
    module["main"] = _replace_clips(module["main"])
    module = relax.transform.DeadCodeElimination()(module)
    if precision == "fp16":
        module = fold(relax.transform.ToMixedPrecision(out_dtype="float32")(module))
    return module


def put_channels_last(module: Any) -> Any:  # noqa: ANN401 -- tvm.IRModule
    """Turn pictures to NHWC inside the network; its inputs and outputs stay as they are."""
    relax = require("tvm.relax", extra="tvm")
    return fold(relax.transform.ConvertLayout(_LAYOUTS)(module))


def lower(module: Any, target: Any) -> Any:  # noqa: ANN401 -- tvm.IRModule, tvm.target.Target
    """Lower operators to loops, and fuse those that need not store what they hand on."""
    transform = require("tvm.relax.transform", extra="tvm")
    tvm = require("tvm", extra="tvm")
    steps = [
        transform.LegalizeOps(),
        transform.AnnotateTIROpPattern(),
        transform.FoldConstant(),
        transform.FuseOps(),
        transform.FuseTIR(),
    ]
    with target:
        return tvm.transform.Sequential(steps)(module)


def count_operators(module: Any) -> dict[str, int]:  # noqa: ANN401 -- tvm.IRModule
    """Number of operators by name, of a network that was not lowered yet."""
    tvm = require("tvm", extra="tvm")
    relax = require("tvm.relax", extra="tvm")
    counts: Counter[str] = Counter()

    def visit(expression: Any) -> None:  # noqa: ANN401 -- relax.Expr
        if isinstance(expression, relax.Call) and isinstance(expression.op, tvm.ir.Op):
            counts[expression.op.name.removeprefix("relax.")] += 1

    relax.analysis.post_order_visit(module["main"], visit)
    return dict(sorted(counts.items()))


def _import(onnx_file: Path) -> Any:  # noqa: ANN401 -- tvm.IRModule
    onnx = require("onnx", extra="convert")
    frontend = require("tvm.relax.frontend.onnx", extra="tvm")
    sorting = require("onnxruntime.quantization.onnx_model", extra="convert")
    model = onnx.load(str(onnx_file))
    # ONNX Runtime's quantiser appends its nodes at the end; the importer reads from first to last.
    sorting.ONNXModel(model).topological_sort()
    shapes = {
        value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in model.graph.input
    }
    try:
        return frontend.from_onnx(model, shape_dict=shapes, keep_params_in_input=False)
    except (ValueError, NotImplementedError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConversionError(f"TVM cannot import the network ({reason})") from error


def _replace_clips(function: Any) -> Any:  # noqa: ANN401 -- relax.Function
    """Say the loops that the importer makes of a ``Clip`` in operators.

    Into loops neither the layout pass nor the one for half precision can look: each would turn or
    cast the picture before and behind every one of them.
    """
    relax = require("tvm.relax", extra="tvm")
    patterns = require("tvm.relax.dpl", extra="tvm")
    operators = {"maximum": relax.op.maximum, "minimum": relax.op.minimum}
    picture, bound = patterns.wildcard(), patterns.is_const()
    clip = patterns.is_op("relax.call_tir")(
        patterns.wildcard(), patterns.is_tuple([picture, bound])
    )

    def replace(call: Any, found: Any) -> Any:  # noqa: ANN401 -- relax.Call, its parts
        operator = operators.get(call.args[0].name_hint.rstrip("0123456789"))
        return operator(found[picture], found[bound]) if operator else call

    return patterns.rewrite_call(clip, replace, function)
