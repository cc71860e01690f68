"""The contract that every runtime keeps, on every runtime whose library is installed.

What differs by format is only how a tiny model file comes to be; ``MODEL_MAKERS`` says it.
"""

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_onnx import RGB_SPEC, save_constant_outputs, save_mean_colour_model

from lightning_plates.boxes import FitMargin
from lightning_plates.errors import InputError, MissingDependencyError, ModelError, SpecError
from lightning_plates.processing import prepare
from runtimes import installed_runtimes, list_runtimes, open_model

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def _onnx_file(folder):
    return save_mean_colour_model(folder / "tiny.onnx")


def _checkpoint_file(folder):
    """A network whose last layer ignores the photo: the box is the sigmoid of its biases."""
    torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
    from pytorch_lightning import Trainer

    from lightning_plates.models.lit_box_regressor import LitBoxRegressor

    module = LitBoxRegressor(weights="none", width=8, height=8)
    last = module.network.head[-2]
    torch.nn.init.zeros_(last.weight)
    last.bias.data = torch.logit(torch.tensor(CONSTANT_BOX))
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(module)
    trainer.save_checkpoint(folder / "tiny.ckpt")
    return folder / "tiny.ckpt"


def _openvino_file(folder):
    ov = pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
    file = folder / "tiny.xml"
    ov.save_model(ov.convert_model(str(_onnx_file(folder))), str(file), compress_to_fp16=False)
    (folder / "tiny.xml.spec.json").write_text(RGB_SPEC.to_json())
    return file


def _tflite_file(folder):
    shipped = Path(__file__).parents[1] / "files" / "tflite" / "mean_colour.fp32.tflite"
    spec = dataclasses.replace(RGB_SPEC, layout="NHWC")
    (folder / "tiny.tflite.spec.json").write_text(spec.to_json())
    return Path(shutil.copy(shipped, folder / "tiny.tflite"))


def _ncnn_file(folder):
    """Written by hand: the mean of each channel, and a layer with weights."""
    pytest.importorskip("ncnn", reason="the extra 'ncnn' is not installed")
    weight = np.array([[0.5, 0, 0], [0, 0.5, 0], [0.5, 0, 0], [0, 0, 0.5]], np.float32)
    bias = np.array([0, 0, 0.5, 0.5], np.float32)
    file = folder / "tiny.param"
    file.write_text(
        "7767517\n3 3\n"
        "Input image 0 1 image 0=8 1=8 2=3\n"
        "Pooling pool 1 1 image pooled 0=1 4=1\n"
        "InnerProduct head 1 1 pooled box 0=4 1=1 2=12\n"
    )
    file.with_suffix(".bin").write_bytes(bytes(4) + weight.tobytes() + bias.tobytes())
    (folder / "tiny.param.spec.json").write_text(RGB_SPEC.to_json())
    return file


def _engine_file(folder):
    """Needs a GPU, unless the stand-in computes."""
    from tiny_engine import make_engine

    try:
        return make_engine(folder)
    except (MissingDependencyError, ModelError) as error:
        pytest.skip(f"TensorRT cannot build an engine here: {error}")


@functools.cache
def _tvm_library():
    """Bytes of the mean-colour model as a library, generated and linked once."""
    pytest.importorskip("tvm", reason="the extra 'tvm' is not installed")
    from conversion.tvm.converter import TvmConverter

    photos = [np.full((20, 10, 3), 99, dtype=np.uint8)]
    with tempfile.TemporaryDirectory() as name:
        try:
            hub = _onnx_file(Path(name))
            return TvmConverter().convert(hub, Path(name), "fp32", photos).path.read_bytes()
        except MissingDependencyError as error:
            pytest.skip(str(error))


def _tvm_file(folder):
    (folder / "tiny.so").write_bytes(_tvm_library())
    (folder / "tiny.so.spec.json").write_text(RGB_SPEC.to_json())
    return folder / "tiny.so"


def _executorch_file(folder):
    """Lowered by our converter from the mean-colour hub; making it here would take too long."""
    shipped = Path(__file__).parents[1] / "files" / "executorch" / "mean_colour.fp32.pte"
    (folder / "tiny.pte.spec.json").write_text(RGB_SPEC.to_json())
    return Path(shutil.copy(shipped, folder / "tiny.pte"))


def _coreml_file(folder):
    if sys.platform != "darwin":
        pytest.skip("Core ML runs on Apple's systems only; see tests/conversion/test_coreml.py")
    from conversion.coreml import CoreMlConverter

    hub = save_mean_colour_model(folder / "tiny.onnx")
    photos = [colour_photo(200, 100, 50)]
    return CoreMlConverter().convert(hub, folder, "fp32", photos).path


MODEL_MAKERS = {
    ".onnx": _onnx_file,
    ".ckpt": _checkpoint_file,
    ".xml": _openvino_file,
    ".tflite": _tflite_file,
    ".param": _ncnn_file,
    ".pte": _executorch_file,
    ".mlpackage": _coreml_file,
    ".engine": _engine_file,
    ".so": _tvm_file,
}
STAND_INS = {"tensorrt": "fake_tensorrt"}
"""Fixtures that stand for libraries which no registry has, where they are not installed."""

CONSTANT_BOX = (0.25, 0.25, 0.75, 0.5)
MEAN_COLOUR_BOXES = ((0.5, 0.0, 1.0, 0.5), (0.0, 0.5, 0.5, 1.0))
"""What the mean-colour model answers to a red and to a cyan photo, in 0-1 of the photo."""
KNOWN_BOXES = {".ckpt": (CONSTANT_BOX, CONSTANT_BOX)}
"""The same for the makers that cannot make a mean-colour model."""


@pytest.fixture(params=sorted({*installed_runtimes(), *STAND_INS}))
def model_file(request, tmp_path):
    cls = list_runtimes()[request.param]
    if request.param not in installed_runtimes():
        request.getfixturevalue(STAND_INS[request.param])
    assert cls.suffixes[0] in MODEL_MAKERS, f"say in MODEL_MAKERS how to make a {cls.suffixes[0]}"
    return MODEL_MAKERS[cls.suffixes[0]](tmp_path)


def colour_photo(red, green, blue, size=(20, 10)):
    return np.full((size[1], size[0], 3), (red, green, blue), dtype=np.uint8)


@pytest.mark.parametrize("name", sorted(list_runtimes()))
def test_facts_are_stated(name):
    cls = list_runtimes()[name]
    assert cls.label
    assert cls.module
    assert cls.extra or name == "onnxruntime"  # which every installation has
    assert all(suffix.startswith(".") for suffix in cls.suffixes)


def test_answers_are_in_pixels_of_each_photo(model_file):
    red, cyan = KNOWN_BOXES.get(model_file.suffix, MEAN_COLOUR_BOXES)
    with open_model(model_file) as model:
        [[first], [second]] = model.locate(
            [colour_photo(255, 0, 0), colour_photo(0, 255, 255, size=(100, 200))]
        )
    assert first.box == pytest.approx(np.array(red) * (20, 10, 20, 10), abs=0.1)
    assert second.box == pytest.approx(np.array(cyan) * (100, 200, 100, 200), abs=1)


def test_a_margin_that_is_stored_is_obeyed(model_file):
    photo = colour_photo(0, 255, 255)
    with open_model(model_file) as model:
        [[bare]] = model.locate([photo])
        narrower = model.spec.with_options(margin=FitMargin(0.5, 1.0))
        if model_file.suffix == ".ckpt":
            with pytest.raises(InputError, match="give it to the ONNX hub file"):
                model.store_spec(narrower, model_file)
            return
        model.store_spec(narrower, model_file)
    with open_model(model_file) as model:
        [[moved]] = model.locate([photo])
    x1, y1, x2, y2 = bare.box
    quarter = (x2 - x1) / 4
    assert moved.box == pytest.approx((x1 + quarter, y1, x2 - quarter, y2), abs=1e-3)


def test_a_spec_in_a_sidecar_is_changed_in_place_only(model_file):
    with open_model(model_file) as model:
        elsewhere = model_file.with_name(f"other{model_file.suffix}")
        if model_file.suffix == ".onnx":
            model.store_spec(model.spec, elsewhere)
        else:
            with pytest.raises(InputError):
                model.store_spec(model.spec, elsewhere)
    assert elsewhere.exists() == (model_file.suffix == ".onnx")


def test_no_photos_no_answers(model_file):
    with open_model(model_file) as model:
        assert model.locate([]) == []


@pytest.mark.parametrize(
    ("feeds", "reason"),
    [
        ({}, "got inputs"),
        ({"picture": np.zeros((1, 3, 8, 8), np.float32)}, "got inputs"),
        ({"image": np.zeros((1, 3, 9, 8), np.float32)}, "has shape"),
        ({"image": np.zeros((3, 8, 8), np.float32)}, "has shape"),
    ],
)
def test_wrong_inputs_are_refused(model_file, feeds, reason):
    with open_model(model_file) as model, pytest.raises(InputError, match=reason):
        model.run(feeds)


def test_a_wrong_type_is_refused(model_file):
    with open_model(model_file) as model, pytest.raises(InputError, match="is float64"):
        model.run({"image": np.zeros(model.spec.input_shape, np.float64)})


def test_a_closed_model_says_so_and_closes_twice(model_file):
    model = open_model(model_file)
    model.close()
    model.close()
    with pytest.raises(ModelError, match="closed"):
        model.run({"image": np.zeros((1, 3, 8, 8), np.float32)})


def test_threads_and_devices_are_checked(model_file):
    with open_model(model_file, threads=1) as model:
        assert len(model.locate([colour_photo(0, 0, 0)])) == 1
    for threads in (0, -1, 10**9):
        with pytest.raises(InputError, match=f"threads is {threads}, expected 1 to 1024"):
            open_model(model_file, threads=threads)
    with pytest.raises(InputError, match="device 'abacus'"):
        open_model(model_file, device="abacus")


def test_a_truncated_file_is_named(model_file):
    data = model_file.read_bytes()
    model_file.write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=model_file.name):
        open_model(model_file)


SPARSE_BYTES = 20_000_000_000


def _pipe(file):
    os.mkfifo(file)


def _endless(file):
    file.symlink_to("/dev/zero")


def _circle(file):
    file.symlink_to(file.name)


def _sparse(file):
    with file.open("wb") as stream:
        stream.truncate(SPARSE_BYTES)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_pipe, "not a regular file"),
        (_endless, "not a regular file"),
        (_circle, "Too many levels of symbolic links"),
        (_sparse, "20,000 MB, more"),
    ],
)
def test_a_file_that_would_hang_or_fill_the_memory_is_refused(model_file, make, reason):
    """The model, the weights beside it and its spec: each in turn."""
    whole = [model_file] if model_file.is_file() else sorted(model_file.rglob("*.mlmodel"))
    beside = [model_file.with_suffix(".bin"), model_file.with_name(f"{model_file.name}.spec.json")]
    for file in (*whole, *filter(Path.exists, beside)):
        content = file.read_bytes()
        file.unlink()
        make(file)
        with (
            pytest.raises(InputError, match=rf"{file.name}: {reason}"),
            open_model(model_file) as m,
        ):
            _ = m.spec
        file.unlink()
        file.write_bytes(content)
    with open_model(model_file) as model:
        assert len(model.locate([colour_photo(0, 0, 0)])) == 1


def test_a_folder_or_a_nul_in_the_name_is_refused(model_file, tmp_path):
    if model_file.is_file():
        folder = tmp_path / "folder" / model_file.name
        folder.mkdir(parents=True)
        with pytest.raises(InputError, match=rf"{folder.name}: Is a directory"):
            open_model(folder)
    with pytest.raises(InputError, match="null byte"):
        open_model(model_file.with_name(f"a\0{model_file.suffix}"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"width": 10**6}, "model spec: width: expected `int` <= 8192"),
        ({"std": None}, "model spec: std: expected `array`"),
        ({"task": "detection"}, r"the spec says detection, but the graph's outputs \['b"),
        ("[1]", "model spec: expected a JSON object"),
        ('{"version": 1, "name": NaN}', "model spec: not JSON"),
        (b"\xff\xfe\x00", "model spec: not JSON"),
    ],
)
def test_a_damaged_sidecar_is_named(model_file, change, reason):
    sidecar = model_file.with_name(f"{model_file.name}.spec.json")
    if not sidecar.exists():
        pytest.skip("the format carries its spec")
    fields = json.loads(sidecar.read_bytes())
    text = json.dumps({**fields, **change}).encode() if isinstance(change, dict) else change
    sidecar.write_bytes(text if isinstance(text, bytes) else text.encode())
    name = model_file.name if "graph" in reason else sidecar.name
    with (
        pytest.raises(SpecError, match=rf"{name}: {reason}|the spec names 2 outputs"),
        open_model(model_file) as model,
    ):
        _ = model.spec


def test_missing_and_unknown_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        open_model(tmp_path / "gone.onnx")
    (tmp_path / "model.xyz").touch()
    with pytest.raises(InputError, match=r"gone\.xyz: no such file$"):
        open_model(tmp_path / "gone.xyz")
    with pytest.raises(InputError, match=r"no runtime opens this file \(known endings: .*\.onnx"):
        open_model(tmp_path / "model.xyz")
    with pytest.raises(InputError, match="unknown runtime 'warp'"):
        open_model(tmp_path / "model.xyz", runtime="warp")


def test_a_model_without_or_with_a_false_spec_is_refused(tmp_path):
    from lightning_plates.spec import ModelSpec

    bare = save_mean_colour_model(tmp_path / "bare.onnx", spec=None)
    with open_model(bare) as model, pytest.raises(SpecError, match="no model spec"):
        _ = model.spec
    two_outputs = ModelSpec("net", 8, 8, task="detection")
    false = save_mean_colour_model(tmp_path / "false.onnx", spec=two_outputs)
    with (
        open_model(false) as model,
        pytest.raises(
            SpecError, match=r"the spec says detection, but the graph's outputs \['box'\] lack"
        ),
    ):
        _ = model.spec
    renamed = save_mean_colour_model(
        tmp_path / "renamed.onnx", spec=ModelSpec("net", 8, 8, input_name="photo")
    )
    with open_model(renamed) as model, pytest.raises(SpecError, match="names input 'photo'"):
        _ = model.spec


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ([("box", FLOAT, [1, 5])], r"output 'box' has shape \(1, 5\), expected \(N, 4\)"),
        ([("box", FLOAT, [4])], r"output 'box' has shape \(4\), expected \(N, 4\)"),
        ([("box", INT64, [1, 4])], "'box' holds int64, expected floating point"),
        ([("boxes", FLOAT, [1, 9, 4]), ("scores", FLOAT, [1, 8])], "output 'scores' has shape"),
        ([("boxes", FLOAT, [1, 4, 9]), ("scores", FLOAT, [1, 9])], "output 'boxes' has shape"),
        ([("boxes", FLOAT, [1, 9, 4]), ("scores", FLOAT, [1, 9, 1])], "output 'scores' has"),
    ],
)
def test_outputs_that_contradict_the_spec_are_named_when_it_is_opened(tmp_path, outputs, reason):
    task = "box" if len(outputs) == 1 else "detection"
    spec = dataclasses.replace(RGB_SPEC, task=task)
    file = save_constant_outputs(tmp_path / "odd.onnx", spec, outputs)
    with open_model(file) as model, pytest.raises(SpecError, match=rf"odd\.onnx: .*{reason}"):
        _ = model.spec


def test_outputs_whose_shape_shows_only_in_the_answer_are_the_models_fault(tmp_path):
    """A reshape whose sizes the graph computes: the file does not tell even how many axes."""
    file = save_constant_outputs(tmp_path / "open.onnx", RGB_SPEC, [("box", FLOAT, None)])
    with open_model(file) as model, pytest.raises(ModelError, match="output 'box' has shape"):
        model.locate([colour_photo(0, 0, 0)])


def test_a_graph_without_input_is_named(tmp_path):
    file = save_constant_outputs(tmp_path / "deaf.onnx", RGB_SPEC, [("box", FLOAT, [1, 4])], False)
    with (
        open_model(file) as model,
        pytest.raises(SpecError, match=r"deaf\.onnx: .*the graph has \["),
    ):
        _ = model.spec


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "link.bin", "gone.bin"])
def test_weights_outside_the_folder_of_a_model_are_never_read(tmp_path, location):
    (tmp_path / "secret.bin").write_bytes(bytes(10_000))
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.bin").symlink_to(tmp_path / "secret.bin")
    model = onnx.load(str(save_mean_colour_model(inside / "model.onnx")))
    weight = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(weight, location)
    weight.ClearField("raw_data")
    (inside / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"model\.onnx: ONNX Runtime cannot open it"):
        open_model(inside / "model.onnx")


def test_several_threads_may_use_one_model(model_file):
    colours = [(255, 0, 0), (0, 255, 255), (0, 0, 255), (255, 255, 0)]
    with open_model(model_file, threads=1) as model:
        batches = [prepare([colour_photo(*colour)], model.spec)[0] for colour in colours]
        name, answer = model.spec.input_name, model.outputs[0].name
        alone = [model.run({name: batch})[answer] for batch in batches]

        def ask(number):
            which = number % len(colours)
            return np.array_equal(model.run({name: batches[which]})[answer], alone[which])

        with switching_often(), ThreadPoolExecutor(len(colours)) as pool:
            assert all(pool.map(ask, range(400)))


@contextlib.contextmanager
def switching_often():
    """Give every thread the chance to disturb the others."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
