"""A hub rebuilt in PyTorch answers as ONNX Runtime does, operator by operator."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conversion.graph.folding import save_folded
from conversion.graph.hub_file import open_hub
from lightning_plates.errors import ConversionError
from lightning_plates.spec import METADATA_KEY, ModelSpec

torch = pytest.importorskip("torch", reason="needs torch")


def save_graph(path, nodes, **constants):
    """A hub whose nodes make ``features``; its answer is their mean over the picture."""
    nodes = [
        *nodes,
        helper.make_node("ReduceMean", ["features"], ["pooled"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["pooled", "last", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["box"]),
    ]
    constants.setdefault("last", floats([1, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 1]))
    constants["bias"] = floats(0, 0.5, 0, 0)
    tensors = [
        numpy_helper.from_array(value if value.dtype == np.int64 else value.astype(np.float32), key)
        for key, value in constants.items()
    ]
    graph = helper.make_graph(
        nodes, "parts",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 9, 8])],
        [helper.make_tensor_value_info("box", TensorProto.FLOAT, ["N", 4])],
        tensors,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: ModelSpec("parts", 8, 9).to_json()})
    onnx.save(model, str(path))
    return path


def floats(*values):
    return np.array(values, dtype=np.float32)


def whole(*values):
    return np.array(values, dtype=np.int64)


def node(operator, *inputs, **attributes):
    return helper.make_node(operator, ["image", *inputs], ["features"], **attributes)


WEIGHT = np.random.default_rng(2).normal(0, 0.3, (3, 3, 3, 3))
CASES = {
    "conv": ([node("Conv", "w", pads=[1, 1, 1, 1], strides=[2, 2])], {"w": WEIGHT}),
    "conv padded at one side": ([node("Conv", "w", pads=[0, 0, 1, 2])], {"w": WEIGHT}),
    "conv depthwise": ([node("Conv", "w", "b", group=3)],
                       {"w": WEIGHT[:, :1], "b": floats(1, 2, 3)}),
    "max pool at one side": ([node("MaxPool", kernel_shape=[3, 3], pads=[0, 0, 2, 1])], {}),
    "average pool, padding counted": (
        [node("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)], {}),
    "average pool": ([node("AveragePool", kernel_shape=[3, 3], strides=[2, 1], pads=[1] * 4)], {}),
    "clip": ([node("Clip", "low", "high")], {"low": np.array(0.2), "high": np.array(0.7)}),
    "clip from below": ([node("Clip", "low")], {"low": np.array(0.2)}),
    "hard sigmoid": ([node("HardSigmoid", alpha=0.3)], {}),
    "pad": ([node("Pad", "sides", "value")],
            {"sides": whole(0, 0, 1, 2, 0, 0, 3, 0), "value": floats(2)}),
    "slice": ([node("Slice", "from", "to", "axes")],
              {"from": whole(1, -3), "to": whole(9999, 9999), "axes": whole(2, 3)}),
    "resize by scales": ([node("Resize", "", "scales", mode="nearest", nearest_mode="floor",
                               coordinate_transformation_mode="asymmetric")],
                         {"scales": floats(1, 1, 2, 3)}),
    "resize to a size": ([node("Resize", "", "", "sizes", mode="linear")],
                         {"sizes": whole(1, 3, 5, 13)}),
    "arithmetic": ([helper.make_node("Mul", ["image", "k"], ["m"]),
                    helper.make_node("Sub", ["k", "m"], ["s"]),
                    helper.make_node("Exp", ["s"], ["e"]),
                    helper.make_node("Div", ["image", "e"], ["features"])], {"k": floats(0.3)}),
    "turned and back": ([helper.make_node("Transpose", ["image"], ["t"], perm=[0, 2, 3, 1]),
                         helper.make_node("Reshape", ["t", "shape"], ["r"]),
                         helper.make_node("Transpose", ["r"], ["features"], perm=[0, 3, 1, 2])],
                        {"shape": whole(0, 12, -1, 3)}),
}  # fmt: skip


def rebuild(hub, folder):
    from conversion.graph.torch_module import load_module

    return load_module(hub, save_folded(hub, folder / "folded.onnx"))


@pytest.mark.parametrize("case", sorted(CASES))
def test_operators_answer_alike(tmp_path, case):
    import onnxruntime

    nodes, constants = CASES[case]
    hub = open_hub(save_graph(tmp_path / "hub.onnx", nodes, **constants), 21)
    picture = np.random.default_rng(3).random((1, 3, 9, 8), dtype=np.float32)
    (expected,) = onnxruntime.InferenceSession(str(hub.path)).run(None, {"image": picture})
    (got,) = rebuild(hub, tmp_path)(torch.from_numpy(picture))
    assert got.numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([helper.make_node("Sign", ["image"], ["features"])], "rebuilt in PyTorch: Sign"),
        ([node("Conv", "w", auto_pad="SAME_UPPER")], "auto_pad b'SAME_UPPER' is not supported"),
        ([node("Pad", "sides", mode="reflect")], "mode b'reflect' is not supported"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_named(tmp_path, nodes, reason):
    constants = {"w": WEIGHT, "sides": whole(0, 0, 1, 1, 0, 0, 1, 1)}
    hub = open_hub(save_graph(tmp_path / "hub.onnx", nodes, **constants), 21)
    with pytest.raises(ConversionError, match=reason):
        rebuild(hub, tmp_path)
