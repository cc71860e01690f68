"""What learns and what stays as it is."""

import pytest
import torch
from torch import nn

from lightning_plates.data.batches import FeatureBatch, ImageBatch, Targets
from lightning_plates.errors import ConfigError
from lightning_plates.models.lit_box_regressor import LitBoxRegressor


def build(**settings):
    return LitBoxRegressor("mobilenet_v3_small", "none", width=32, height=32, **settings)


def norms_of(module):
    return [m for m in module.network.backbone.modules() if isinstance(m, nn.BatchNorm2d)]


def test_a_frozen_backbone_stays_in_evaluation_mode():
    module = build().train()
    assert module.network.head.training
    assert not any(m.training for m in module.network.backbone.modules())
    assert not any(p.requires_grad for p in module.network.backbone.parameters())


@pytest.mark.parametrize(("batch_norm", "training"), [("fixed", False), ("trained", True)])
def test_a_thawed_backbone_trains_its_norms_only_if_told(batch_norm, training):
    module = build(unfreeze_epoch=0, batch_norm=batch_norm).train()
    assert module.network.backbone.training
    assert {norm.training for norm in norms_of(module)} == {training}


def test_a_thawing_backbone_learns_at_its_own_rate():
    groups = build(unfreeze_epoch=2, backbone_learning_rate=1e-6).configure_optimizers()
    assert [group["lr"] for group in groups.param_groups] == [5e-4, 1e-6]
    assert len(build().configure_optimizers().param_groups) == 1


def test_a_thawing_backbone_is_not_cached():
    with pytest.raises(ConfigError, match="unfreeze_epoch is 2"):
        build(unfreeze_epoch=2).frozen_backbone()


@pytest.mark.parametrize("loss", ["mse", "smooth_l1", "giou", "ciou"])
def test_features_and_images_give_the_same_loss(loss):
    module = build(loss=loss)
    images = torch.rand(4, 3, 32, 32)
    boxes = torch.tensor([[0.1, 0.2, 0.5, 0.4]] * 4)
    targets = Targets(boxes, torch.ones(4, 2), torch.arange(4))
    with torch.no_grad():
        features = module.frozen_backbone().eval()(images)
    losses = [
        module.eval()._measure(batch)[0]["loss"].item()
        for batch in (ImageBatch(images, targets), FeatureBatch(features, targets))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[0] > 0
