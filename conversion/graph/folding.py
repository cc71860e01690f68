"""Computes what does not depend on the photo ahead, for tools that read static graphs only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from conversion.graph.hub_file import Hub, save_fixed_shapes
from lightning_plates.errors import ConversionError
from lightning_plates.optional import require
from runtimes.onnxruntime import library_errors


def save_folded(hub: Hub, target: Path) -> Path:
    """Write a copy of the hub for a batch of one in which every constant part is computed.

    The exporter writes sizes of pads and grids as a chain of small operators. ONNX Runtime's
    "basic" level computes them and leaves standard operators, which every tool reads.

    Args:
        hub: The source.
        target: The ``.onnx`` file to write.

    Raises:
        ConversionError: The graph does not allow a batch of one.
    """
    ort = require("onnxruntime", extra="convert")
    fixed = save_fixed_shapes(hub, target.with_name(f"{target.stem}.fixed.onnx"))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 4  # fatal: errors come as exceptions too
    try:
        ort.InferenceSession(str(fixed), options, providers=["CPUExecutionProvider"])
    except library_errors(ort) as error:
        raise ConversionError(f"{hub.path}: not possible with a batch of one ({error})") from error
    return target


def spread_grids(model_file: Path) -> None:
    """Give constants that vary along one side of the picture the size of both, in place.

    onnx2tf turns pictures from NCHW to NHWC. A column of coordinates, ``(1, 1, H, 1)``, also fits
    the turned picture, as a row: it is left as it is, and a detector's boxes come out wrong. What
    has the full size ``(1, 1, H, W)`` is turned correctly.

    Args:
        model_file: An ONNX file of NCHW pictures with fixed shapes.
    """
    onnx = require("onnx", extra="convert")
    model = onnx.load(str(model_file))
    inferred = onnx.shape_inference.infer_shapes(model).graph
    sizes = {
        value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*inferred.value_info, *inferred.output, *inferred.input)
    }
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        for position, name in enumerate(node.input):
            if node.op_type in {"Add", "Sub", "Mul", "Div"} and name in constants:
                values = onnx.numpy_helper.to_array(constants[name])
                full = sizes.get(node.output[0], [])
                if not _is_grid(values.shape) or len(full) != 4:
                    continue
                spread = np.broadcast_to(values, (*values.shape[:2], *full[2:]))
                node.input[position] = f"{name}_in_{node.output[0]}"
                tensor = onnx.numpy_helper.from_array(spread.copy(), node.input[position])
                model.graph.initializer.append(tensor)
    onnx.save(model, str(model_file))


def _is_grid(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and (shape[2] > 1) != (shape[3] > 1)
