import numpy as np
import pytest

from conversion.int8.calibration import Calibration
from conversion.openvino import OpenVinoConverter
from lightning_plates.errors import InputError, ModelError
from lightning_plates.photos import encode_jpeg
from runtimes import open_model

pytest.importorskip("openvino", reason="needs the extra openvino")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_it_answers_like_the_hub(tmp_path, hub_file, some_photos, calibration, precision):
    artefact = OpenVinoConverter().convert(hub_file, tmp_path, precision, some_photos, calibration)
    assert artefact.manifest.calibration is None  # only INT8 looks at them
    with open_model(artefact.path) as model, open_model(hub_file) as hub:
        assert model.spec == hub.spec
        [[ours]], [[theirs]] = model.locate(some_photos[:1]), hub.locate(some_photos[:1])
    assert ours.box == pytest.approx(theirs.box, abs=0.05)
    assert artefact.manifest.operators["Convolution"] == 2
    assert set(artefact.manifest.sizes) == {
        f"tiny.{precision}{end}" for end in (".xml", ".bin", ".xml.spec.json")
    }


@pytest.mark.slow
def test_int8_leaves_the_named_layers_in_float(tmp_path, hub_file, some_photos, calibration):
    pytest.importorskip("nncf", reason="needs the extra openvino")
    artefact = OpenVinoConverter(keep_float=()).convert(
        hub_file, tmp_path, "int8", some_photos, calibration
    )
    everything = artefact.manifest.operators["FakeQuantize"]
    kept = OpenVinoConverter(keep_float=("second/WithoutBiases",))
    with pytest.raises(InputError, match=r"no layer 'second/WithoutBiases' \(layers: first, sec"):
        kept.convert(hub_file, tmp_path, "int8", some_photos, calibration)
    fewer = OpenVinoConverter(keep_float=("second",)).convert(
        hub_file, tmp_path, "int8", some_photos, calibration
    )
    assert fewer.manifest.operators["FakeQuantize"] < everything


def test_truncated_weights_are_refused(tmp_path, hub_file, some_photos):
    artefact = OpenVinoConverter().convert(hub_file, tmp_path, "fp32", some_photos)
    weights = artefact.path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"tiny\.fp32\.xml: OpenVINO cannot open it"):
        open_model(artefact.path)


@pytest.mark.slow
def test_ranges_of_several_photos_are_joined_and_nothing_is_printed(
    tmp_path, hub_file, some_photos, tmp_path_factory, capfd
):
    pytest.importorskip("nncf", reason="needs the extra openvino")
    folder = tmp_path_factory.mktemp("dark_and_bright")
    for number, level in enumerate((0, 0, 0, 255)):
        photo = np.full((20, 30, 3), level, dtype=np.uint8)
        (folder / f"{number}.jpg").write_bytes(encode_jpeg(photo))
    photos = Calibration(tuple(sorted(folder.iterdir())), seed=0, side="all")
    highest = {}
    for way in ("minmax", "average"):
        converter = OpenVinoConverter(keep_float=(), across_photos=way)
        artefact = converter.convert(hub_file, tmp_path / way, "int8", some_photos, photos, 0.0)
        highest[way] = _highest_input(artefact.path)
    assert highest["minmax"] > 2 * highest["average"]
    assert capfd.readouterr().out == ""


def _highest_input(model):
    """Upper limit of the values that the first quantiser behind the photo lets through."""
    ov = pytest.importorskip("openvino")
    quantiser = next(
        op for op in ov.Core().read_model(model).get_ordered_ops()
        if op.get_type_name() == "FakeQuantize"
        and op.input_value(0).get_node().get_type_name() == "Parameter"
    )  # fmt: skip
    return float(quantiser.input_value(2).get_node().get_data().max())
