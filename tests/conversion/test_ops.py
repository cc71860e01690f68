"""What became of a model's operators, on graphs whose fate can be told by hand."""

import json
import re

import onnx
import pytest
from onnx import TensorProto, helper
from tiny_onnx import save_conv_model, save_mean_colour_model

from conversion import ops
from conversion.onnxruntime import OnnxRuntimeConverter
from conversion.operators.mapping import Fate, Node, Trace, alike, find_fates
from conversion.operators.table import describe, missing_operators
from conversion.ops import Trial, convert_everywhere, main, read_model, try_conversion
from lightning_plates.errors import ConversionError, InputError, MissingDependencyError
from lightning_plates.terminal.console import run_reporting

CHAIN = (
    Node("Shape", "shape", ("image",), ("sizes",), 0),
    Node("Pad", "pad", ("image",), ("padded",), 8),
    Node("Conv", "conv", ("padded",), ("c",), 216),
    Node("Relu", "relu", ("c",), ("r",), 0),
    Node("Gemm", "head", ("r",), ("box",), 32),
    Node("Sigmoid", "unread", ("r",), ("nobody",), 0),
)


def named(kind, *names):
    return Trace(kind, frozenset(names))


def test_what_leads_to_an_operator_is_fused_into_it():
    traces = [named("FusedConv", "fused conv", "r"), named("MatMul", "head/1"), named("Add", "box")]
    found = find_fates(CHAIN, ["image"], traces)
    assert found.nodes == (
        Fate("folded"),
        Fate("fused", "FusedConv"),
        Fate("supported", "FusedConv"),
        Fate("fused", "FusedConv"),
        Fate("supported", "Add"),
        Fate("removed"),
    )
    assert found.added == {"MatMul": 1}


def test_a_node_may_become_two_operators():
    traces = [named("MatMul", "head"), named("Add", "box"), named("Conv", "c"), named("Relu", "r")]
    fates = find_fates(CHAIN, ["image"], traces).nodes
    assert fates[4] == Fate("supported", "MatMul + Add")
    assert fates[2:4] == (Fate("supported", "Conv"), Fate("supported", "Relu"))


def test_without_names_operators_called_alike_are_matched_once_each():
    twice = (*CHAIN, Node("Conv", "second", ("box",), ("c2",), 9))
    traces = [Trace("CONV_2D"), Trace("FULLY_CONNECTED"), Trace("TRANSPOSE")]
    found = find_fates(twice, ["image"], traces)
    assert found.nodes[2] == Fate("supported", "CONV_2D")
    assert found.nodes[6] == Fate("fused or renamed")
    assert found.nodes[4] == Fate("fused or renamed")  # nobody says that FULLY_CONNECTED is Gemm
    assert found.nodes[0] == Fate("folded")
    assert found.added == {"FULLY_CONNECTED": 1, "TRANSPOSE": 1}


@pytest.mark.parametrize(
    ("operator", "kind", "same"),
    [
        ("Conv", "DEPTHWISE_CONV_2D", True),
        ("Conv", "ConvolutionDepthWise", True),
        ("Conv", "relax.nn.conv2d", True),
        ("MaxPool", "MAX_POOL_2D", True),
        ("Relu", "ReLU", True),
        ("Relu", "RELU6", True),
        ("com.microsoft::FusedConv", "FusedConv", True),
        ("Add", "PAD", False),
        ("Exp", "EXPAND_DIMS", False),
        ("MaxPool", "AVERAGE_POOL_2D", False),
        ("Gemm", "FULLY_CONNECTED", False),
    ],
)
def test_names_are_compared_word_by_word(operator, kind, same):
    assert alike(operator, kind) is same


def test_a_cell_counts_every_fate():
    fates = [Fate("supported", "Conv")] * 3 + [Fate("supported", "FusedConv"), Fate("folded")]
    assert describe(fates) == "supported: `Conv` 3, `FusedConv` 1; folded 1"
    assert describe([Fate("fused", "Conv")] * 2) == "fused into `Conv` 2"


def test_a_tools_message_names_what_it_lacks():
    reason = "No conversion rule for operator 'GridSample' (opset 16), node x/Conv_1."
    assert missing_operators(reason, ["Conv", "GridSample", "Grid"]) == ["GridSample"]


def test_operators_are_dated_by_onnx_itself(tmp_path):
    graph = read_model(save_conv_model(tmp_path / "m.onnx"))
    facts = {op.name: (op.count, op.since, op.first) for op in graph.operators}
    # docs: https://onnx.ai/onnx/operators (changelog)
    assert facts["Conv"] == (2, 11, 1)
    assert facts["Relu"] == (2, 13, 1)
    assert facts["GlobalAveragePool"] == (1, 1, 1)


def test_operators_of_others_have_no_opset(tmp_path):
    node = helper.make_node("Warp", ["image"], ["box"], domain="org.example")
    value = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("image", "box")
    ]
    graph = helper.make_graph([node], "g", value[:1], value[1:])
    imports = [helper.make_opsetid("", 13), helper.make_opsetid("org.example", 1)]
    onnx.save(helper.make_model(graph, opset_imports=imports), str(tmp_path / "m.onnx"))
    [operator] = read_model(tmp_path / "m.onnx").operators
    assert (operator.name, operator.since) == ("org.example::Warp", None)


def rows_of(text, heading):
    """Cells of the table whose first column is called ``heading``, by that column."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} "))
    names = [cell.strip() for cell in lines[start].strip("|").split("|")]
    found = {}
    for line in lines[start + 2 :]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(names):
            found[cells[0].strip("`")] = dict(zip(names, cells, strict=True))
    return found


def test_conversions_are_read_from_their_manifests(tmp_path, hub_file, some_photos, calibration):
    out = tmp_path / "out"
    OnnxRuntimeConverter().convert(hub_file, out, "fp32", some_photos)
    OnnxRuntimeConverter(keep_float=()).convert(hub_file, out, "int8", some_photos, calibration)
    target = tmp_path / "table.md"
    assert main([str(hub_file), "--converted", str(out), "-o", str(target)]) == 0
    text = target.read_text(encoding="utf-8")
    assert "Made by `python -m conversion.ops tiny.onnx --converted out -o table.md`." in text
    operators = rows_of(text, "operator")
    assert operators["Conv"]["nodes"] == "2"
    assert operators["Conv"]["ONNX Runtime fp32"] == "supported: `com.microsoft::FusedConv` 2"
    assert operators["Relu"]["ONNX Runtime fp32"] == "fused into `com.microsoft::FusedConv` 2"
    assert operators["Conv"]["ONNX Runtime int8"] == "supported: `Conv` 2"
    conversions = rows_of(text, "conversion")
    facts = json.loads((out / "tiny.int8.onnx.json").read_text(encoding="utf-8"))
    others = conversions["ONNX Runtime int8"]["other operators"]
    assert f"`QuantizeLinear` {facts['operators']['QuantizeLinear']}" in others
    assert conversions["ONNX Runtime fp32"]["status"] == "agrees"


def test_a_conversion_of_another_model_does_not_count(tmp_path, hub_file, some_photos):
    OnnxRuntimeConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    other = save_mean_colour_model(tmp_path / "other.onnx")
    with pytest.raises(InputError, match=r"no conversion of .*other\.onnx"):
        ops.read_converted(other, read_model(other), [tmp_path / "out"])


def without_spec(path):
    model = onnx.load(str(path))
    del model.metadata_props[:]
    model.graph.input[0].name = "pixels"
    model.graph.node[0].input[0] = "pixels"
    onnx.save(model, str(path))
    return path


def only_onnxruntime(monkeypatch):
    known = {"onnxruntime": OnnxRuntimeConverter}
    monkeypatch.setattr(ops, "list_converters", lambda: known)


def test_any_model_is_converted_for_the_table(tmp_path, some_photos, monkeypatch):
    only_onnxruntime(monkeypatch)
    model = without_spec(save_conv_model(tmp_path / "bare.onnx"))
    [(name, outcome)] = convert_everywhere(model, some_photos)
    assert (name, outcome.reason) == ("onnxruntime", "")
    assert outcome.operators["com.microsoft::FusedConv"] == 2
    assert outcome.max_abs_difference < 1e-5


def trial(tmp_path, some_photos):
    hub = ops._open(save_conv_model(tmp_path / "m.onnx"), tmp_path)
    return Trial("onnxruntime", hub, some_photos)


def test_a_failing_conversion_names_what_is_missing(tmp_path, some_photos, monkeypatch):
    def fail(self, job, draft):
        raise ConversionError("no rule for operator 'Relu'")

    monkeypatch.setattr(OnnxRuntimeConverter, "_write", fail)
    outcome = try_conversion(trial(tmp_path, some_photos))
    assert outcome.size_mb is None
    graph = read_model(tmp_path / "m.onnx")
    nodes = [node.operator for node in graph.nodes]
    rows = rows_of(ops.write_table("t", "c", graph.operators, nodes, [outcome]), "operator")
    assert rows["Relu"]["ONNX Runtime"] == "**missing**"
    assert rows["Conv"]["ONNX Runtime"] == "?"


def test_a_converted_model_that_answers_differently_says_so(tmp_path, some_photos, monkeypatch):
    other = save_conv_model(tmp_path / "other.onnx")
    model = onnx.load(str(other))
    model.graph.initializer[0].raw_data = bytes(len(model.graph.initializer[0].raw_data))
    onnx.save(model, str(other))
    write = OnnxRuntimeConverter.write_draft

    def write_other(self, job, draft):
        written = write(self, job, draft)
        draft.write_bytes(other.read_bytes())
        return written

    monkeypatch.setattr(OnnxRuntimeConverter, "write_draft", write_other)
    outcome = try_conversion(trial(tmp_path, some_photos))
    assert re.match(r"answers differently \(by .*, allowed 1e-03\)", outcome.reason)


def test_a_missing_tool_has_no_column(tmp_path, some_photos, monkeypatch):
    def missing(self):
        raise MissingDependencyError("onnxruntime is not installed")

    monkeypatch.setattr(OnnxRuntimeConverter, "check_tool", missing)
    assert try_conversion(trial(tmp_path, some_photos)) is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["gone.onnx"], "gone.onnx: no such file"),
        (["{noise}"], "not an ONNX file"),
        (["{hub}", "--converted", "gone"], "gone: no such file or folder"),
        (["{hub}", "--converted", "{folder}"], "no conversion of"),
        (["{flat}"], "name its conversions: --converted"),
        (["{hub}", "--photos", "gone"], "gone: no such file or folder"),
    ],
)
def test_bad_input_is_one_line(tmp_path, hub_file, capsys, words, reason):
    noise, folder, flat = tmp_path / "noise.onnx", tmp_path / "empty", tmp_path / "flat.onnx"
    noise.write_bytes(b"\x0a\xffno model")
    folder.mkdir()
    model = onnx.load(str(without_spec(save_conv_model(flat))))
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "H"
    onnx.save(model, str(flat))
    places = {"noise": noise, "folder": folder, "flat": flat, "hub": hub_file}
    assert run_reporting(main, [word.format(**places) for word in words]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
