import pytest

from conversion.executorch import ExecuTorchConverter
from lightning_plates.errors import InputError, ModelError, SpecError
from runtimes import open_model

pytest.importorskip("executorch", reason="needs the extra executorch")
pytest.importorskip("torch", reason="needs the extra executorch")


@pytest.mark.slow
def test_it_answers_like_the_hub(tmp_path, hub_file, some_photos):
    artefact = ExecuTorchConverter().convert(hub_file, tmp_path, "fp32", some_photos)
    assert artefact.manifest.parity.max_abs_difference < 1e-5
    assert artefact.manifest.operators["xnnpack::aten.convolution.default"] == 2
    with open_model(artefact.path) as model, open_model(hub_file) as hub:
        assert model.spec == hub.spec
        assert [t.shape for t in (*model.inputs, *model.outputs)] == [(1, 3, 16, 16), (1, 4)]
        first = model.predict(some_photos[:1])["box"]
        kept = first.copy()
        model.predict(some_photos[1:2])
        assert (first == kept).all()  # the library uses its memory again


@pytest.mark.slow
def test_int8_leaves_the_named_layers_in_float(tmp_path, hub_file, some_photos, calibration):
    def rounded(*kept):
        artefact = ExecuTorchConverter(keep_float=kept).convert(
            hub_file, tmp_path, "int8", some_photos, calibration
        )
        assert artefact.manifest.details["kept_float"] == list(kept)
        operators = artefact.manifest.operators
        return operators["xnnpack::quantized_decomposed.dequantize_per_channel.default"]

    assert rounded() == 3
    assert rounded("linear") == 2
    with pytest.raises(InputError, match=r"no layer 'warp' \(layers: conv2d, conv2d_1, linear\)"):
        rounded("warp")


def test_what_is_no_program_is_named(tmp_path):
    from tiny_onnx import RGB_SPEC

    noise = tmp_path / "noise.pte"
    noise.write_bytes(b"no program at all" * 10)
    with pytest.raises(SpecError, match=r"noise\.pte: no model spec beside it"):
        open_model(noise)
    (tmp_path / "noise.pte.spec.json").write_text(RGB_SPEC.to_json())
    with pytest.raises(ModelError, match=r"noise\.pte: ExecuTorch cannot open it"):
        open_model(noise)
