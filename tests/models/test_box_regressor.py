"""Shapes, parameter counts and padding of the networks."""

import pytest
import torch
from torch import nn

from lightning_plates.errors import ConfigError
from lightning_plates.models.backbones import (
    build_backbone,
    count_parameters,
    feature_shape,
    pad_at_end,
)
from lightning_plates.models.box_regressor import build_box_regressor

HEAD_PARAMETERS = {"vgg16": 3_224_068, "inception_v3": 6_566_404, "mobilenet_v2": 8_040_964}
FEATURE_PARAMETERS = {"vgg16": 14_714_688, "inception_v3": 21_785_568, "mobilenet_v2": 2_223_872}
FEATURE_SHAPES = {
    "vgg16": (512, 7, 7), "inception_v3": (2048, 5, 5), "mobilenet_v2": (1280, 7, 7)
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(HEAD_PARAMETERS))
def test_thesis_networks_have_the_stated_parameters_and_shapes(name):
    model = build_box_regressor(name)
    assert count_parameters(model.head) == HEAD_PARAMETERS[name]
    assert count_parameters(model.backbone) == FEATURE_PARAMETERS[name]
    assert feature_shape(model.backbone, 224, 224) == FEATURE_SHAPES[name]


@pytest.mark.parametrize("head", ["flatten", "soft_argmax"])
def test_small_backbone_gives_one_box_in_unit_range(head):
    model = build_box_regressor("mobilenet_v3_small", width=64, height=96, head=head).eval()
    output = model(torch.randn(3, 3, 96, 64))
    assert output._fields == ("box",)
    assert output.box.shape == (3, 4)
    assert ((output.box > 0) & (output.box < 1)).all()


def test_inception_averages_only_real_pixels():
    block = build_backbone("inception_v3").get_submodule("Mixed_5b").eval()
    nn.init.constant_(block.branch_pool.conv.weight, 1 / 192)
    pooled = block(torch.ones(1, 192, 6, 6))[:, -32:]
    # The mean of ones is one everywhere, at the border too; batch norm divides by sqrt(1 + 1e-3).
    torch.testing.assert_close(pooled, torch.full((1, 32, 6, 6), 1.001**-0.5))


def test_padding_at_the_end_matches_tensorflow_same_padding():
    conv = nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)
    nn.init.ones_(conv.weight)
    network = pad_at_end(nn.Sequential(nn.Sequential(conv)))
    # Windows start at pixel 0: the first sums 9 ones; the last row and column hang over the end.
    expected = torch.tensor([[9.0, 6.0], [6.0, 4.0]])
    assert torch.equal(network(torch.ones(1, 1, 4, 4))[0, 0], expected)


def test_padding_keeps_the_parameter_names():
    plain, padded = (build_backbone("mobilenet_v2", padding) for padding in ("symmetric", "end"))
    assert list(plain.state_dict()) == list(padded.state_dict())
    assert feature_shape(padded, 224, 224) == (1280, 7, 7)


def test_padding_changes_the_features():
    torch.manual_seed(0)
    plain = build_backbone("mobilenet_v2").eval()
    padded = build_backbone("mobilenet_v2", "end").eval()
    padded.load_state_dict(plain.state_dict())
    image = torch.rand(1, 3, 64, 64)
    first, second = plain(image), padded(image)
    assert (first - second).abs().max() > 0.1 * first.abs().max()


def test_unknown_backbones_are_refused_by_name():
    with pytest.raises(ConfigError, match="no_such_net"):
        build_backbone("no_such_net")
    with pytest.raises(ConfigError, match="features"):
        build_backbone("resnet18")
