import json
import platform
import struct
from pathlib import Path

import numpy as np
import pytest

from conversion.tvm.converter import TvmConverter
from lightning_plates.errors import ConversionError, InputError, MissingDependencyError, ModelError
from runtimes import open_model

tvm = pytest.importorskip("tvm", reason="needs the extra tvm")

from conversion.tvm import schedule, target  # noqa: E402
from conversion.tvm.build import require_kernels  # noqa: E402
from conversion.tvm.schedule import Machine, choose_tile  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def _c_compiler():
    try:
        target.find_compiler(platform.machine(), None)
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(("precision", "largest"), [("fp32", 1e-6), ("fp16", 2e-3), ("int8", 3e-2)])
def test_it_answers_like_the_hub(tmp_path, hub_file, some_photos, calibration, precision, largest):
    artefact = TvmConverter().convert(hub_file, tmp_path, precision, some_photos, calibration)
    with open_model(artefact.path) as model, open_model(hub_file) as hub:
        assert model.spec == hub.spec
        assert [tensor.shape for tensor in (*model.inputs, *model.outputs)] == [
            (1, 3, 16, 16),
            (1, 4),
        ]
        for photo in some_photos:
            ours, theirs = model.predict([photo])["box"], hub.predict([photo])["box"]
            assert np.abs(ours - theirs).max() < largest
    assert artefact.manifest.operators["nn.conv2d"] == 2
    assert artefact.manifest.tool == f"apache-tvm {tvm.__version__}"
    assert artefact.manifest.details["machine"]["target"] == "host"


def test_int8_multiplies_integers_and_keeps_named_layers_in_float(
    tmp_path, hub_file, some_photos, calibration
):
    whole = TvmConverter(keep_float=()).convert(
        hub_file, tmp_path, "int8", some_photos, calibration
    )
    kept = TvmConverter(keep_float=("first", "second", "head")).convert(
        hub_file, tmp_path / "kept", "int8", some_photos, calibration
    )
    # Each of the three layers casts its sums to float; a float layer has none of them.
    casts = [one.manifest.operators["astype"] for one in (whole, kept)]
    assert casts[0] >= casts[1] + 1
    with pytest.raises(InputError, match="no layer 'third'"):
        TvmConverter(keep_float=("third",)).convert(
            hub_file, tmp_path, "int8", some_photos, calibration
        )


def test_a_dynamic_batch_becomes_one_and_photos_run_one_by_one(tmp_path, hub_file, some_photos):
    artefact = TvmConverter().convert(hub_file, tmp_path, "fp32", some_photos)
    with open_model(artefact.path) as model:
        together = model.predict(some_photos)["box"]
        alone = [model.predict([photo])["box"] for photo in some_photos]
    assert together.shape == (6, 4)
    assert together == pytest.approx(np.concatenate(alone))


def test_code_for_another_machine_is_compared_through_its_twin(
    tmp_path, hub_file, some_photos, monkeypatch
):
    """Linking for the board is left to a stand-in: what matters is what is said about it."""
    real = target.linker_for

    def linker_for(architecture, compiler):
        if architecture != "aarch64":
            return real(architecture, compiler)
        return lambda output, objects, *_, **__: Path(output).write_bytes(b"board")

    monkeypatch.setattr("conversion.tvm.build.linker_for", linker_for)
    TvmConverter(target="jetson-nano-cpu").convert(hub_file, tmp_path, "fp32", some_photos)
    board = tmp_path / "tiny.fp32.jetson-nano-cpu.so"
    assert board.read_bytes() == b"board"
    manifest = json.loads((tmp_path / f"{board.name}.json").read_text())
    assert manifest["details"]["compared"] == (
        "tiny.fp32.jetson-nano-cpu.here.so, the same network; "
        "tiny.fp32.jetson-nano-cpu.so itself was not run"
    )
    assert manifest["details"]["machine"]["architecture"] == "aarch64"
    assert "cortex-a57" in manifest["details"]["machine"]["tvm"]
    with open_model(tmp_path / "tiny.fp32.jetson-nano-cpu.here.so") as twin:
        assert len(twin.locate(some_photos[:1])) == 1


@pytest.mark.parametrize(
    ("name", "architecture", "is_gpu"),
    [
        ("nvidia/jetson-nano", "aarch64", True),
        ("nvidia/jetson-orin-nano", "aarch64", True),
        ("raspberry-pi/4b-aarch64", "aarch64", False),
        ('{"kind": "llvm", "mtriple": "aarch64-linux-gnu"}', "aarch64", False),
        ("x86_64", "x86_64", False),
        ("host", platform.machine(), False),
    ],
)
def test_targets_are_found_by_name(name, architecture, is_gpu):
    machine = target.find_machine(name)
    assert (machine.architecture, machine.is_gpu) == (architecture, is_gpu)
    assert "/" not in machine.slug


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "nvidia/jetson-orin",
            "unknown target 'nvidia/jetson-orin' .perhaps .*nvidia/jetson-orin-",
        ),
        ("{nonsense", "target '{nonsense': Expecting property name"),
        ('{"kind": "abacus"}', "target .*abacus"),
    ],
)
def test_targets_that_are_not_there_are_one_line(name, reason):
    with pytest.raises(InputError, match=reason) as caught:
        target.find_machine(name)
    assert "\n" not in str(caught.value)


def test_a_missing_compiler_says_what_to_install(monkeypatch):
    monkeypatch.setattr(target.shutil, "which", lambda name: None)
    monkeypatch.setattr(target, "is_installed", lambda name: False)
    with pytest.raises(
        MissingDependencyError, match=r"aarch64-linux-gnu-gcc.*apt install gcc-aarch"
    ):
        target.find_compiler("aarch64", None)
    with pytest.raises(MissingDependencyError, match="--cc odd-cc -O2: no such program"):
        target.find_compiler("aarch64", "odd-cc -O2")


def test_a_linker_that_fails_is_named(tmp_path):
    link = target.linker_for(platform.machine(), None)
    with pytest.raises(ConversionError, match=f"cannot link for {platform.machine()}: "):
        link(str(tmp_path / "out.so"), [str(tmp_path / "gone.o")])


@pytest.mark.parametrize(
    ("converter", "reason"),
    [
        (TvmConverter(tune=-1), "--tune is -1"),
        (TvmConverter(tune=5), "--tune needs a folder"),
        (TvmConverter(target="warp/drive"), "unknown target 'warp/drive'"),
    ],
)
def test_options_are_checked_before_anything_is_written(
    tmp_path, hub_file, some_photos, converter, reason
):
    with pytest.raises(InputError, match=reason):
        converter.convert(hub_file, tmp_path / "out", "fp32", some_photos)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_tuning_for_another_machine_is_refused(tmp_path, hub_file, some_photos):
    board = TvmConverter(tune=5, tune_database=tmp_path / "db", target="aarch64")
    with pytest.raises(InputError, match="cannot for --target aarch64: run the conversion on the"):
        board.convert(hub_file, tmp_path, "fp32", some_photos)


@pytest.mark.slow
def test_tuning_is_kept_and_taken_from_later(tmp_path, hub_file, some_photos, capsys):
    folder = tmp_path / "db"
    tuned = TvmConverter(tune=4, tune_database=folder)
    artefact = tuned.convert(hub_file, tmp_path / "first", "fp32", some_photos)
    assert "tuning: 4 of 4 trials" in capsys.readouterr().err
    assert artefact.manifest.details["tuning"]["functions_tuned"] >= 1
    assert artefact.manifest.options["tune_database"] == "db"  # not where it lies
    again = TvmConverter(tune_database=folder)
    later = again.convert(hub_file, tmp_path / "later", "fp32", some_photos)
    assert later.manifest.details["tuning"]["functions_tuned"] >= 1
    assert "tuning:" not in capsys.readouterr().err


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    from tiny_onnx import save_mean_colour_model

    folder = tmp_path_factory.mktemp("library")
    hub = save_mean_colour_model(folder / "tiny.onnx")
    photos = [np.full((9, 9, 3), 50, dtype=np.uint8)]
    return TvmConverter().convert(hub, folder, "fp32", photos).path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:-1], "cut off after"),
        (lambda data: data[:5000], "cut off after 5000 of"),
        (lambda data: b"MZ" + data, "not a shared library of Linux"),
        (lambda data: b"", "not a shared library of Linux"),
        (
            lambda data: data[:18] + struct.pack("<H", 40) + data[20:],
            "made for armv7l, this machine is .*--target host",
        ),
    ],
)
@pytest.mark.skipif(platform.system() != "Linux", reason="the check reads Linux libraries")
def test_broken_and_foreign_libraries_are_refused(tmp_path, library, change, reason):
    file = tmp_path / "model.so"
    file.write_bytes(change(library.read_bytes()))
    with pytest.raises(ModelError, match=rf"model\.so: {reason}"):
        open_model(file)


def test_a_library_that_is_not_ours_is_refused(tmp_path):
    words = target.find_compiler(platform.machine(), None)
    source = tmp_path / "other.c"
    source.write_text("int answer(void) { return 42; }")
    target.linker_for(platform.machine(), " ".join(words))(
        str(tmp_path / "other.so"), [str(source)]
    )
    with pytest.raises(ModelError, match=r"other\.so: TVM cannot open it"):
        open_model(tmp_path / "other.so")


def test_a_processor_that_lacks_instructions_is_told(tmp_path, library, monkeypatch):
    from runtimes import _elf

    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : sse4_2 avx")
    monkeypatch.setattr(_elf, "_FEATURE_FLAGS", cpuinfo)
    with pytest.raises(ModelError, match="processor with avx512x, which this one lacks"):
        _elf.require_features(library, ["avx", "avx512x"])


def test_a_library_for_the_processor_does_not_run_on_a_graphics_device(library):
    with pytest.raises(ModelError, match="made for 'cpu', not for device 'cuda'"):
        open_model(library, device="cuda")


def test_a_library_without_compiled_kernels_is_refused(tmp_path):
    """TVM writes one, silently, where there is no NVIDIA driver."""
    file = tmp_path / "model.so"
    file.write_bytes(b"\x7fELF the source of a kernel")
    with pytest.raises(ConversionError, match=r"model\.so: TVM did not compile the kernels"):
        require_kernels(file)
    file.write_bytes(b"\x7fELF and \x7fELF")
    require_kernels(file)


def test_tiles_fit_the_registers_and_divide_the_picture():
    wide, narrow = Machine(lanes=16, registers=32), Machine(lanes=4, registers=16)
    for machine in (wide, narrow):
        for columns in (1, 7, 11, 44, 112):
            for channels in (1, 3, 24, 32, 96, 320):
                tile = choose_tile(columns, channels, machine)
                assert columns % tile.columns == 0
                assert channels % (tile.vectors * tile.lanes) == 0
                assert tile.columns * tile.vectors < machine.registers
    # 7 columns by 3 vectors take 21 sums and 3 weights; 4 vectors would take 32.
    assert choose_tile(7, 96, wide) == schedule.Tile(columns=7, vectors=3, lanes=16)


def test_every_function_of_a_network_gets_a_schedule(hub_file, tmp_path):
    from conversion.graph.folding import save_folded
    from conversion.graph.hub_file import open_hub
    from conversion.tvm.graph import lower, put_channels_last, read_network

    folded = save_folded(open_hub(hub_file, 21), tmp_path / "folded.onnx")
    host = target.find_machine("x86_64").target
    module = lower(put_channels_last(read_network(folded, "fp32")), host)
    module = schedule.schedule_module(module, host)
    loops = [one for _, one in module.functions_items() if isinstance(one, tvm.tirx.PrimFunc)]
    assert loops
    assert all(one.attrs["tirx.is_scheduled"] for one in loops)
