"""Feature extractors: torchvision's classification networks without their classifier.

Parameter names stay torchvision's, so that any file with its keys can be loaded.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import torch
import torchvision
from torch import Tensor, fx, nn
from torch.nn import functional

from lightning_plates.errors import ConfigError

Padding = Literal["symmetric", "end"]
"""How stride-2 convolutions pad. ``symmetric``: as torchvision does. ``end``: TensorFlow's "SAME"
on even sizes, where the odd zero row and column go to the bottom and right only."""

_INCEPTION_CLASSIFIER = frozenset({"AuxLogits", "avgpool", "dropout", "fc"})


class FeatureStack(nn.Module):
    """The ``features`` part of a torchvision network, under torchvision's names.

    Args:
        features: Maps images ``(N, 3, H, W)`` to features ``(N, C, h, w)``.
    """

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features

    def forward(self, images: Tensor) -> Tensor:
        """Features ``(N, C, h, w)`` of ``images`` ``(N, 3, H, W)``."""
        features: Tensor = self.features(images)
        return features


def build_backbone(name: str, padding: Padding = "symmetric") -> nn.Module:
    """Build a feature extractor with random weights.

    Args:
        name: torchvision's name of the network, e.g. ``"mobilenet_v2"``; any that has a
            ``features`` part, and ``"inception_v3"``.
        padding: How the stride-2 convolutions pad; it belongs to the weights that will be loaded.

    Returns:
        A module from images ``(N, 3, H, W)`` to features ``(N, C, h, w)``.

    Raises:
        ConfigError: torchvision has no such network, or it has no ``features`` part.
    """
    backbone = _build_inception() if name == "inception_v3" else _build_features(name)
    return pad_at_end(backbone) if padding == "end" else backbone


def _build_features(name: str) -> nn.Module:
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise ConfigError(f"backbone {name!r}: torchvision has no such network")
    network = torchvision.models.get_model(name, weights=None)
    if not isinstance(getattr(network, "features", None), nn.Module):
        raise ConfigError(
            f"backbone {name!r}: this network has no part called 'features'; "
            "take vgg16, inception_v3, mobilenet_v2, mobilenet_v3_small or efficientnet_b0"
        )
    return FeatureStack(network.features)


def _build_inception() -> nn.Module:
    """InceptionV3 up to ``Mixed_7c``: 224 × 224 pixels give 2048 × 5 × 5."""
    network = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    blocks = [
        (name, _exclude_padding_from_means(block) if name.startswith("Mixed") else block)
        for name, block in network.named_children()
        if name not in _INCEPTION_CLASSIFIER
    ]
    return nn.Sequential(OrderedDict(blocks))


def _exclude_padding_from_means(block: nn.Module) -> nn.Module:
    """Average only over real pixels at the borders, as TensorFlow's "SAME" pooling does.

    With padding counted in, TFLite's INT8 conversion of the pools fails as well.
    """
    traced = fx.symbolic_trace(block)
    for node in traced.graph.nodes:
        if node.target is functional.avg_pool2d:
            node.update_kwarg("count_include_pad", False)
    traced.recompile()
    return traced


def pad_at_end(backbone: nn.Module) -> nn.Module:
    """Make the stride-2 convolutions of ``backbone`` pad at the bottom and right only.

    The zeros become a module of their own: exporters fold it into the convolution, graph passes
    keep seeing plain convolutions, and the parameters keep their names.

    Args:
        backbone: Its stride-2 convolutions must stand inside ``nn.Sequential``; it is changed.

    Returns:
        The same module.

    Raises:
        ConfigError: A stride-2 convolution stands elsewhere.
    """
    for path, parent in list(backbone.named_modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Sequential) and any(map(_pads_and_halves, child)):
                setattr(parent, name, _with_pad_modules(child))
            elif _pads_and_halves(child) and not isinstance(parent, nn.Sequential):
                raise ConfigError(
                    f"padding 'end': convolution {path}.{name} stands outside nn.Sequential"
                )
    return backbone


def pad_inception(backbone: nn.Module) -> nn.Module:
    """Pad the 3 × 3 convolutions and pools of InceptionV3 that have no padding.

    The first layers and those that halve the features leave the border out, so that 352 pixels
    give 41 cells of about 8 pixels. Padded, they give 44 of exactly 8; the weights stay.

    Args:
        backbone: As :func:`build_backbone` makes it; it is changed.

    Returns:
        The same module.
    """
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d) and (module.kernel_size, module.padding) == _BARE:
            module.padding = (1, 1)
        elif isinstance(module, nn.MaxPool2d) and (module.kernel_size, module.padding) == (3, 0):
            module.padding = 1
        elif isinstance(module, fx.GraphModule):
            for node in module.graph.nodes:
                if node.target is functional.max_pool2d:
                    node.update_kwarg("padding", 1)
            module.recompile()
    return backbone


_BARE = ((3, 3), (0, 0))
"""Kernel and padding of a convolution that leaves the border out."""


def _pads_and_halves(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.stride == (2, 2) and module.padding != (0, 0)


def _with_pad_modules(sequence: nn.Sequential) -> nn.Sequential:
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for name, child in sequence.named_children():
        if isinstance(child, nn.Conv2d) and _pads_and_halves(child):
            total = child.kernel_size[0] - 2
            before, after = total // 2, total - total // 2
            child.padding = (0, 0)
            modules[f"pad{name}"] = nn.ZeroPad2d((before, after, before, after))
        modules[name] = child
    return nn.Sequential(modules)


def feature_shape(backbone: nn.Module, width: int, height: int) -> tuple[int, int, int]:
    """Shape ``(C, h, w)`` of the features of one image of ``width`` × ``height`` pixels."""
    parameter = next(backbone.parameters())
    was_training = backbone.training
    image = torch.zeros(1, 3, height, width, dtype=parameter.dtype, device=parameter.device)
    with torch.no_grad():
        channels, rows, columns = backbone.eval()(image).shape[1:]
    backbone.train(was_training)
    return channels, rows, columns


def count_parameters(module: nn.Module) -> int:
    """Number of weights and biases of ``module``; running statistics are not counted."""
    return sum(parameter.numel() for parameter in module.parameters())
