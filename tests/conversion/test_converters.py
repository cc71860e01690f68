"""What the base does for every converter; ONNX Runtime's stands for all."""

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_onnx import save_conv_model, save_mean_colour_model

from conversion import onnxruntime as module
from conversion.__main__ import main
from conversion._base import Converter
from conversion._discovery import find_converter, list_converters
from conversion.gate.parity import Parity, Tolerance, measure_parity, require_agreement
from conversion.graph.hub_file import open_hub, save_fixed_shapes, sha256_of
from conversion.hub import load_parity_photos
from conversion.int8.calibration import choose_photos
from conversion.int8.keep_float import Trial, choose_layers, rank, settle_layers
from conversion.onnxruntime import OnnxRuntimeConverter
from conversion.ops import read_model
from conversion.tools.environment import ToolEnvironment
from lightning_plates.errors import (
    InputError,
    MissingDependencyError,
    ParityError,
    SpecError,
)
from lightning_plates.photos import encode_jpeg
from lightning_plates.spec import ModelSpec
from lightning_plates.terminal.console import run_reporting
from runtimes import list_runtimes, open_model


@pytest.mark.parametrize("name", sorted(list_converters()))
def test_facts_are_stated(name):
    cls = list_converters()[name]
    assert issubclass(cls, Converter)
    assert cls.label
    assert cls.extra
    assert set(cls.precisions) <= {"fp32", "fp16", "int8"}
    assert cls.suffix in list_runtimes()[cls.runtime].suffixes
    cls()  # every option has a default, so that `all` can use it


def test_the_hub_script_is_no_converter():
    assert "hub" not in list_converters()
    with pytest.raises(InputError, match=r"unknown converter 'warp' \(choose from: .*onnxruntime"):
        find_converter("warp")


def test_the_manifest_tells_where_the_file_came_from(tmp_path, hub_file, some_photos):
    artefact = OnnxRuntimeConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    assert artefact.path.name == "tiny.fp32.onnx"
    facts = json.loads((tmp_path / "out" / "tiny.fp32.onnx.json").read_text(encoding="utf-8"))
    assert facts["hub_sha256"] == sha256_of(hub_file)
    assert facts["tool"].startswith("onnxruntime ")
    assert facts["sizes"] == {"tiny.fp32.onnx": artefact.path.stat().st_size}
    assert facts["parity"]["photos"] == len(some_photos)
    assert facts["hub_operators"]["Conv"] == 2
    assert str(tmp_path) not in json.dumps(facts)


def test_a_draft_that_answers_differently_is_not_put_in_place(
    tmp_path, hub_file, some_photos, monkeypatch
):
    target = tmp_path / "tiny.fp32.onnx"
    target.write_bytes(b"an earlier model")
    other = save_conv_model(tmp_path / "other.onnx")
    model = onnx.load(str(other))
    bias = next(weight for weight in model.graph.initializer if weight.name == "b3")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.zeros(4, np.float32), "b3"))
    onnx.save(model, str(other))
    optimise = module._optimise
    monkeypatch.setattr(module, "_optimise", lambda source, *rest: optimise(other, *rest))
    with pytest.raises(ParityError, match=r"not written.*mean IoU 0\.0"):
        OnnxRuntimeConverter().convert(hub_file, tmp_path, "fp32", some_photos)
    assert target.read_bytes() == b"an earlier model"
    assert {p.name for p in tmp_path.iterdir()} == {"tiny.onnx", "other.onnx", "tiny.fp32.onnx"}


def test_an_interrupted_conversion_leaves_nothing(tmp_path, hub_file, some_photos, monkeypatch):
    def interrupt(self, job, draft):
        draft.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(OnnxRuntimeConverter, "_write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        OnnxRuntimeConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    assert not list((tmp_path / "out").iterdir())


def test_a_missing_tool_says_what_to_install(tmp_path, hub_file, some_photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingDependencyError, match=r"lightning-plates\[openvino\]"):
        find_converter("openvino")().convert(hub_file, tmp_path, "fp32", some_photos)


def test_int8_asks_for_calibration_photos(tmp_path, hub_file, some_photos):
    with pytest.raises(InputError, match="--calibration FOLDER"):
        OnnxRuntimeConverter().convert(hub_file, tmp_path, "int8", some_photos)
    with pytest.raises(InputError, match="no precision 'int4'"):
        OnnxRuntimeConverter().convert(hub_file, tmp_path, "int4", some_photos)


def test_hub_files_that_cannot_be_used(tmp_path):
    noise = tmp_path / "noise.onnx"
    noise.write_bytes(b"\x0a\xffno model")
    with pytest.raises(InputError, match="not an ONNX file"):
        open_hub(noise, 21)
    with pytest.raises(InputError, match="no such file"):
        open_hub(tmp_path / "gone.onnx", 21)
    with pytest.raises(InputError, match="uses opset 13, this converter reads up to 12"):
        open_hub(save_conv_model(tmp_path / "new.onnx"), 12)
    with pytest.raises(SpecError, match="no model spec"):
        open_hub(save_mean_colour_model(tmp_path / "bare.onnx", spec=None), 21)
    turned = ModelSpec("net", 8, 8, layout="NHWC")
    with pytest.raises(SpecError, match="layout NCHW would fit"):
        open_hub(save_mean_colour_model(tmp_path / "turned.onnx", spec=turned), 21)


def put_outside(hub, weight_name, location, **facts):
    """Say that a weight of ``hub`` lies in another file."""
    model = onnx.load(str(hub))
    [weight] = [one for one in model.graph.initializer if one.name == weight_name]
    onnx.external_data_helper.set_external_data(weight, location, **facts)
    weight.ClearField("raw_data")
    hub.write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("../secret.bin", "leaves its folder; refused"),
        ("/etc/hostname", "leaves its folder; refused"),
        ("link.bin", "leaves its folder; refused"),
        ("gone.bin", "is missing"),
        ("a\0b", "cannot be found"),
        ("pipe", "not a regular file"),
        ("", "Is a directory"),
    ],
)
@pytest.mark.timeout(60)
def test_external_data_that_must_not_be_read_is_refused(tmp_path, location, reason):
    hub = save_conv_model(tmp_path / "hub.onnx")
    (tmp_path / "inside").mkdir()
    hub = hub.rename(tmp_path / "inside" / "hub.onnx")
    (tmp_path / "secret.bin").write_bytes(bytes(1000))
    (hub.parent / "link.bin").symlink_to(tmp_path / "secret.bin")
    os.mkfifo(hub.parent / "pipe")
    put_outside(hub, "w1", location)
    with pytest.raises(InputError, match=reason):
        open_hub(hub, 21)
    with pytest.raises(InputError, match=reason):
        read_model(hub)


def with_external_data(hub_file):
    """The hub with its weights in a file beside it."""
    hub = hub_file.parent / "outside" / "finder.onnx"
    hub.parent.mkdir()
    model = onnx.load(str(hub_file))
    onnx.save(model, str(hub), save_as_external_data=True, size_threshold=0, location="finder.data")
    assert (hub.parent / "finder.data").exists()
    return hub


def test_the_hash_of_a_hub_covers_its_external_data(hub_file):
    hub = with_external_data(hub_file)
    before = open_hub(hub, 21).sha256
    assert before != sha256_of(hub)
    data = hub.parent / "finder.data"
    data.write_bytes(bytes([data.read_bytes()[0] ^ 1]) + data.read_bytes()[1:])
    assert open_hub(hub, 21).sha256 != before


HEAVY = {"coreml", "executorch", "tvm", "tflite"}
OPTIONS = {"tensorrt": {"trtexec": True}}


@pytest.fixture
def other_file_systems(monkeypatch, tmp_path):
    """Results lie in another file system than the scratch folders; returns their folder."""
    out = tmp_path / "other" / "out"

    def refusing(move):
        def moved(source, target, *args, **kwargs):
            if (out in Path(source).parents) != (out in Path(target).parents):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))
            return move(source, target, *args, **kwargs)

        return moved

    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    return out


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in HEAVY else [])
        for name in sorted(list_converters())
    ],
)
def test_weights_beside_the_hub_and_results_in_another_file_system(
    hub_file, some_photos, other_file_systems, name
):
    converter = find_converter(name)(**OPTIONS.get(name, {}))
    try:
        converter.check_tool()
        converter.prepare_tool()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    hub = with_external_data(hub_file)
    artefact = converter.convert(hub, other_file_systems, "fp32", some_photos)
    assert artefact.path.name.startswith("finder.fp32.")
    assert artefact.manifest.hub_file == "finder.onnx"
    assert artefact.manifest.parity.mean_likeness > 0.999
    assert not list(other_file_systems.glob(".draft-*"))


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("file_format", ["onnx", "ort"])
def test_every_precision_takes_weights_beside_the_hub(
    hub_file, some_photos, calibration, other_file_systems, precision, file_format
):
    hub = with_external_data(hub_file)
    converter = OnnxRuntimeConverter(format=file_format)
    artefact = converter.convert(hub, other_file_systems, precision, some_photos, calibration, 0.0)
    assert artefact.path.parent == other_file_systems
    assert set(artefact.manifest.sizes) == {artefact.path.name}  # the weights are inside


def test_a_hub_that_is_changed_takes_its_weights_in(hub_file):
    hub = with_external_data(hub_file)
    with open_model(hub) as model:
        model.store_spec(model.spec, hub)
    (hub.parent / "finder.data").unlink()
    with open_model(hub) as model:
        assert model.spec.name == "tiny_conv"


def test_photos_that_cannot_be_read_are_skipped_by_name(tmp_path, plate_set, capsys):
    folder = tmp_path / "photos"
    shutil.copytree(plate_set, folder, ignore=shutil.ignore_patterns("*.csv"))
    good = sorted(folder.iterdir())
    whole = good[0].read_bytes()
    (folder / "empty.jpg").touch()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.jpg").write_bytes(b"Mac OS X        " * 10)
    calibration, photos = choose_photos(folder, count=4)
    assert len(calibration.files) == 4
    assert set(calibration.files) <= set(good)
    everything, _ = choose_photos(folder, count=1000)
    assert set(everything.files) == set(good)
    skipped = [line for line in capsys.readouterr().err.splitlines() if "skipped: " in line]
    assert {Path(line.split(": ")[1]).name for line in skipped} == {
        "empty.jpg", "cut.png", "noise.jpg"
    }  # fmt: skip
    assert len(load_parity_photos(folder)) > 0
    assert len(photos) > 0


def test_too_few_photos_left_is_one_line(tmp_path, hub_file, capsys):
    (tmp_path / "photos").mkdir()
    for number in range(3):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(b"no photo")
    photos = str(tmp_path / "photos")
    words = ["onnxruntime", str(hub_file), "-o", str(tmp_path / "out")]
    int8 = ["--precision", "int8", "--calibration", photos]
    for more, reason in (
        (int8, f"error: {photos}: none of its 3 photos can be read\n"),
        (["--photos", photos], f"error: {photos}: none of the 3 photos tried can be read\n"),
    ):
        assert run_reporting(main, [*words, *more]) == 2
        assert capsys.readouterr().err.endswith(reason)
    with pytest.raises(InputError, match=r"0\.jpg"):
        load_parity_photos(tmp_path / "photos" / "0.jpg")


@pytest.mark.parametrize(
    ("name", "words", "reason"),
    [
        ("tflite", ["--kind", "dynamic"], "--kind dynamic is of --precision int8, not of fp32"),
        ("tflite", ["--search", "--precision", "int8"], "belong to --kind mixed"),
        ("tflite", ["--precision", "int8"], "--calibration FOLDER"),
        ("tflite", ["--min-iou", "2"], "--min-likeness is 2"),
        ("tflite", ["--photos", "gone"], "gone: "),
        ("tvm", ["--tune", "-1"], "--tune is -1"),
        ("tvm", ["--tune", "5"], "--tune-database DIR"),
        ("tensorrt", ["--quantise", "calibrator"], "is of --precision int8"),
        ("tensorrt", ["--workspace-mb", "0"], "--workspace-mb is 0"),
    ],
)
def test_contradictory_options_are_refused_before_anything_is_made(
    hub_file, monkeypatch, capsys, name, words, reason
):
    """Before a tool environment of half a gigabyte, a hub is read, or the tool is looked for."""
    monkeypatch.setattr(ToolEnvironment, "ensure", lambda _: pytest.fail("a tool was made"))
    monkeypatch.setattr(list_converters()[name], "check_tool", lambda _: None)
    monkeypatch.chdir(hub_file.parent)
    assert run_reporting(main, [name, str(hub_file), "-o", "out", *words]) == 2
    assert reason in capsys.readouterr().err
    assert not (hub_file.parent / "out").exists()


def test_shapes_are_fixed_for_compilers(tmp_path, hub_file):
    fixed = onnx.load(str(save_fixed_shapes(open_hub(hub_file, 21), tmp_path / "fixed.onnx")))
    shapes = [
        [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (fixed.graph.input[0], fixed.graph.output[0])
    ]
    assert shapes == [[1, 3, 16, 16], [1, 4]]


def test_parity_of_a_finder_is_that_of_its_best_boxes():
    spec = ModelSpec("finder", 8, 8, task="detection", options={"score_threshold": 0.5})
    boxes = np.array([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], [[0, 0, 1, 1], [0, 0, 0.1, 0.1]]])
    source = {"boxes": boxes, "scores": np.array([[0.9, 0.2], [0.1, 0.0]])}
    # The first photo's best box moves to another place; the second photo shows no plate to either.
    other = {"boxes": boxes, "scores": np.array([[0.3, 0.8], [0.3, 0.0]])}
    assert measure_parity(source, source, spec) == Parity(2, 1, 0.0, 1.0, 0.0)
    assert measure_parity(source, other, spec) == Parity(
        2, 1, pytest.approx(0.6), 0.5, pytest.approx(0.2)
    )


def test_every_broken_limit_is_named(tmp_path):
    with pytest.raises(ParityError) as caught:
        require_agreement(tmp_path / "m.xml", Parity(4, 4, 0.5, 0.7, 0.3), Tolerance(0.1, 0.9, 0.2))
    for part in ("m.xml", "largest difference 5.00e-01", "0.700 < 0.9", "0.300 > 0.2"):
        assert part in str(caught.value)


def test_silence_proves_nothing(tmp_path, some_photos, calibration):
    from tiny_onnx import save_constant_scored_model

    hub = save_constant_scored_model(tmp_path / "mute.onnx", [[0, 0, 0.5, 0.5]], [0.1])
    with pytest.raises(InputError, match="give photos that show what it looks for"):
        OnnxRuntimeConverter().convert(hub, tmp_path, "fp16", some_photos)


def test_layers_are_kept_in_float_only_where_it_pays():
    iou = {(): 0.80, ("d",): 0.951, ("c", "d"): 0.953, ("a", "b", "c", "d"): 0.954}

    def measure(kept):
        return Parity(4, 4, 0.1, iou.get(kept, 0.5), 0.0), 1000 + len(kept)

    trials = choose_layers(["a", "b", "c", "d"], measure, every_layer=False)
    assert trials[0].kept == ("d",)
    assert {trial.kept for trial in trials} == set(iou)
    iou["a", "d"] = 0.99  # the most sensitive two, found one by one
    iou["a",] = 0.9
    assert choose_layers(["a", "b", "c", "d"], measure, every_layer=True)[0].kept == ("a", "d")


def test_layers_that_are_asked_for_are_taken_unmeasured():
    def measure(kept):
        raise AssertionError(kept)

    choice = settle_layers(["a", "b"], ["b"], measure, every_layer=True)
    assert choice.describe() == {"kept_float": ["b"], "trials": []}
    with pytest.raises(InputError, match=r"no layer 'c' \(layers: a, b\)"):
        settle_layers(["a", "b"], ["b", "c"], measure, every_layer=False)
    iou = {("b",): 0.97}
    choice = settle_layers(
        ["a", "b"], None, lambda kept: (Parity(4, 4, 0.1, iou.get(kept, 0.5), 0.0), 9), False
    )
    assert choice.kept == ("b",)
    assert choice.describe()["trials"][0] == {
        "kept_float": ["b"], "mean_likeness": 0.97, "bytes": 9,
    }  # fmt: skip


def test_first_layers_are_tried_where_the_last_ones_do_not_suffice():
    layers = list("abcdefghij")
    iou = {("j",): 0.88, ("a", "b", "j"): 0.92, (*"abcdefgh", "j"): 0.923}

    def measure(kept):
        return Parity(4, 4, 0.1, iou.get(kept, 0.5), 0.0), 1000 + len(kept)

    trials = choose_layers(layers, measure, every_layer=False)
    assert trials[0].kept == ("a", "b", "j")  # 0.923 is not worth more layers
    assert {trial.kept for trial in trials} >= set(iou)
    heavy = {("g", "h", "i", "j"): 30_000_000}
    iou |= {("g", "h", "i", "j"): 0.91, ("a", "b", "j"): 0.925}
    trials = choose_layers(layers, lambda kept: (measure(kept)[0], heavy.get(kept, 1000)), False)
    assert trials[0].kept == ("a", "b", "j")  # not with the heavy layers, though these are better
    iou["j",] = 0.94
    assert not any("a" in trial.kept for trial in choose_layers(layers, measure, False))


@pytest.mark.parametrize(
    ("small_iou", "large_iou", "more_mb", "chosen"),
    [
        (0.96, 0.99, 1, "large"),  # 0.03 a megabyte
        (0.96, 0.99, 24, "small"),  # 0.00125 a megabyte
        (0.80, 0.99, 24, "large"),  # a file that would be refused is worth no byte
        (0.80, 0.804, 0.1, "small"),  # less than chance gives
    ],
)
def test_each_megabyte_in_float_must_bring_something(small_iou, large_iou, more_mb, chosen):
    small = Trial(("small",), Parity(4, 4, 0.1, small_iou, 0.0), 10_000_000)
    size = 10_000_000 + round(more_mb * 1e6)
    large = Trial(("large",), Parity(4, 4, 0.1, large_iou, 0.0), size)
    assert rank([large, small])[0].kept == (chosen,)


def test_calibration_comes_from_the_training_side_only(plate_set):
    from lightning_plates.data.labelled_photos import read_divided

    sides = read_divided([plate_set]).sides
    calibration, photos = choose_photos(plate_set, count=10)
    trained = {photo.path.resolve() for photo in sides["train"]}
    assert len(calibration.files) == 10
    assert {file.resolve() for file in calibration.files} <= trained
    assert len(photos) == min(16, len(trained) - 10)
    assert calibration.side == "train"
    assert choose_photos(plate_set, count=10)[0] == calibration
    assert choose_photos(plate_set, count=10, seed=1)[0].files != calibration.files


def test_another_photo_takes_the_place_of_one_that_cannot_be_read(tmp_path, capsys):
    shades = {name: np.full((16, 16, 3), 9 * n, np.uint8) for n, name in enumerate("abcdefgh")}
    for name, pixels in shades.items():
        (tmp_path / f"{name}.jpg").write_bytes(encode_jpeg(pixels))
    cut = encode_jpeg(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    bad = {"empty.jpg": b"", "cut.jpg": cut[: len(cut) * 3 // 10], "text.jpg": b"text"}
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "._a.jpg").write_bytes(b"\0\5\x16\7")

    calibration, photos = choose_photos(tmp_path, count=6)

    assert len({file.name for file in calibration.files} & {f"{name}.jpg" for name in shades}) == 6
    assert calibration.describe()["photos"] == 6
    assert len(photos) == 2
    said = capsys.readouterr().err
    assert all(f"skipped: {tmp_path / name}: " in said for name in bad)
    for file in tmp_path.glob("?.jpg"):
        file.write_bytes(b"")
    with pytest.raises(InputError, match="none of its 11 photos can be read"):
        choose_photos(tmp_path)


def test_an_empty_calibration_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="no photos in this folder"):
        choose_photos(tmp_path)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["warp", "m.onnx", "-o", "x"], "unknown converter 'warp'"),
        (["all", "gone.onnx", "-o", "x"], "gone.onnx: no such file"),
        (["onnxruntime", "gone.onnx", "-o", "x"], "gone.onnx: no such file"),
        (["onnxruntime", "m.onnx", "-o", "x", "--min-iou", "7"], "--min-likeness is 7"),
        (["onnxruntime", "tiny.onnx", "-o", "x", "--calibration", "gone"], "gone: not a folder"),
        (["onnxruntime", "m.onnx", "-o", "x", "--min-iou", "nan"], "--min-likeness is nan"),
        (["onnxruntime", "m.onnx", "-o", "x", "--search"], "are of --precision int8, not fp32"),
        (
            ["onnxruntime", "m.onnx", "-o", "x", "--keep-float", "a"],
            "are of --precision int8, not fp32",
        ),
        (
            [
                "onnxruntime",
                "m.onnx",
                "-o",
                "x",
                "--precision",
                "int8",
                "--keep-float",
                "a",
                "--search",
                "--calibration",
                "gone",
            ],
            "give one of them",
        ),
        (["onnxruntime", "m.onnx", "-o", "x", "--precision", "int8"], "--calibration FOLDER"),
        (["onnxruntime", "m.onnx", "-o", "x", "--calibration-count", "0"], "expected 1 to 100000"),
        (["onnxruntime", "m.onnx", "-o", "x", "--calibration-count", "9" * 20], "expected 1 to"),
        (["all", "m.onnx", "-o", "x", "--photo-count", "9" * 20], "expected 1 to 100000"),
    ],
)
def test_bad_input_is_one_line(capsys, hub_file, monkeypatch, words, reason):
    monkeypatch.chdir(hub_file.parent)
    assert run_reporting(main, words) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_a_refused_conversion_says_what_may_be_tried(tmp_path, plate_set, capsys):
    model = save_mean_colour_model(tmp_path / "model.onnx")
    words = ["onnxruntime", str(model), "-o", str(tmp_path / "out"), "--min-iou", "1"]
    words += ["--precision", "int8", "--calibration", str(plate_set), "--calibration-count", "4"]
    assert run_reporting(main, words) == 2
    error = capsys.readouterr().err
    assert "not written" in error
    assert error.endswith("try --calibration with other or more photos, --search for layers to "
                          "leave in float, a precision that loses less, or accept less with "
                          "--min-likeness\n")  # fmt: skip
    assert not list((tmp_path / "out").glob("*"))
