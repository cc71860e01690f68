import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conversion.__main__ import main
from conversion.graph.folding import save_folded, spread_grids
from conversion.graph.hub_file import open_hub
from conversion.tflite.converter import TOOLS, TfliteConverter
from conversion.tflite.graph import Graph, Node, read_graph
from conversion.tflite.metadata import build_metadata
from lightning_plates.errors import ConversionError, InputError, MissingDependencyError
from lightning_plates.spec import METADATA_KEY, ModelSpec
from lightning_plates.terminal.console import run_reporting
from runtimes import open_model

litert = pytest.importorskip("ai_edge_litert", reason="needs the extra tflite")


@pytest.fixture(scope="session")
def tools():
    try:
        return TOOLS.ensure()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def held_types(file):
    """Types of the input and of the outputs inside the file, which the runtime hides."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    details = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    return [np.dtype(detail["dtype"]).name for detail in details]


GRAPH = Graph(
    (
        Node("c1", "CONV_2D", ()),
        Node("r1", "RELU", ("c1",)),
        Node("c2", "DEPTHWISE_CONV_2D", ("r1",)),
        Node("sum", "ADD", ("r1", "c2")),
        Node("heat", "CONV_2D", ("sum",)),
        Node("scores", "LOGISTIC", ("heat",)),
        Node("size", "CONV_2D", ("sum",)),
        Node("part", "SPLIT", ("size",), ("rest",)),
        Node("wide", "EXP", ("part",)),
        Node("boxes", "RESHAPE", ("wide",)),
    ),
    ("boxes", "scores"),
)


def test_what_decodes_boxes_stays_in_float():
    assert GRAPH.layers == ("c1", "c2", "heat", "size")
    assert GRAPH.in_float(()) == ["wide", "boxes"]


def test_what_a_float_layer_feeds_stays_in_float_up_to_the_next_layer():
    assert GRAPH.in_float(["c1"]) == ["c1", "r1", "wide", "boxes"]
    assert GRAPH.in_float(["heat"]) == ["heat", "scores", "wide", "boxes"]
    assert GRAPH.in_float(["c2"]) == ["c2", "wide", "boxes"]  # the sum reads INT8 too


def test_scopes_name_all_outputs_of_an_operator():
    assert GRAPH.scopes_in_float((), float_outputs=False) == ["wide;", "boxes;"]
    assert GRAPH.scopes_in_float((), float_outputs=True) == ["wide;", "boxes;", "boxes;scores;"]
    assert "part;rest;" in GRAPH.scopes_in_float(["size"], float_outputs=False)


def test_operators_are_counted(project_dir):
    graph = read_graph(project_dir / "tests/files/tflite/mean_colour.int8.tflite")
    assert graph.count_operators() == {"FULLY_CONNECTED": 1, "MEAN": 1, "RESHAPE": 1}
    assert graph.nodes[-1].name == "box"
    assert graph.nodes[-1].sources == ("colour",)


class Table:
    """Reads a flatbuffer field by field: the tests' own reader of the metadata schema."""

    def __init__(self, data, position=None):
        from flatbuffers import number_types, table

        self.data, self.types = data, number_types
        start = position if position is not None else int.from_bytes(data[:4], "little")
        self.table = table.Table(data, start)

    def _at(self, field):
        return self.table.Offset(4 + 2 * field)

    def text(self, field):
        return self.table.String(self._at(field) + self.table.Pos).decode()

    def number(self, field):
        return self.table.Get(self.types.Int8Flags, self._at(field) + self.table.Pos)

    def child(self, field):
        return Table(self.data, self.table.Indirect(self._at(field) + self.table.Pos))

    def member(self, field):
        """Of a union: its second field."""
        return Table(self.data, self.table.Indirect(self._at(field) + self.table.Pos))

    def children(self, field):
        start, count = self.table.Vector(self._at(field)), self.table.VectorLen(self._at(field))
        return [Table(self.data, self.table.Indirect(start + 4 * i)) for i in range(count)]

    def floats(self, field):
        return list(self.table.GetVectorAsNumpy(self.types.Float32Flags, self._at(field)))


def test_metadata_says_how_to_scale_and_what_comes_out():
    spec = ModelSpec(
        "net", 320, 200, mean=(0.5, 0.4, 0.3), std=(0.5, 0.5, 0.25), layout="NHWC",
        task="detection", options={"score_threshold": 0.4},
    )  # fmt: skip
    data = build_metadata(spec, {"scores": 2, "boxes": 3})
    assert data[4:8] == b"M001"
    model = Table(data)
    assert model.text(0) == "net"
    [graph] = model.children(3)
    [photo] = graph.children(2)
    assert photo.text(0) == "image"
    [scaling] = photo.children(4)
    assert scaling.number(0) == 1  # NormalizationOptions
    assert scaling.member(1).floats(0) == pytest.approx([127.5, 102, 76.5])
    assert scaling.member(1).floats(1) == pytest.approx([127.5, 127.5, 63.75])
    assert photo.child(3).number(0) == 2  # ImageProperties
    assert photo.child(3).member(1).number(0) == 1  # RGB
    scores, boxes = graph.children(3)
    assert (scores.text(0), boxes.text(0)) == ("scores", "boxes")
    assert "below 0.4 are no answer" in scores.text(1)
    assert boxes.child(3).number(0) == 3  # BoundingBoxProperties
    assert boxes.child(3).member(1).number(1) == 1  # corners


def test_bgr_is_not_called_rgb():
    photo = Table(build_metadata(ModelSpec("net", 8, 8, colour_order="BGR"), {"box": 2}))
    [graph] = photo.children(3)
    [entry] = graph.children(2)
    assert "BGR" in entry.text(1)
    assert entry.child(3).member(1)._at(0) == 0  # absent: unknown


def test_the_file_carries_its_metadata(project_dir):
    data = (project_dir / "tests/files/tflite/mean_colour.fp32.tflite").read_bytes()
    assert b"TFLITE_METADATA" in data
    start = data.index(b"M001") - 4
    assert Table(data[start:]).text(0) == "mean_colour"


def test_what_does_not_depend_on_the_photo_is_folded(tmp_path):
    """The bias comes out of a chain of operators, as pads and grids do in the exporter's files."""
    spec = ModelSpec("chain", 8, 8)
    nodes = [
        helper.make_node("Shape", ["image"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "third"], ["height"]),
        helper.make_node("Cast", ["height"], ["bias"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colour"]),
        helper.make_node("MatMul", ["colour", "weight"], ["raw"]),
        helper.make_node("Add", ["raw", "bias"], ["box"]),
    ]
    constants = {"third": np.array([2]), "weight": np.ones((3, 4), np.float32)}
    graph = helper.make_graph(
        nodes, "chain",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("box", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    onnx.save(model, str(tmp_path / "chain.onnx"))
    hub = open_hub(tmp_path / "chain.onnx", 21)
    folded = onnx.load(str(save_folded(hub, tmp_path / "folded.onnx")))
    kinds = {node.op_type for node in folded.graph.node}
    assert kinds <= {"GlobalAveragePool", "Flatten", "MatMul", "Add", "Gemm"}
    [batch, *_] = folded.graph.input[0].type.tensor_type.shape.dim
    assert batch.dim_value == 1


def save_grid_model(path):
    """A finder of one cell a pixel: its boxes are the pixel's coordinates, which are constants."""
    spec = ModelSpec("grid", 8, 8, task="detection", options={"score_threshold": 0.0})
    steps = np.arange(8, dtype=np.float32)
    constants = {
        "weight": np.zeros((1, 3, 1, 1), np.float32),
        "columns": steps.reshape(1, 1, 1, 8),
        "rows": steps.reshape(1, 1, 8, 1),
        "side": np.array(2, np.float32),
        "scale": np.full(4, 0.1, np.float32),
        "flat": np.array([0, 4, 64]),
        "list": np.array([0, 64]),
    }
    nodes = [
        helper.make_node("Conv", ["image", "weight"], ["zero"]),
        helper.make_node("Add", ["zero", "columns"], ["x1"]),
        helper.make_node("Add", ["zero", "rows"], ["y1"]),
        helper.make_node("Add", ["x1", "side"], ["x2"]),
        helper.make_node("Add", ["y1", "side"], ["y2"]),
        helper.make_node("Concat", ["x1", "y1", "x2", "y2"], ["corners"], axis=1),
        helper.make_node("Reshape", ["corners", "flat"], ["turned"]),
        helper.make_node("Transpose", ["turned"], ["pixels"], perm=[0, 2, 1]),
        helper.make_node("Mul", ["pixels", "scale"], ["boxes"]),
        helper.make_node("Sigmoid", ["x1"], ["likely"]),
        helper.make_node("Reshape", ["likely", "list"], ["scores"]),
    ]
    sizes = {"boxes": ["N", 64, 4], "scores": ["N", 64]}
    graph = helper.make_graph(
        nodes, "grid",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in sizes.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    onnx.save(model, str(path))
    return path


def test_grids_get_the_size_of_the_picture(tmp_path):
    model = save_folded(open_hub(save_grid_model(tmp_path / "g.onnx"), 21), tmp_path / "f.onnx")
    spread_grids(model)
    content = onnx.load(str(model))
    read = {name for node in content.graph.node for name in node.input}
    grids = [
        numpy_helper.to_array(tensor)
        for tensor in content.graph.initializer
        if tensor.name in read and tensor.dims[-1:] == [8]
    ]
    assert [grid.shape for grid in grids] == [(1, 1, 8, 8)] * 2
    assert np.array_equal(grids[0], grids[1].swapaxes(2, 3))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_coordinates_are_not_turned(tmp_path, some_photos, tools):
    """Without spread grids onnx2tf adds the rows to the columns."""
    hub = save_grid_model(tmp_path / "grid.onnx")
    artefact = TfliteConverter().convert(hub, tmp_path, "fp32", some_photos)
    assert artefact.manifest.parity.max_abs_difference < 1e-5


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--kind", "dynamic"], "--kind dynamic is of --precision int8, not of fp32"),
        (["--precision", "int8", "--keep-float", "head"], "belong to --kind mixed"),
        (["--precision", "int8"], "needs photos to calibrate int8: --calibration FOLDER"),
    ],
)
def test_contradicting_options_are_one_line(
    tmp_path, hub_file, photo_folder, capsys, words, reason
):
    common = [str(hub_file), "-o", str(tmp_path / "out"), "--photos", str(photo_folder)]
    assert run_reporting(main, ["tflite", *common, *words]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_a_tool_that_writes_nothing_is_an_error(tmp_path, hub_file, some_photos, monkeypatch):
    monkeypatch.setattr("conversion.tools.environment.ToolEnvironment.ensure", lambda self: None)
    monkeypatch.setattr("conversion.tools.environment.ToolEnvironment.run", lambda *_: "")
    with pytest.raises(ConversionError, match="onnx2tf wrote no float32 file"):
        TfliteConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_float_files_answer_like_the_hub(tmp_path, hub_file, some_photos, tools):
    fine = TfliteConverter().convert(hub_file, tmp_path, "fp32", some_photos)
    half = TfliteConverter().convert(hub_file, tmp_path, "fp16", some_photos)
    assert fine.manifest.tool == "onnx2tf 2.6.9, ai-edge-quantizer 0.10.0"
    assert fine.manifest.parity.max_abs_difference < 1e-5
    assert 0 < half.manifest.parity.max_abs_difference < 1e-2
    assert fine.manifest.operators["CONV_2D"] == 2
    assert half.manifest.operators["DEQUANTIZE"] > 0
    for artefact in (fine, half):
        assert held_types(artefact.path) == ["float32", "float32"]
        with open_model(artefact.path) as model:
            assert model.spec.layout == "NHWC"
            assert model.spec.input_shape == (1, 16, 16, 3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kinds_of_int8(tmp_path, hub_file, some_photos, calibration, tools):
    full = TfliteConverter().convert(hub_file, tmp_path, "int8", some_photos, calibration)
    assert full.path.name == "tiny.int8.tflite"
    assert held_types(full.path) == ["int8", "int8"]
    dynamic = TfliteConverter(kind="dynamic").convert(hub_file, tmp_path, "int8", some_photos)
    assert dynamic.path.name == "tiny.int8.dynamic.tflite"
    assert held_types(dynamic.path) == ["float32", "float32"]
    layers = read_graph(full.path).layers
    mixed = TfliteConverter(kind="mixed", keep_float=layers[-1:]).convert(
        hub_file, tmp_path, "int8", some_photos, calibration
    )
    assert held_types(mixed.path) == ["int8", "float32"]
    assert mixed.manifest.details["kept_float"] == list(layers[-1:])
    unknown = TfliteConverter(kind="mixed", keep_float=("warp",))
    with pytest.raises(InputError, match=r"no layer 'warp' \(layers: "):
        unknown.convert(hub_file, tmp_path, "int8", some_photos, calibration)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_mixed_measures_the_last_layers(tmp_path, hub_file, some_photos, calibration, tools):
    artefact = TfliteConverter(kind="mixed").convert(
        hub_file, tmp_path, "int8", some_photos, calibration
    )
    kept = [trial["kept_float"] for trial in artefact.manifest.details["trials"]]
    assert sorted(map(len, kept)) == [0, 1, 2]
    assert artefact.manifest.details["kept_float"] == kept[0]
