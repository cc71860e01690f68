import pytest

from lightning_plates import shipment
from lightning_plates.errors import InputError
from lightning_plates.finding import shipped
from lightning_plates.golden import golden_file, load_golden
from runtimes import open_model


@pytest.fixture
def roots(tmp_path, monkeypatch):
    monkeypatch.setattr(shipment, "CHECKOUT", tmp_path / "checkout")
    monkeypatch.setattr(shipment, "PACKAGED", tmp_path / "package")
    return tmp_path


def _ship(root, *names):
    (root / "finder").mkdir(parents=True)
    for name in names:
        (root / "finder" / name).touch()


def test_int8_comes_before_fp32_whatever_else_lies_there(roots):
    names = ("a_first_by_name.onnx", "plate_finder.onnx", "plate_finder_int8.onnx")
    _ship(roots / "checkout", *names)
    assert shipped.default_model() == roots / "checkout" / "finder" / "plate_finder_int8.onnx"


def test_an_installed_copy_has_its_own(roots):
    _ship(roots / "package", "plate_finder.onnx")
    assert shipped.default_model() == roots / "package" / "finder" / "plate_finder.onnx"


def test_without_a_shipped_model_the_way_out_is_named(roots):
    _ship(roots / "checkout", "experiment.onnx")
    with pytest.raises(InputError, match="--model FILE"):
        shipped.default_model()


def test_the_shipped_finder_answers_as_it_did_when_it_was_converted(project_dir):
    """Its golden answers were made with the padding, the resize and the scaling of its training."""
    finder = project_dir / "artifacts" / "finder"
    golden = load_golden(golden_file(finder / "plate_finder_int8.onnx"))
    with open_model(finder / "plate_finder.onnx") as model:  # their source
        found = model.locate(golden.photos)
    for (best, *_), (expected,) in zip(found, golden.answers, strict=True):
        # A padding of 0 in place of the grey moves the boxes by up to half a pixel.
        assert best.box == pytest.approx(expected.box, abs=0.05)
        assert best.confidence == pytest.approx(expected.confidence, abs=3e-4)
