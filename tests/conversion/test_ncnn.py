import pytest

from conversion import ncnn as module
from conversion.ncnn import NcnnConverter
from lightning_plates.errors import ConversionError, InputError, ModelError
from runtimes import open_model

pytest.importorskip("ncnn", reason="needs the extra ncnn")
pytest.importorskip("pnnx", reason="needs the extra ncnn")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_it_answers_like_the_hub(tmp_path, hub_file, some_photos, precision):
    artefact = NcnnConverter().convert(hub_file, tmp_path, precision, some_photos)
    with open_model(artefact.path) as model, open_model(hub_file) as hub:
        assert model.spec == hub.spec
        assert [tensor.shape for tensor in (*model.inputs, *model.outputs)] == [
            (1, 3, 16, 16),
            (1, 4),
        ]
        [[ours]], [[theirs]] = model.locate(some_photos[:1]), hub.locate(some_photos[:1])
    assert ours.box == pytest.approx(theirs.box, abs=0.05)
    assert artefact.manifest.operators["Convolution"] == 2
    assert artefact.manifest.tool.startswith("pnnx ")
    assert set(artefact.manifest.sizes) == {
        f"tiny.{precision}.ncnn{end}" for end in (".param", ".bin", ".param.spec.json")
    }


def test_fp16_halves_the_weights(tmp_path, hub_file, some_photos):
    sizes = [
        NcnnConverter()
        .convert(hub_file, tmp_path, precision, some_photos)
        .manifest.sizes[f"tiny.{precision}.ncnn.bin"]
        for precision in ("fp32", "fp16")
    ]
    assert sizes[1] < 0.7 * sizes[0]


def test_int8_is_refused(tmp_path, hub_file, some_photos, calibration):
    with pytest.raises(InputError, match=r"ncnn has no precision 'int8' \(choose from: fp32, fp1"):
        NcnnConverter().convert(hub_file, tmp_path, "int8", some_photos, calibration)


def test_layers_that_ncnn_lacks_are_named(tmp_path, hub_file, some_photos, monkeypatch):
    def translate_badly(graph, half):
        text = "7767517\n2 2\nInput in0 0 1 in0\naten::warp w 1 1 in0 out0\n"
        graph.with_suffix(".ncnn.param").write_text(text)

    monkeypatch.setattr(module, "_run_pnnx", translate_badly)
    with pytest.raises(ConversionError, match=r"tiny\.onnx: ncnn has no layer for aten::warp"):
        NcnnConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    assert not list((tmp_path / "out").iterdir())


def test_pnnx_that_fails_or_writes_nothing_is_an_error(tmp_path, hub_file, some_photos, mocker_exe):
    mocker_exe("echo the graph is odd >&2; exit 3")
    with pytest.raises(ConversionError, match="pnnx failed: the graph is odd"):
        NcnnConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)
    mocker_exe("exit 0")
    with pytest.raises(ConversionError, match="pnnx wrote no ncnn file"):
        NcnnConverter().convert(hub_file, tmp_path / "out", "fp32", some_photos)


@pytest.fixture
def mocker_exe(tmp_path, monkeypatch):
    """Puts a shell script in the place of pnnx."""

    def install(script):
        program = tmp_path / "pnnx.sh"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr("pnnx.EXEC_PATH", str(program))

    return install


def test_weights_that_are_cut_or_gone_are_named(tmp_path, hub_file, some_photos):
    artefact = NcnnConverter().convert(hub_file, tmp_path, "fp32", some_photos)
    weights = artefact.path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"tiny\.fp32\.ncnn\.param: ncnn cannot open it"):
        open_model(artefact.path)
    weights.unlink()
    with pytest.raises(ModelError, match=r"weights tiny\.fp32\.ncnn\.bin do not lie beside it"):
        open_model(artefact.path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no model", "not an ncnn .param file"),
        ("123\n0 0\n", "not an ncnn .param file"),
        ("7767517\n2 1\nInput in0 0 1 in0\n", "declares 2 layers and has 1"),
        ("7767517\n1 1\nInput in0 0 2 in0\n", "ends early"),
        ("7767517\n1 1\nInput in0 0 1 in0\n", "its input 'in0' has no size"),
    ],
)
def test_broken_graphs_are_named(tmp_path, text, reason):
    (tmp_path / "odd.param").write_text(text)
    with pytest.raises(ModelError, match=reason):
        open_model(tmp_path / "odd.param")
