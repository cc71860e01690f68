"""Keras import. TensorFlow is in the tool's environment alone: here a stub stands for the tool, and
the slow tests run the real one on files of both generations of Keras."""

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conversion.__main__ import main as conversion_main
from conversion._discovery import list_converters
from conversion.graph.hub_file import sha256_of
from conversion.keras import export
from conversion.keras.export import Refused
from conversion.keras.importer import BOX_ORDERS, TOOLS, Convention, Source, import_keras, main
from conversion.tools.environment import ToolEnvironment
from lightning_plates import processing
from lightning_plates.errors import ConversionError, InputError, MissingDependencyError, ParityError
from lightning_plates.terminal.console import run_reporting
from runtimes import open_model

SIDE = 8
TRUE_BOX = [0.4, 0.35, 0.6, 0.45]


def save_export(path, answer):
    """What tf2onnx would write: NHWC, and ``answer`` plus the photo's mean times nothing."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Gemm", ["means", "weight", "bias"], ["box"]),
    ]
    constants = {"weight": np.zeros((3, 4)), "bias": np.asarray(answer)}
    graph = helper.make_graph(
        nodes, "keras",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["unk__1", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("box", TensorProto.FLOAT, ["unk__2", 4])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()],
    )  # fmt: skip
    imports = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), str(path))


@pytest.fixture
def stub(monkeypatch):
    """A tool whose model answers ``answer`` to every photo; ``keras`` is what Keras itself says."""

    def install(answer, keras=None, refused=None):
        said = []

        def run(self, words):
            _, action, _, target, _, facts_file = words[:6]
            said.append(words)
            facts = {"width": SIDE, "height": SIDE, "written_by": "Keras 2.4.0 .h5", "tools": "t 1"}
            if refused:
                facts = {"refused": refused}
            elif action == "export":
                save_export(target, answer)
            else:
                photos = np.load(words[words.index("--photos") + 1])
                assert photos.shape[1:] == (SIDE, SIDE, 3)
                rows = np.tile(answer if keras is None else keras, (len(photos), 1))
                np.save(target, rows.astype(np.float32))
            Path(facts_file).write_text(json.dumps(facts), encoding="utf-8")
            return ""

        monkeypatch.setattr("conversion.tools.environment.ToolEnvironment.run", run)
        return said

    return install


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "old.h5"
    file.write_bytes(b"as if")
    return file


def test_it_is_a_script_and_no_converter(capsys):
    assert "keras" not in list_converters()
    assert conversion_main(["--help"]) == 0
    told = capsys.readouterr().out
    names = [line.split()[0] for line in told[told.index("further names") :].splitlines()[1:5]]
    assert names == ["calibration_study", "hub", "keras", "ops"]


def test_the_hub_carries_the_convention_and_its_origin(tmp_path, stub, model, some_photos):
    stub(TRUE_BOX)
    target = tmp_path / "hub.onnx"
    done = import_keras(Source(model), target, some_photos)
    assert done.parity.max_abs_difference == 0
    written = onnx.load(str(target))
    facts = {p.key: p.value for p in written.metadata_props}
    assert facts["lightning_plates.source_sha256"] == sha256_of(model)
    assert facts["lightning_plates.source"] == "Keras 2.4.0 .h5"
    assert written.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    with open_model(target) as opened:
        spec = opened.spec
        assert (spec.layout, spec.colour_order, spec.resize) == ("NHWC", "RGB", "stretch")
        assert (spec.mean, spec.std) == ((0, 0, 0), (1, 1, 1))
        assert spec.name == "old"
        np.testing.assert_allclose(opened.predict(some_photos[:2])["box"], [TRUE_BOX] * 2)


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        ("xyxy", TRUE_BOX),
        ("yxyx", [0.35, 0.4, 0.45, 0.6]),
        ("xywh", [0.4, 0.35, 0.2, 0.1]),
        ("cxcywh", [0.5, 0.4, 0.2, 0.1]),
    ],
)
def test_every_order_becomes_corners(tmp_path, stub, model, some_photos, order, answer):
    stub(answer)
    target = tmp_path / "hub.onnx"
    import_keras(Source(model), target, some_photos, Convention(box_order=order))
    with open_model(target) as opened:
        assert [tensor.name for tensor in opened.outputs] == ["box"]
        np.testing.assert_allclose(opened.predict(some_photos[:1])["box"], [TRUE_BOX], atol=1e-6)
    assert set(BOX_ORDERS) == {"xyxy", "yxyx", "xywh", "cxcywh"}


@pytest.mark.parametrize(
    ("scaling", "red"),
    [
        ("unit", [1, 0, 0]),
        ("symmetric", [1, -1, -1]),
        ("raw", [255, 0, 0]),
        # keras.applications.imagenet_utils: BGR less these means, no division
        ("caffe", [-103.939, -116.779, 255 - 123.68]),
    ],
)
def test_scalings_are_those_of_keras(scaling, red):
    photo = np.zeros((4, 4, 3), np.uint8)
    photo[..., 0] = 255
    batch, _ = processing.prepare([photo], Convention(scaling).spec("net", 2, 2))
    assert batch.shape == (1, 2, 2, 3)
    np.testing.assert_allclose(batch[0, 0, 0], red, atol=1e-3)


def test_mean_and_std_replace_the_scaling(tmp_path, stub, model, photo_folder):
    stub(TRUE_BOX)
    words = [str(model), "-o", str(tmp_path / "hub.onnx"), "--photos", str(photo_folder)]
    numbers = ["--mean", ".1", ".2", ".3", "--std", ".5", ".6", ".7", "--colour-order", "BGR"]
    assert main([*words, *numbers, "--resize", "letterbox"]) == 0
    with open_model(tmp_path / "hub.onnx") as opened:
        assert (opened.spec.mean, opened.spec.std) == ((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
        assert (opened.spec.colour_order, opened.spec.resize) == ("BGR", "letterbox")


def test_what_the_file_leaves_open_reaches_the_tool(tmp_path, stub, model, some_photos):
    said = stub(TRUE_BOX)
    source = Source(model, (SIDE, SIDE), "photo", "Identity")
    import_keras(source, tmp_path / "hub.onnx", some_photos, opset=15)
    given = ["--size", "8", "8", "--input-tensor", "photo", "--output-tensor", "Identity"]
    for words in said:
        assert words[-7:] == given
    assert said[0][6:8] == ["--opset", "15"]


def test_a_hub_that_answers_differently_is_not_written(tmp_path, stub, model, some_photos):
    stub(TRUE_BOX, keras=[0.4, 0.35, 0.6, 0.5])
    target = tmp_path / "hub.onnx"
    target.write_bytes(b"an earlier model")
    with pytest.raises(ParityError, match="answers differently"):
        import_keras(Source(model), target, some_photos)
    assert target.read_bytes() == b"an earlier model"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hub.onnx", "old.h5"]


def test_the_hash_of_a_folder_is_that_of_its_files(tmp_path):
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "v").write_bytes(b"1")
    before = Source(folder).sha256()
    assert Source(folder).sha256() == before
    (folder / "variables" / "v").write_bytes(b"2")
    assert Source(folder).sha256() != before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["gone.h5", "-o", "m.onnx"], "gone.h5: no such file or folder"),
        (["{model}", "-o", "m.pb"], "must end in .onnx"),
        (["{model}", "-o", "m.onnx", "--opset", "9"], "opset 9 is not offered"),
        (["{model}", "-o", "m.onnx", "--mean", "0", "0", "0"], "--mean and --std belong together"),
        (["{model}", "-o", "m.onnx"], "old.h5: it has 2 inputs"),
        (["{model}", "-o", "m.onnx", "--photos", "gone"], "gone: "),
    ],
)
def test_bad_input_is_one_line(tmp_path, stub, model, capsys, monkeypatch, words, reason):
    stub(TRUE_BOX, refused="it has 2 inputs and 1 outputs, expected one of each")
    monkeypatch.chdir(tmp_path)
    assert run_reporting(main, [word.format(model=model) for word in words]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("m.*"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["pipe.h5"], "pipe.h5: not a regular file"),
        (["saved"], "weights: not a regular file"),
        (["saved_model.pb"], "give its folder"),
        (["{model}", "--std", "1", "0", "1", "--mean", "0", "0", "0"], r"std\[1\]: expected"),
        (["{model}", "--size", "1000000", "8"], "width: expected `int` <= 8192"),
        (["{model}", "--size", "-1", "8"], "width: expected `int` >= 1"),
    ],
)
def test_what_cannot_be_is_refused_before_the_tool_is_made(
    tmp_path, model, capsys, monkeypatch, words, reason
):
    monkeypatch.setattr(ToolEnvironment, "ensure", lambda _: pytest.fail("the tool was made"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved_model.pb").touch()
    os.mkfifo("pipe.h5")
    os.mkfifo("saved/weights")
    given = [word.format(model=model) for word in words]
    assert run_reporting(main, [*given, "-o", "m.onnx"]) == 2
    error = capsys.readouterr().err
    assert re.search(reason, error)
    assert error.count("\n") == 1


@pytest.mark.parametrize("written", [b"", b"no array", (3, 4), (2, 5), "pickle"])
def test_a_tool_that_answers_nonsense_is_told(tmp_path, model, some_photos, monkeypatch, written):
    def run(self, words):
        action, target, facts = words[1], Path(words[3]), Path(words[5])
        if action == "export":
            save_export(target, TRUE_BOX)
        elif isinstance(written, bytes):
            target.write_bytes(written)
        else:
            values = np.zeros(written) if isinstance(written, tuple) else np.array([{}], object)
            np.save(target, values, allow_pickle=True)
        facts.write_text('{"width": 8, "height": 8, "written_by": "Keras", "tools": "t"}')
        return ""

    monkeypatch.setattr(ToolEnvironment, "run", run)
    with pytest.raises(ConversionError, match="keras tool: "):
        import_keras(Source(model), tmp_path / "hub.onnx", some_photos[:2])


@pytest.mark.parametrize("text", ["", "[]", '{"width": "8"}', '{"width": NaN}'])
def test_facts_of_a_tool_that_are_none_are_told(tmp_path, model, some_photos, monkeypatch, text):
    monkeypatch.setattr(ToolEnvironment, "run", lambda _, words: Path(words[5]).write_text(text))
    with pytest.raises(ConversionError, match="keras: "):
        import_keras(Source(model), tmp_path / "hub.onnx", some_photos[:2])


def save_archive(path, config):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.12.4"}))
    return path


def test_program_code_in_a_file_is_refused_before_keras_sees_it(tmp_path):
    inner = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda"}]}}
    config = {"class_name": "Functional", "config": {"layers": [{"class_name": "Dense"}, inner]}}
    file = save_archive(tmp_path / "evil.keras", config)
    with pytest.raises(Refused, match="Lambda layer"):
        export._load(file, None, None)


def test_an_archive_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("readme.txt", "no model")
    with pytest.raises(Refused, match=r"not a \.keras archive"):
        export._load(tmp_path / "other.keras", None, None)


@pytest.mark.parametrize(
    ("shape", "wanted", "found"),
    [
        ((None, 224, 200, 3), None, (None, 224, 200)),
        ((1, 32, 32, 3), [32, 32], (1, 32, 32)),
        ((None, None, None, 3), [64, 48], (None, 48, 64)),
    ],
)
def test_the_size_comes_from_the_model_or_the_user(shape, wanted, found):
    assert export._input_size(shape, wanted) == found


@pytest.mark.parametrize(
    ("shape", "wanted", "reason"),
    [
        ((None, None, None, 3), None, "give --size"),
        ((None, 32, 32, 3), [64, 64], "its input is 32 × 32 pixels, --size says 64 × 64"),
        ((None, 3, 32, 32), None, "expected"),
        ((None, 10), None, "expected"),
    ],
)
def test_other_inputs_are_refused(shape, wanted, reason):
    with pytest.raises(Refused, match=reason):
        export._input_size(shape, wanted)


@pytest.fixture(scope="session")
def keras_models(tmp_path_factory, project_dir):
    """Files of both generations of Keras, made by the tool's environment."""
    try:
        python = TOOLS.ensure()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("keras")
    script = project_dir / "tests" / "keras_models.py"
    subprocess.run([python, "-I", script, folder], check=True, capture_output=True)
    return folder


FORMS = [f"keras{generation}{form}" for generation in (2, 3) for form in
         (".h5", ".keras", "_saved", ".pb")]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_answers_as_keras_does(tmp_path, keras_models, some_photos, form):
    layout = "NCHW" if form.endswith(".h5") else "NHWC"
    target = tmp_path / "hub.onnx"
    convention = Convention(layout=layout)
    done = import_keras(Source(keras_models / form), target, some_photos, convention)
    assert done.parity.max_abs_difference < 1e-5
    assert (done.spec.width, done.spec.height) == (32, 32)
    with open_model(target) as opened:
        boxes = opened.predict(some_photos)["box"]
        assert opened.spec.layout == layout
    assert np.ptp(boxes, axis=0).max() > 1e-4  # it looks at the photos


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("three_numbers.keras", r"output has shape \(None, 3\), expected \(None, 4\)"),
        ("two_inputs.keras", "2 inputs and 1 outputs"),
        ("lambda_keras.h5", "Lambda layer"),
        ("lambda_tf_keras.h5", "Lambda layer"),
        ("tf_keras.weights.h5", "weights without a network"),
        ("custom.keras", "Could not locate class 'Own'"),
        ("any_size.keras", "give --size WIDTH HEIGHT"),
        ("noise.h5", "not a Keras file"),
        ("noise.pb", "not a frozen graph"),
        ("empty", "not a SavedModel"),
        ("keras3_saved/saved_model.pb", "give its folder"),
    ],
)
def test_models_that_cannot_be_used(tmp_path, keras_models, some_photos, file, reason):
    for noise in ("noise.h5", "noise.pb"):
        (keras_models / noise).write_bytes(b"no model at all")
    (keras_models / "empty").mkdir(exist_ok=True)
    with pytest.raises(InputError, match=reason):
        import_keras(Source(keras_models / file), tmp_path / "hub.onnx", some_photos)
    assert not list(tmp_path.iterdir())
