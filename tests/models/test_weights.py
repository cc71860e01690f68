"""Where backbone weights come from, and that their input scaling is known, not guessed."""

import urllib.error

import pytest
import torch
from safetensors.torch import save_file

from lightning_plates.errors import ConfigError, InputError
from lightning_plates.models.backbones import build_backbone
from lightning_plates.models.weights import Origin, read_weights, save_backbone

NAME = "mobilenet_v3_small"


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(3)
    return build_backbone(NAME)


def test_saved_weights_bring_their_origin_and_values(tmp_path, backbone):
    file = tmp_path / "start.safetensors"
    save_backbone(backbone, Origin(NAME, "symmetric", "end"), file)
    start = read_weights(NAME, str(file))
    assert start.origin == Origin(NAME, "symmetric", "end")
    other = build_backbone(NAME, "end")
    start.load_into(other)
    for name, value in backbone.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=1e-3, atol=1e-6)
    assert other.state_dict()["features.0.0.weight"].dtype == torch.float32


def test_weights_of_another_network_are_refused(tmp_path, backbone):
    file = tmp_path / "start.safetensors"
    save_backbone(backbone, Origin(NAME, "unit", "symmetric"), file)
    with pytest.raises(InputError, match="weights of mobilenet_v3_small, not mobilenet_v2"):
        read_weights("mobilenet_v2", str(file))


def test_a_file_without_metadata_needs_its_scaling_named(tmp_path, backbone):
    file = tmp_path / "bare.safetensors"
    save_file({name: value.clone() for name, value in backbone.state_dict().items()}, str(file))
    with pytest.raises(ConfigError, match=r"--model\.scaling"):
        read_weights(NAME, str(file))
    assert read_weights(NAME, str(file), scaling="unit").origin.scaling == "unit"


def test_a_contradicting_scaling_is_refused(tmp_path, backbone):
    file = tmp_path / "start.safetensors"
    save_backbone(backbone, Origin(NAME, "unit", "symmetric"), file)
    with pytest.raises(ConfigError, match="trained with scaling 'unit'"):
        read_weights(NAME, str(file), scaling="imagenet")


def test_missing_superfluous_and_misshapen_tensors_are_named(tmp_path, backbone):
    tensors = {name: value.clone() for name, value in backbone.state_dict().items()}
    tensors["extra"] = torch.zeros(1)
    del tensors["features.0.0.weight"]
    tensors["classifier.0.weight"] = torch.zeros(2)  # a complete network's file is welcome
    file = tmp_path / "bad.safetensors"
    save_file(tensors, str(file))
    with pytest.raises(InputError, match=r"features\.0\.0\.weight is missing \(and 1 more\)"):
        read_weights(NAME, str(file), scaling="unit").load_into(backbone)


@pytest.mark.parametrize("content", [b"", b"not a safetensors file at all, only text"])
def test_damaged_files_are_refused(tmp_path, content):
    file = tmp_path / "bad.safetensors"
    file.write_bytes(content)
    with pytest.raises(InputError, match="not a safetensors file"):
        read_weights(NAME, str(file), scaling="unit")


def test_without_a_network_the_three_ways_out_are_named(tmp_path, monkeypatch):
    def fail(*_args, **_kwargs):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr("torch.hub.download_url_to_file", fail)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError) as caught:
        read_weights("mobilenet_v2", "imagenet")
    for way_out in ("network", "--model.weights FILE", "--model.weights none"):
        assert way_out in str(caught.value)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "scaling", "padding"),
    [("inception_v3", "unit", "symmetric"), ("mobilenet_v2", "symmetric", "end"),
     ("vgg16", "imagenet", "symmetric")],
)  # fmt: skip
def test_the_shared_files_fit_and_are_known(shared_dir, name, scaling, padding):
    start = read_weights(name, str(shared_dir / "data" / "weights" / f"{name}.safetensors"))
    assert (start.origin.scaling, start.origin.padding) == (scaling, padding)
    start.load_into(build_backbone(name, start.origin.padding))
