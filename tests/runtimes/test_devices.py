"""A model runs on the device that was asked for, or not at all."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from tiny_onnx import save_mean_colour_model

from lightning_plates.errors import InputError, MissingDependencyError, ModelError
from lightning_plates.terminal.console import run_reporting
from runtimes import installed_runtimes, list_runtimes, open_model
from runtimes._onnxruntime_providers import _register
from runtimes.onnxruntime import OnnxRuntime

RTX = "NvTensorRTRTXExecutionProvider"


@pytest.fixture
def model_file(tmp_path):
    return save_mean_colour_model(tmp_path / "tiny.onnx")


@pytest.mark.parametrize("name", sorted(list_runtimes()))
def test_every_runtime_states_its_devices(name, model_file):
    cls = list_runtimes()[name]
    assert cls.devices
    if name in installed_runtimes():
        with pytest.raises(
            InputError, match=rf"no device 'abacus' \(choose from: {cls.devices[0]}"
        ):
            cls(model_file, device="abacus")


def test_without_a_device_the_first_one_runs_the_model(model_file):
    with open_model(model_file) as model:
        assert model.device == "cpu"


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_provider_that_this_build_lacks_is_an_error(model_file, device, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ModelError, match=rf"device '{device}' needs .* has CPUExecutionProvider;"):
        open_model(model_file, device=device)


def test_a_graph_that_would_run_in_part_on_the_processor_is_an_error(model_file, monkeypatch):
    """Here no provider but the processor's is installed, so that it stands for CUDA's failure."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    create = onnxruntime.InferenceSession

    def without_cuda(model, options, providers, enable_fallback):
        assert providers == ["CUDAExecutionProvider"]
        assert not enable_fallback
        return create(model, options, enable_fallback=False)

    monkeypatch.setattr(onnxruntime, "InferenceSession", without_cuda)
    with pytest.raises(ModelError, match=r"tiny\.onnx: ONNX Runtime cannot open it .*fallback"):
        open_model(model_file, device="cuda")


def test_another_provider_than_asked_for_is_an_error(model_file, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    answer = SimpleNamespace(get_providers=lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *rest, **options: answer)
    with pytest.raises(ModelError, match=r"asked for CUDAExecutionProvider, got .*CPU"):
        open_model(model_file, device="cuda")


def test_what_a_provider_misses_is_named(model_file, tmp_path, monkeypatch):
    """The build for NVIDIA on a machine without NVIDIA's libraries."""
    (tmp_path / "capi").mkdir()
    for name in ("shared", "cuda"):
        (tmp_path / "capi" / f"libonnxruntime_providers_{name}.so").write_bytes(b"no library")
    monkeypatch.setattr(onnxruntime, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: print("nothing found"))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(ModelError, match=r"libonnxruntime_providers_shared\.so cannot be loaded"):
        open_model(model_file, device="cuda")


def test_what_the_binding_itself_refuses_is_one_line(model_file, monkeypatch):
    def refuse(*rest, **options):
        raise RuntimeError("onnxruntime_pybind_state.cc:729\nPlease install TensorRT libraries")

    available = ["TensorrtExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(ModelError, match=r"cc:729 Please install TensorRT"):
        open_model(model_file, device="tensorrt")


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A package in the place of the provider's, with a library that cannot be loaded."""
    package = ModuleType("onnxruntime_ep_nv_tensorrt_rtx")
    package.__file__ = str(tmp_path / "__init__.py")
    package.get_library_path = lambda: str(tmp_path / "libplugin.so")
    monkeypatch.setitem(sys.modules, package.__name__, package)
    _register.cache_clear()
    yield package
    _register.cache_clear()


def test_a_plugin_that_is_not_installed_says_what_to_install(model_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime_ep_nv_tensorrt_rtx", None)
    with pytest.raises(MissingDependencyError, match=r"lightning-plates\[nv-tensorrt-rtx\]"):
        open_model(model_file, device="nv-tensorrt-rtx")


@pytest.mark.usefixtures("plugin")
def test_a_plugin_whose_library_does_not_load_is_an_error(model_file):
    with pytest.raises(ModelError, match=rf"{RTX}: its library cannot be loaded .*libplugin\.so"):
        open_model(model_file, device="nv-tensorrt-rtx")


def test_the_plugin_brings_its_own_cuda_library(model_file, plugin, tmp_path):
    (tmp_path / "libcudart.so.12.9.79").write_bytes(b"no library")
    with pytest.raises(ModelError, match=r"cannot be loaded .*libcudart\.so\.12"):
        open_model(model_file, device="nv-tensorrt-rtx")


@pytest.mark.usefixtures("plugin")
def test_a_plugin_without_a_device_is_an_error(model_file, monkeypatch):
    monkeypatch.setattr(onnxruntime, "register_execution_provider_library", lambda *names: None)
    with pytest.raises(ModelError, match=f"{RTX}: finds no device here"):
        open_model(model_file, device="nv-tensorrt-rtx")


@pytest.mark.usefixtures("plugin")
def test_a_plugin_is_registered_once_and_runs_on_its_first_device(model_file, monkeypatch):
    registered, added = [], []
    devices = [
        SimpleNamespace(ep_name="CPUExecutionProvider"),
        SimpleNamespace(ep_name=RTX, number=0),
        SimpleNamespace(ep_name=RTX, number=1),
    ]

    class Options(onnxruntime.SessionOptions):
        def add_provider_for_devices(self, chosen, options):
            added.append([device.number for device in chosen])

    def create(model, options, providers, enable_fallback):
        assert providers is None
        assert options.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"
        nodes = {"get_inputs": list, "get_outputs": list, "get_providers": lambda: [RTX]}
        return SimpleNamespace(**nodes)

    monkeypatch.setattr(
        onnxruntime, "register_execution_provider_library", lambda *words: registered.append(words)
    )
    monkeypatch.setattr(onnxruntime, "get_ep_devices", lambda: devices)
    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    monkeypatch.setattr(onnxruntime, "InferenceSession", create)
    for _ in range(2):
        open_model(model_file, device="nv-tensorrt-rtx").close()
    assert [name for name, _ in registered] == [RTX]
    assert added == [[0], [0]]


def test_an_old_onnx_runtime_knows_no_plugins(model_file, plugin, monkeypatch):
    monkeypatch.delattr(onnxruntime, "register_execution_provider_library")
    with pytest.raises(ModelError, match=r"needs ONNX Runtime 1\.23 or newer"):
        open_model(model_file, device="nv-tensorrt-rtx")


def test_a_fixed_batch_answers_many_photos_one_by_one(model_file, monkeypatch):
    """What an accelerator runs has a batch of one; the processor stands for it."""
    monkeypatch.setattr("runtimes.onnxruntime._PROVIDERS", {"cuda": "CPUExecutionProvider"})
    monkeypatch.setattr(OnnxRuntime, "devices", ("cuda",))
    monkeypatch.setattr(onnxruntime.SessionOptions, "add_session_config_entry", lambda *words: None)
    photos = [
        np.full((10, 20, 3), colour, dtype=np.uint8) for colour in ((255, 0, 0), (0, 255, 255))
    ]
    with open_model(model_file, device="cuda") as model:
        assert model.inputs[0].shape == (1, 3, 8, 8)
        [[red], [cyan]] = model.locate(photos)
    assert red.box == pytest.approx((10, 0, 20, 5), abs=0.1)
    assert cyan.box == pytest.approx((0, 5, 10, 10), abs=0.1)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("predict", ["{model}", "{model}"]),
        ("read", ["--model", "{model}", "{model}", "--lang", "en"]),
        ("check", ["{model}"]),
    ],
)
def test_commands_say_it_in_one_line(model_file, capsys, command, words):
    from lightning_plates.__main__ import main

    filled = [word.format(model=model_file) for word in words]
    assert run_reporting(main, [command, *filled, "--device", "npu"]) == 2
    error = capsys.readouterr().err
    assert "ONNX Runtime has no device 'npu' (choose from: cpu, cuda, tensorrt" in error
    assert error.count("\n") == 1


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cuda", "tensorrt", "nv-tensorrt-rtx"])
def test_an_accelerator_answers_like_the_processor(model_file, device):
    try:
        model = open_model(model_file, device=device)
    except (ModelError, MissingDependencyError) as error:
        pytest.skip(f"{device} is not here: {error}")
    photo = np.full((10, 20, 3), (255, 0, 0), dtype=np.uint8)
    with model:
        [[found]] = model.locate([photo])
    assert found.box == pytest.approx((10, 0, 20, 5), abs=0.1)
