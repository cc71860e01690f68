"""Tiny ONNX files with answers that can be worked out by hand."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lightning_plates.spec import METADATA_KEY, ModelSpec

RGB_SPEC = ModelSpec("mean_colour", width=8, height=8)


def save_mean_colour_model(path: Path, spec: ModelSpec | None = RGB_SPEC) -> Path:
    """A model whose box is (R/2, G/2, 1/2 + R/2, 1/2 + B/2), the photo's mean colour in 0–1."""
    size = spec or RGB_SPEC
    weight = np.array([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0], [0, 0, 0, 0.5]], dtype=np.float32)
    bias = np.array([0, 0, 0.5, 0.5], dtype=np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colour"]),
        helper.make_node("Gemm", ["colour", "weight", "bias"], ["box"]),
    ]
    shape = ["N", 3, size.height, size.width]
    graph = helper.make_graph(
        nodes,
        "mean_colour",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("box", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    return _save(graph, path, spec)


def save_constant_scored_model(path: Path, boxes: list[list[float]], scores: list[float]) -> Path:
    """A finder that answers the same ``boxes`` (0–1) and ``scores`` for every photo."""
    spec = ModelSpec("constant", width=8, height=8, resize="letterbox", task="detection")
    # Zero times the photo keeps the batch axis; the constants are added to it.
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("ReduceSum", ["pooled", "axes"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["zeros"]),
        helper.make_node("Unsqueeze", ["zeros", "last"], ["zero_rows"]),
        helper.make_node("Add", ["zero_rows", "score_values"], ["scores"]),
        helper.make_node("Unsqueeze", ["zero_rows", "last_of_rows"], ["zero_boxes"]),
        helper.make_node("Add", ["zero_boxes", "box_values"], ["boxes"]),
    ]
    constants = {
        "axes": np.array([1, 2, 3]),
        "zero": np.zeros((), dtype=np.float32),
        "last": np.array([1]),
        "last_of_rows": np.array([2]),
        "score_values": np.array([scores], dtype=np.float32),
        "box_values": np.array([boxes], dtype=np.float32).reshape(1, len(scores), 4),
    }
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["N", len(scores), 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", len(scores)]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return _save(graph, path, spec)


def save_constant_outputs(
    path: Path,
    spec: ModelSpec,
    outputs: list[tuple[str, int, list[int] | None]],
    has_input: bool = True,
) -> Path:
    """Answers zeros of names, types and shapes; ``None`` is a shape that shows only then."""
    nodes, constants, infos = [], [], []
    for name, kind, shape in outputs:
        if shape is None:  # nothing says beforehand whether the batch is squeezed too
            nodes.append(helper.make_node("GlobalAveragePool", ["image"], ["pooled"]))
            nodes.append(helper.make_node("Squeeze", ["pooled"], [name]))
        else:
            blank = np.zeros(shape, helper.tensor_dtype_to_np_dtype(kind))
            constants.append(numpy_helper.from_array(blank, f"{name}_values"))
            nodes.append(helper.make_node("Identity", [f"{name}_values"], [name]))
        infos.append(helper.make_tensor_value_info(name, kind, shape))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])
    inputs = [image] if has_input else []
    graph = helper.make_graph(nodes, "constant", inputs, infos, constants)
    return _save(graph, path, spec, sound=all(shape is not None for *_, shape in outputs))


def save_conv_model(path: Path, opset: int = 13) -> Path:
    """Two convolutions and a head, random but the same each time; boxes near (.2, .3, .8, .7)."""
    rng = np.random.default_rng(0)
    spec = ModelSpec("tiny_conv", width=16, height=16)
    weights = {
        "w1": rng.normal(0, 0.3, (8, 3, 3, 3)),
        "w2": rng.normal(0, 0.2, (8, 8, 3, 3)),
        "w3": rng.normal(0, 0.2, (8, 4)),
        "b3": np.log(np.array([0.2, 0.3, 0.8, 0.7]) / np.array([0.8, 0.7, 0.2, 0.3])),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], name="first", strides=[2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], name="second"),
        helper.make_node("Relu", ["c2"], ["r2"], name="relu2"),
        helper.make_node("GlobalAveragePool", ["r2"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["logits"], name="head"),
        helper.make_node("Sigmoid", ["logits"], ["box"], name="sigmoid"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny_conv",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info("box", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )
    return _save(graph, path, spec, opset)


def _save(
    graph: onnx.GraphProto,
    path: Path,
    spec: ModelSpec | None,
    opset: int = 13,
    sound: bool = True,
) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if spec is not None:
        helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    if sound:
        onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
    return path
