"""Everything around the builder, with a TensorRT that computes with ONNX Runtime."""

import json
import os
import re
import struct
import subprocess
import sys

import numpy as np
import onnx
import pytest
from fake_tensorrt import API, install
from tiny_onnx import save_conv_model

from conversion.__main__ import main
from conversion.tensorrt.converter import TensorRtConverter
from lightning_plates.errors import ConversionError, InputError, MissingDependencyError
from lightning_plates.terminal.console import run_reporting
from runtimes import open_model


def _facts(engine):
    """What the stand-in was told when it built the engine."""
    return json.loads(engine.read_bytes().partition(b"\n")[0])


def _nodes(model, kind):
    return [node for node in model.graph.node if node.op_type == kind]


def _read_cache(file):
    """Largest magnitude by tensor, by the format's description."""
    head, *lines = file.read_text().splitlines()
    assert head.endswith("-EntropyCalibration2")
    pairs = [line.split(": ") for line in lines]
    return {name: 127 * struct.unpack("!f", bytes.fromhex(step))[0] for name, step in pairs}


@pytest.mark.parametrize(
    ("precision", "flags"), [("fp32", []), ("fp16", ["FP16"]), ("int8", ["FP16", "INT8"])]
)
@pytest.mark.parametrize("version", ["8.2.1.8", "8.6.1", "10.3.0", "11.4.0.106"])
def test_every_version_is_told_the_same_in_its_own_words(
    tmp_path, monkeypatch, hub_file, some_photos, calibration, precision, flags, version
):
    install(monkeypatch, tmp_path, version)
    converter = TensorRtConverter(workspace_mb=64, keep_float=())
    artefact = converter.convert(hub_file, tmp_path / "out", precision, some_photos, calibration)
    facts = _facts(artefact.path)
    assert artefact.path.name == f"tiny.{precision}.engine"
    assert facts["flags"] == ([] if version.startswith("11") else flags)  # and never TF32
    size = 64 * 1024 * 1024
    assert facts["workspace"] == (size if version.startswith("8.2") else {"WORKSPACE": size})
    assert artefact.manifest.tool == f"tensorrt {'.'.join(version.split('.')[:3])}"
    with open_model(artefact.path) as model, open_model(hub_file) as hub:
        assert model.spec == hub.spec
        [[ours]], [[theirs]] = model.locate(some_photos[:1]), hub.locate(some_photos[:1])
    assert ours.box == pytest.approx(theirs.box, abs=1.0)


@pytest.mark.usefixtures("fake_tensorrt")
def test_what_a_rebuild_needs_lies_beside_the_engine(tmp_path, hub_file, some_photos):
    artefact = TensorRtConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    name = "tiny.fp32.engine"
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        name,
        *(f"{name}{end}" for end in (".onnx", ".key.json", ".trtexec.sh", ".spec.json")),
        *(f"{name}{end}" for end in (".json", ".golden.npz")),
    }
    key = json.loads((tmp_path / "out" / f"{name}.key.json").read_text())
    assert key["built_for"] == {
        "device": "Orin", "compute_capability": "8.7", "tensorrt": "10.3.0"
    }  # fmt: skip
    assert key["recipe"]["hub_sha256"] == artefact.manifest.hub_sha256
    # Another GPU builds its own engine, which is as good as the converted one.
    assert set(artefact.manifest.sha256) == {
        f"{name}{end}" for end in (".onnx", ".trtexec.sh", ".spec.json")
    }
    [timings] = (tmp_path / "cache").rglob("*.timing")
    assert timings.name == "Orin-8.7-10.3.0.timing"
    assert timings.read_bytes() == b"measured times"


@pytest.mark.usefixtures("fake_tensorrt")
def test_half_precision_is_in_the_network_too(tmp_path, hub_file, some_photos):
    artefact = TensorRtConverter().convert(hub_file, tmp_path / "out", "fp16", some_photos)
    model = onnx.load(f"{artefact.path}.onnx")
    assert {one.data_type for one in model.graph.initializer} == {onnx.TensorProto.FLOAT16}
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert [entry.domain for entry in model.opset_import] == [""]


@pytest.mark.usefixtures("fake_tensorrt")
def test_int8_is_symmetric_and_leaves_the_named_layers_in_float(
    tmp_path, hub_file, some_photos, calibration
):
    artefact = TensorRtConverter(keep_float=("head",)).convert(
        hub_file, tmp_path / "out", "int8", some_photos, calibration
    )
    model = onnx.load(f"{artefact.path}.onnx")
    values = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    pairs = _nodes(model, "QuantizeLinear") + _nodes(model, "DequantizeLinear")
    zeros = [values[node.input[2]] for node in pairs]
    assert len(pairs) == 8  # a Q and a DQ for the input and the weights of two convolutions
    assert all(zero.dtype == np.int8 and not zero.any() for zero in zeros)
    assert {values[node.input[1]].size for node in pairs} == {1, 8}  # weights per channel
    made = {out: node.op_type for node in model.graph.node for out in node.output}
    [head] = _nodes(model, "Gemm")
    assert made[head.input[0]] == "Flatten"
    assert all(made[conv.input[1]] == "DequantizeLinear" for conv in _nodes(model, "Conv"))
    # Convolution and activation stay together: nothing lies between them.
    assert {made[relu.input[0]] for relu in _nodes(model, "Relu")} == {"Conv"}
    key = json.loads((artefact.path.with_name("tiny.int8.engine.key.json")).read_text())
    assert key["recipe"]["calibration_sha256"] == artefact.manifest.calibration["sha256"]


@pytest.mark.parametrize("version", ["8.2.1.8", "8.6.1", "10.3.0"])
def test_the_calibrator_reads_ranges_that_were_found_without_it(
    tmp_path, monkeypatch, hub_file, some_photos, calibration, version
):
    install(monkeypatch, tmp_path, version)
    artefact = TensorRtConverter(quantise="calibrator", keep_float=()).convert(
        hub_file, tmp_path / "out", "int8", some_photos, calibration
    )
    assert artefact.path.name == "tiny.int8.calibrator.engine"
    network = onnx.load(f"{artefact.path}.onnx")
    assert not _nodes(network, "QuantizeLinear")
    peaks = _read_cache(artefact.path.with_name(artefact.path.name + ".calib"))
    assert _facts(artefact.path)["ranges"].splitlines()[1:]
    # What becomes coordinates has no range, and so stays in float.
    assert (
        {"image", "r1", "r2"}
        <= set(peaks)
        <= {one for n in network.graph.node for one in (*n.input, *n.output)}
    )
    assert not {"logits", "box"} & set(peaks)
    batches = list(calibration.batches(open_model(hub_file).spec))
    assert peaks["image"] == pytest.approx(max(np.abs(batch).max() for batch in batches), rel=1e-5)


@pytest.mark.usefixtures("fake_tensorrt")
def test_a_layer_in_float_has_no_range(tmp_path, hub_file, some_photos, calibration):
    artefact = TensorRtConverter(quantise="calibrator", keep_float=("second",)).convert(
        hub_file, tmp_path / "out", "int8", some_photos, calibration
    )
    peaks = _read_cache(artefact.path.with_name(artefact.path.name + ".calib"))
    assert {"image", "r1"} <= set(peaks)
    assert not {"c2", "r2", "logits"} & set(peaks)


def test_calibrators_are_gone_from_version_11_on(
    tmp_path, monkeypatch, hub_file, some_photos, calibration
):
    install(monkeypatch, tmp_path, "11.4.0.106")
    converter = TensorRtConverter(quantise="calibrator", keep_float=())
    with pytest.raises(ConversionError, match=r"no calibrators any more; .* --quantise qdq"):
        converter.convert(hub_file, tmp_path / "out", "int8", some_photos, calibration)
    assert not list((tmp_path / "out").iterdir())


def test_a_gpu_without_int8_says_so(tmp_path, monkeypatch, hub_file, some_photos, calibration):
    install(monkeypatch, tmp_path, "8.2.1.8", fast_int8=False)
    with pytest.raises(ConversionError, match=r"does not compute in INT8 .*; use fp16"):
        TensorRtConverter(keep_float=()).convert(
            hub_file, tmp_path / "out", "int8", some_photos, calibration
        )


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("8.6.1", r"TensorRT 8\.6\.1 cannot read the network .Assertion failed: false; node 7\)"),
        ("10.3.0", r"Assertion failed: false; node 7, Mod 'sigmoid'\)"),
    ],
)
def test_what_the_parser_says_is_one_line(tmp_path, monkeypatch, some_photos, version, reason):
    install(monkeypatch, tmp_path, version)
    hub = save_conv_model(tmp_path / "odd.onnx")
    model = onnx.load(str(hub))
    node = next(one for one in model.graph.node if one.op_type == "Sigmoid")
    node.op_type, node.input[:] = "Mod", ["logits", "b3"]
    node.attribute.append(onnx.helper.make_attribute("fmod", 1))
    onnx.save(model, str(hub))
    with pytest.raises(ConversionError, match=reason) as caught:
        TensorRtConverter().convert(hub, tmp_path / "out", "fp32", some_photos)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fails_at", "reason"),
    [
        ("cuInit", r"CUDA: cuInit failed with 100 \(no CUDA-capable device\)"),
        ("builder", r"TensorRT has no builder \(CUDA initialization failure with error: 35\)"),
    ],
)
def test_a_machine_without_a_gpu_says_so(
    tmp_path, fake_tensorrt, hub_file, some_photos, fails_at, reason
):
    fake_tensorrt.fails_at = fails_at
    with pytest.raises(ConversionError, match=reason):
        TensorRtConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    assert not list((tmp_path / "out").iterdir())


def test_without_tensorrt_it_says_what_to_install(tmp_path, monkeypatch, hub_file, some_photos):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingDependencyError, match=r"lightning-plates\[tensorrt\]"):
        TensorRtConverter().convert(hub_file, tmp_path, "fp32", some_photos)


def test_a_wheel_without_nvidias_libraries_says_so(tmp_path, monkeypatch, hub_file, some_photos):
    folder = tmp_path / "site" / "tensorrt"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        "raise ImportError('libnvinfer.so.10: cannot open shared object file')"
    )
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    monkeypatch.syspath_prepend(str(folder.parent))
    with pytest.raises(MissingDependencyError, match=r"its libraries are not \(libnvinfer\.so\.10"):
        TensorRtConverter().convert(hub_file, tmp_path, "fp32", some_photos)


FAKE_TRTEXEC = """\
#!/bin/sh
echo "&&&& RUNNING TensorRT.trtexec [TensorRT v{version}] # trtexec $*"
[ "$1" = --help ] && exit 0
for word; do
    printf '%s\\n' "$word" >>words.txt
    case $word in
    --saveEngine=*) echo plan >"${{word#*=}}" ;;
    --calib=*) head -n 1 "${{word#*=}}" >cache_head.txt ;;
    esac
done
exit {status}
"""


def _build_with_trtexec(folder, version, status=0):
    """Run the script as a board does, with a ``trtexec`` that notes what it is told."""
    program = folder / "trtexec"
    program.write_text(FAKE_TRTEXEC.format(version=version, status=status))
    program.chmod(0o755)
    [script] = folder.glob("*.trtexec.sh")
    environment = {**os.environ, "TRTEXEC": str(program)}
    done = subprocess.run(
        ["sh", str(script), "--verbose"],
        env=environment, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    words = folder / "words.txt"
    given = words.read_text().splitlines() if words.exists() else []
    # The number of the shell's process, which makes the draft its own.
    return done, {re.sub(r"\.\d+\.draft", ".PID.draft", word) for word in given}


@pytest.fixture
def no_tensorrt(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)


@pytest.mark.usefixtures("no_tensorrt")
@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("8201", {"--workspace=256", "--int8", "--fp16"}),
        ("8601", {"--memPoolSize=workspace:256", "--int8", "--fp16"}),
        ("100300", {"--memPoolSize=workspace:256", "--int8", "--fp16"}),
        ("110400", {"--memPoolSize=workspace:256"}),
    ],
)
def test_a_board_builds_with_trtexec_alone(
    tmp_path, hub_file, some_photos, calibration, version, expected
):
    folder = tmp_path / "a board's folder"
    artefact = TensorRtConverter(trtexec=True, keep_float=()).convert(
        hub_file, folder, "int8", some_photos, calibration
    )
    name = "tiny.int8.engine"
    assert artefact.path == folder / f"{name}.onnx"
    assert not (folder / name).exists()
    assert json.loads((folder / f"{name}.key.json").read_text())["built_for"] is None
    done, words = _build_with_trtexec(folder, version)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"{name}: built\n")
    assert (folder / name).read_text() == "plan\n"
    assert not list(folder.glob("*.draft*"))
    assert words == expected | {
        f"--onnx={name}.onnx", f"--saveEngine={name}.PID.draft", "--noTF32",
        "--timingCacheFile=tensorrt.timing", "--verbose",
    }  # fmt: skip


@pytest.mark.usefixtures("no_tensorrt")
def test_the_cache_gets_the_version_that_reads_it(tmp_path, hub_file, some_photos, calibration):
    folder = tmp_path / "board"
    TensorRtConverter(trtexec=True, quantise="calibrator", keep_float=()).convert(
        hub_file, folder, "int8", some_photos, calibration
    )
    done, words = _build_with_trtexec(folder, "8201")
    assert done.returncode == 0, done.stderr
    assert "--calib=tiny.int8.calibrator.engine.PID.draft.calib" in words
    assert (folder / "cache_head.txt").read_text() == "TRT-8201-EntropyCalibration2\n"
    assert not list(folder.glob("*.draft*"))
    done, _ = _build_with_trtexec(folder, "110400")
    assert done.returncode == 2
    assert "--quantise qdq" in done.stderr


@pytest.mark.usefixtures("no_tensorrt")
def test_a_failed_build_leaves_the_earlier_engine(tmp_path, hub_file, some_photos):
    folder = tmp_path / "board"
    TensorRtConverter(trtexec=True).convert(hub_file, folder, "fp32", some_photos)
    (folder / "tiny.fp32.engine").write_text("an earlier engine")
    done, words = _build_with_trtexec(folder, "8601", status=1)
    assert done.returncode == 1
    assert not {"--fp16", "--int8"} & words
    assert (folder / "tiny.fp32.engine").read_text() == "an earlier engine"
    assert not list(folder.glob("*.draft*"))


@pytest.mark.usefixtures("no_tensorrt")
def test_a_board_without_trtexec_says_where_it_comes_from(tmp_path, hub_file, some_photos):
    TensorRtConverter(trtexec=True).convert(hub_file, tmp_path / "board", "fp32", some_photos)
    [script] = (tmp_path / "board").glob("*.trtexec.sh")
    environment = {**os.environ, "TRTEXEC": str(tmp_path / "gone")}
    done = subprocess.run(
        ["sh", str(script)],
        env=environment, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "gone: not found; it comes with TensorRT" in done.stderr


@pytest.mark.usefixtures("no_tensorrt")
def test_the_search_compares_networks_without_tensorrt(
    tmp_path, hub_file, some_photos, calibration
):
    artefact = TensorRtConverter(trtexec=True).convert(
        hub_file, tmp_path / "board", "int8", some_photos, calibration
    )
    trials = [tuple(trial["kept_float"]) for trial in artefact.manifest.details["trials"]]
    assert set(trials) == {(), ("head",), ("second", "head")}
    assert list(trials[0]) == artefact.manifest.details["kept_float"]
    weights = {"first": 8 * 3 * 9, "second": 8 * 8 * 9, "head": 8 * 4}
    sizes = {tuple(t["kept_float"]): t["bytes"] for t in artefact.manifest.details["trials"]}
    assert sizes[()] == sum(weights.values())  # one byte each in the engine
    assert sizes["head",] == sizes[()] + 3 * weights["head"]
    assert "by trtexec" in artefact.manifest.details["built"]


@pytest.mark.usefixtures("no_tensorrt")
def test_options_that_contradict_each_other(tmp_path, hub_file, some_photos, photo_folder, capsys):
    with pytest.raises(InputError, match="--quantise calibrator is of --precision int8, not fp32"):
        TensorRtConverter(quantise="calibrator").convert(hub_file, tmp_path, "fp32", some_photos)
    words = ["tensorrt", str(hub_file), "-o", str(tmp_path / "out"), "--trtexec"]
    words += ["--photos", str(photo_folder)]
    assert run_reporting(main, [*words, "--workspace-mb", "0"]) == 2
    assert "--workspace-mb is 0, expected 1 or more" in capsys.readouterr().err
    assert run_reporting(main, words) == 0
    assert "tiny.fp32.engine.onnx: " in capsys.readouterr().out


def test_the_stand_in_has_the_names_of_real_versions():
    versions = json.loads(API.read_text())
    assert "FP16" in versions["10.3.0"]["BuilderFlag"]
    assert "FP16" not in versions["11.4.0.106"]["BuilderFlag"]
    assert "num_bindings" in versions["8.6.1"]["ICudaEngine"]
    assert "num_bindings" not in versions["10.3.0"]["ICudaEngine"]


@pytest.mark.gpu
def test_a_real_engine_answers_like_the_hub(tmp_path, hub_file, some_photos):
    try:
        artefact = TensorRtConverter().convert(hub_file, tmp_path, "fp32", some_photos)
    except (ConversionError, MissingDependencyError) as error:
        pytest.skip(f"TensorRT cannot build here: {error}")
    assert artefact.manifest.parity.max_abs_difference < 1e-3
