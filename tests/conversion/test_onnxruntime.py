import numpy as np
import onnx
import pytest

from conversion.onnxruntime import OnnxRuntimeConverter
from lightning_plates.errors import InputError
from runtimes import open_model


@pytest.mark.parametrize("file_format", ["onnx", "ort"])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_every_precision_and_format(
    tmp_path, hub_file, some_photos, calibration, precision, file_format
):
    converter = OnnxRuntimeConverter(format=file_format, keep_float=())
    artefact = converter.convert(hub_file, tmp_path, precision, some_photos, calibration)
    assert artefact.path.name == f"tiny.{precision}.{file_format}"
    with open_model(artefact.path) as model, open_model(hub_file) as hub:
        assert model.spec == hub.spec
        assert model.inputs[0].dtype == np.dtype("float32")
        [[ours]], [[theirs]] = model.locate(some_photos[:1]), hub.locate(some_photos[:1])
    assert ours.box == pytest.approx(theirs.box, abs=0.5)


def test_fp16_halves_the_weights(tmp_path, hub_file, some_photos):
    artefact = OnnxRuntimeConverter().convert(hub_file, tmp_path, "fp16", some_photos)
    types = {w.name: w.data_type for w in onnx.load(str(artefact.path)).graph.initializer}
    assert types["w2"] == onnx.TensorProto.FLOAT16


def _weights(artefact):
    return {w.name: w.data_type for w in onnx.load(str(artefact.path)).graph.initializer}


def test_int8_quantises_all_but_the_named_layers(tmp_path, hub_file, some_photos, calibration):
    artefact = OnnxRuntimeConverter(keep_float=("head",)).convert(
        hub_file, tmp_path, "int8", some_photos, calibration
    )
    types = _weights(artefact)
    assert types["w1_quantized"] == types["w2_quantized"] == onnx.TensorProto.INT8
    assert types["w3"] == onnx.TensorProto.FLOAT
    assert artefact.manifest.details == {"kept_float": ["head"], "trials": []}
    assert artefact.manifest.calibration["photos"] == 6
    assert len(artefact.manifest.calibration["sha256"]) == 64
    # Coordinates are never rounded to eight bits: the sigmoid's input and output are float.
    nodes = onnx.load(str(artefact.path)).graph.node
    assert next(node for node in nodes if node.op_type == "Sigmoid").output[0] == "box"


def with_decoding(hub_file):
    """Let boxes be computed behind the last layer by operators that eight bits could compute."""
    model = onnx.load(str(hub_file))
    graph = model.graph
    next(node for node in graph.node if node.name == "sigmoid").output[0] = "offsets"
    corner = onnx.numpy_helper.from_array(np.array([[0.01, 0.01, -0.01, -0.01]], "f4"), "corner")
    shape = onnx.numpy_helper.from_array(np.array([-1, 4]), "shape")
    graph.initializer.extend([corner, shape])
    graph.node.extend(
        [
            onnx.helper.make_node("Add", ["offsets", "corner"], ["sum"], name="add_corner"),
            onnx.helper.make_node("Reshape", ["sum", "shape"], ["box"], name="as_box"),
        ]
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(hub_file))
    return hub_file


@pytest.mark.parametrize("kept", [(), ("head",)])
def test_what_decodes_boxes_is_never_quantised(tmp_path, hub_file, some_photos, calibration, kept):
    hub = with_decoding(hub_file)
    converter = OnnxRuntimeConverter(keep_float=kept)
    artefact = converter.convert(hub, tmp_path / "out", "int8", some_photos, calibration)
    nodes = onnx.load(str(artefact.path)).graph.node
    maker = {name: node.op_type for node in nodes for name in node.output}
    readers = {name: node.op_type for node in nodes for name in node.input}
    assert "QuantizeLinear" in readers.values()  # the layers are
    for node in nodes:
        if node.name in {"sigmoid", "add_corner", "as_box"}:
            sources = {maker.get(name) for name in node.input}
            assert node.name == "sigmoid" or "DequantizeLinear" not in sources
            assert readers.get(node.output[0]) != "QuantizeLinear"


def test_an_unknown_layer_is_named_with_those_there_are(
    tmp_path, hub_file, some_photos, calibration
):
    converter = OnnxRuntimeConverter(keep_float=("tail",))
    with pytest.raises(InputError, match=r"no layer 'tail' \(layers: first, second, head\)"):
        converter.convert(hub_file, tmp_path, "int8", some_photos, calibration)


@pytest.mark.parametrize("algorithm", ["entropy", "percentile"])
def test_the_search_tries_the_last_layers(tmp_path, hub_file, some_photos, calibration, algorithm):
    artefact = OnnxRuntimeConverter(algorithm=algorithm).convert(
        hub_file, tmp_path, "int8", some_photos, calibration
    )
    trials = [tuple(trial["kept_float"]) for trial in artefact.manifest.details["trials"]]
    assert set(trials) == {(), ("head",), ("second", "head")}
    assert list(trials[0]) == artefact.manifest.details["kept_float"]


def test_the_device_is_the_one_that_was_asked_for(tmp_path, hub_file, some_photos):
    with pytest.raises(InputError, match="ONNX Runtime has no device 'abacus'"):
        OnnxRuntimeConverter().convert(
            hub_file, tmp_path / "out", "fp32", some_photos, device="abacus"
        )
    assert not list((tmp_path / "out").iterdir())
    artefact = OnnxRuntimeConverter().convert(hub_file, tmp_path, "fp32", some_photos, device="cpu")
    assert artefact.manifest.device == "cpu"
