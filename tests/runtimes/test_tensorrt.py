"""Engines and the machine they are opened on, with a TensorRT that computes with ONNX Runtime."""

import json
import logging
import shutil
import sys
import threading

import numpy as np
import pytest
from fake_tensorrt import install
from tiny_engine import make_engine

from lightning_plates.errors import InputError, MissingDependencyError, ModelError
from lightning_plates.terminal.console import run_reporting
from runtimes import open_model
from runtimes._cuda import CudaDevice
from runtimes._tensorrt_build import cache_version, with_version

RED = np.full((10, 20, 3), (255, 0, 0), dtype=np.uint8)
RED_BOX = (10, 0, 20, 5)
"""What the mean-colour model answers to it, in pixels."""


def _locate_red(engine):
    with open_model(engine) as model:
        [[found]] = model.locate([RED])
    return pytest.approx(found.box, abs=0.1)


def _key(engine):
    return json.loads(engine.with_name(engine.name + ".key.json").read_text())


@pytest.mark.parametrize("version", ["8.2.1.8", "8.6.1", "10.3.0", "11.4.0.106"])
def test_every_version_runs_its_engines_and_frees_what_they_took(tmp_path, monkeypatch, version):
    driver = install(monkeypatch, tmp_path, version)
    engine = make_engine(tmp_path)
    with open_model(engine) as model:
        assert len(driver.memory) == 2
        assert [tensor.name for tensor in model.inputs + model.outputs] == ["image", "box"]
        [[found]] = model.locate([RED])
    assert found.box == pytest.approx(RED_BOX, abs=0.1)
    assert not driver.memory
    assert driver.streams == 0


def test_an_engine_of_another_gpu_is_built_again_once(tmp_path, fake_tensorrt, caplog):
    engine = make_engine(tmp_path)
    fake_tensorrt.name, fake_tensorrt.capability = "Xavier", (7, 2)
    with caplog.at_level(logging.WARNING):
        assert _locate_red(engine) == RED_BOX
    assert "built for Orin (8.7) with TensorRT 10.3.0; building it again for Xavier" in caplog.text
    assert _key(engine)["built_for"]["device"] == "Xavier"
    caplog.clear()
    assert _locate_red(engine) == RED_BOX
    assert not caplog.records
    assert {file.name for file in tmp_path.iterdir() if file.is_file()} == {
        "tiny.engine", "tiny.engine.onnx", "tiny.engine.key.json", "tiny.engine.spec.json"
    }  # fmt: skip


def test_an_engine_of_another_version_is_built_again(tmp_path, monkeypatch):
    install(monkeypatch, tmp_path, "8.6.1")
    engine = make_engine(tmp_path)
    install(monkeypatch, tmp_path, "10.3.0")
    assert _locate_red(engine) == RED_BOX
    assert _key(engine)["built_for"]["tensorrt"] == "10.3.0"


def test_without_the_network_it_says_what_is_missing(tmp_path, fake_tensorrt):
    engine = make_engine(tmp_path)
    engine.with_name("tiny.engine.onnx").unlink()
    assert _locate_red(engine) == RED_BOX  # here it fits
    fake_tensorrt.name = "Xavier"
    with pytest.raises(
        ModelError,
        match=r"tiny\.engine: built for Orin .*, this is Xavier .* tiny\.engine\.onnx must lie",
    ):
        open_model(engine)
    assert not fake_tensorrt.memory
    assert fake_tensorrt.streams == 0


def test_a_network_of_another_engine_is_refused(tmp_path, fake_tensorrt):
    engine = make_engine(tmp_path)
    network = engine.with_name("tiny.engine.onnx")
    network.write_bytes(network.read_bytes() + b"\n")
    with pytest.raises(ModelError, match=r"not built from the tiny\.engine\.onnx beside it"):
        open_model(engine)


def test_a_build_that_fails_leaves_the_engine_that_was_there(tmp_path, fake_tensorrt):
    engine = make_engine(tmp_path)
    before = engine.read_bytes(), _key(engine)
    fake_tensorrt.name, fake_tensorrt.fails_at = "Xavier", "builder"
    with pytest.raises(ModelError, match=r"cannot be built for Xavier .*CUDA initialization"):
        open_model(engine)
    assert (engine.read_bytes(), _key(engine)) == before


def _as_trtexec_leaves_it(engine):
    file = engine.with_name(engine.name + ".key.json")
    key = json.loads(file.read_text())
    file.write_text(json.dumps({**key, "built_for": None, "engine_sha256": None}))


def test_an_engine_by_trtexec_is_taken_where_it_fits(tmp_path, fake_tensorrt, caplog):
    engine = make_engine(tmp_path)
    _as_trtexec_leaves_it(engine)
    assert _locate_red(engine) == RED_BOX
    assert not caplog.records
    assert _key(engine)["built_for"] is None


def test_an_engine_by_trtexec_from_another_board_is_built_again(tmp_path, fake_tensorrt, caplog):
    engine = make_engine(tmp_path)
    _as_trtexec_leaves_it(engine)
    fake_tensorrt.name = "Xavier"
    with caplog.at_level(logging.WARNING):
        assert _locate_red(engine) == RED_BOX
    assert "The engine was built for another device" in caplog.text
    assert _key(engine)["built_for"]["device"] == "Xavier"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "is not beside it, so that nothing says what it was built for"),
        ("{", "key.json: not JSON"),
        ('{"version": 9}', "not an engine key .version 9, this program reads 1"),
        ('{"version": 1}', "key.json: .*missing required field `recipe`"),
    ],
)
def test_a_key_that_is_missing_or_damaged_is_named(tmp_path, fake_tensorrt, text, reason):
    engine = make_engine(tmp_path)
    file = engine.with_name("tiny.engine.key.json")
    file.unlink()
    if text is not None:
        file.write_text(text)
    with pytest.raises(ModelError, match=reason):
        open_model(engine)


@pytest.mark.parametrize(
    ("fails_at", "reason"),
    [
        ("cuInit", r"CUDA: cuInit failed with 100 \(no CUDA-capable device\)"),
        ("cuMemAlloc_v2", r"CUDA: cuMemAlloc_v2 failed with 2 \(out of memory\)"),
    ],
)
def test_what_cuda_refuses_is_said(tmp_path, fake_tensorrt, fails_at, reason):
    engine = make_engine(tmp_path)
    fake_tensorrt.fails_at = fails_at
    with pytest.raises(ModelError, match=reason):
        open_model(engine)
    assert fake_tensorrt.streams == 0


def test_a_run_that_fails_is_said(tmp_path, fake_tensorrt):
    with open_model(make_engine(tmp_path)) as model:
        fake_tensorrt.fails_at = "execute"
        with pytest.raises(ModelError, match=r"tiny\.engine: TensorRT failed"):
            model.locate([RED])


def test_threads_take_turns(tmp_path, fake_tensorrt):
    colours = [(255, 0, 0), (0, 255, 255)] * 4
    answers = {}

    def locate(number):
        photo = np.full((10, 20, 3), colours[number], dtype=np.uint8)
        for _ in range(20):
            [[found]] = model.locate([photo])
            answers.setdefault(number, set()).add(tuple(round(side) for side in found.box))

    with open_model(make_engine(tmp_path)) as model:
        threads = [threading.Thread(target=locate, args=(n,)) for n in range(len(colours))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [answers[n] for n in range(2)] == [{RED_BOX}, {(0, 5, 10, 10)}]
    assert all(answers[n] == answers[n % 2] for n in answers)


def test_a_gpu_is_its_only_device(tmp_path, fake_tensorrt):
    engine = make_engine(tmp_path)
    with pytest.raises(InputError, match=r"TensorRT has no device 'cpu' \(choose from: cuda\)"):
        open_model(engine, device="cpu")
    with open_model(engine) as model:
        assert model.device == "cuda"


def test_a_machine_without_a_driver_says_so(monkeypatch):
    def refuse(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr("runtimes._cuda.ctypes.CDLL", refuse)
    with pytest.raises(ModelError, match=r"no NVIDIA driver on this machine \(.*cuda"):
        CudaDevice()


def test_without_tensorrt_it_says_what_to_install(tmp_path, fake_tensorrt, monkeypatch, capsys):
    from lightning_plates.__main__ import main

    engine = make_engine(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingDependencyError, match=r"lightning-plates\[tensorrt\]"):
        open_model(engine)
    assert run_reporting(main, ["check", str(engine)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_engine_can_be_moved_with_its_files(tmp_path, fake_tensorrt):
    make_engine(tmp_path)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in tmp_path.glob("tiny.engine*"):
        shutil.move(file, moved / file.name)
    assert _locate_red(moved / "tiny.engine") == RED_BOX


def test_versions_are_written_as_nvidia_writes_them():
    # NV_TENSORRT_VERSION of the three releases.
    assert [cache_version(v) for v in ("8.2.1.8", "8.6.1", "10.14.1.48")] == [
        "8201", "8601", "101401"
    ]  # fmt: skip
    cache = b"TRT-8000-EntropyCalibration2\nTRT-7000-x: 3f800000\n"
    assert with_version(cache, "8601") == (b"TRT-8601-EntropyCalibration2\nTRT-7000-x: 3f800000\n")
