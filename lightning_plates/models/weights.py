"""Starting weights of the backbones, each with the input that it was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import torch
import torchvision
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lightning_plates.drafts import draft_of
from lightning_plates.errors import ConfigError, InputError
from lightning_plates.files import check_regular
from lightning_plates.models.backbones import Padding
from lightning_plates.shipment import check_shipped
from lightning_plates.spec import SCALINGS, Scaling

_CLASSIFIER_PREFIXES = ("classifier.", "fc.", "AuxLogits.")
"""Parts of complete classification networks that a backbone leaves out."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What must be known about weights besides their values."""

    backbone: str
    """torchvision's name of the network that they fit."""
    scaling: Scaling
    """The input that they were trained on."""
    padding: Padding
    """How the stride-2 convolutions padded when they were trained."""


KNOWN_FILES: Mapping[str, Origin] = {
    "f23d3d43ac097e22c06856e7c21b7871109e4869c760f467c1cfb829d6870e17": Origin(
        "vgg16", "imagenet", "symmetric"
    ),
    "5ce63f9b95fba82a395f22820eb36f029a5c722bf2b6fbf745fa95cb123c6751": Origin(
        "inception_v3", "unit", "symmetric"
    ),
    "d37c28af593d51d0ec7b83d2115913c896f353dedb50282f39b7777818354898": Origin(
        "mobilenet_v2", "symmetric", "end"
    ),
}
"""Origins of weight files without metadata, by their SHA-256 (``../shared/data/weights``)."""


@dataclass(frozen=True, slots=True)
class BackboneWeights:
    """Weights that a backbone starts from."""

    origin: Origin
    tensors: Mapping[str, Tensor] | None
    """By torchvision's names; ``None`` leaves the random ones."""
    source: str
    """Where they come from, for reports."""

    def load_into(self, backbone: nn.Module) -> None:
        """Copy the values into ``backbone``.

        Raises:
            InputError: A tensor is missing, superfluous or of another shape.
        """
        if self.tensors is None:
            return
        given = {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in self.tensors.items()
            if not name.startswith(_CLASSIFIER_PREFIXES)
        }
        _check_names(given, backbone.state_dict(), f"{self.source} ({self.origin.backbone})")
        backbone.load_state_dict(given)


def read_weights(
    backbone: str,
    weights: str = "imagenet",
    scaling: Scaling | None = None,
    padding: Padding | None = None,
) -> BackboneWeights:
    """Read starting weights and find out which input they expect.

    Args:
        backbone: torchvision's name of the network.
        weights: ``imagenet`` (torchvision's, downloaded once), ``none`` (random), or the path of
            a safetensors file with torchvision's names.
        scaling: The input they were trained on; only needed for a file that does not say so in
            its metadata and is not one of :data:`KNOWN_FILES`.
        padding: Likewise; torchvision's own where nothing says otherwise.

    Raises:
        InputError: No network, no such file, not such a file, or weights of another network.
        ConfigError: The scaling of a file is unknown, or ``scaling`` contradicts it.
    """
    if weights == "none":
        origin = Origin(backbone, scaling or "imagenet", padding or "symmetric")
        return BackboneWeights(origin, None, "none (random)")
    if weights == "imagenet":
        return _download(backbone, scaling, padding)
    return _read_file(backbone, Path(weights), scaling, padding)


def save_backbone(backbone: nn.Module, origin: Origin, target: Path) -> None:
    """Write a trained backbone as a float16 safetensors file that knows its origin.

    Vectors (biases, batch-norm statistics) stay float32: they weigh little and a variance may
    lie outside of float16's range.

    Args:
        backbone: As :func:`~lightning_plates.models.backbones.build_backbone` makes it.
        origin: What the file's metadata says.
        target: The ``.safetensors`` file to write.
    """
    tensors = {
        name: (tensor.half() if tensor.ndim > 1 else tensor).contiguous().cpu()
        for name, tensor in backbone.state_dict().items()
    }
    metadata = {
        "backbone": origin.backbone,
        "scaling": origin.scaling,
        "padding": origin.padding,
    }
    with draft_of(target) as draft:
        save_file(tensors, str(draft), metadata)


def _download(backbone: str, scaling: Scaling | None, padding: Padding | None) -> BackboneWeights:
    try:
        choice = torchvision.models.get_model_weights(backbone).DEFAULT
    except ValueError as error:
        raise ConfigError(f"backbone {backbone!r}: torchvision has no such network") from error
    # The ported InceptionV3 turns ImageNet's scaling into −1…1 itself; here it gets that directly.
    known: Scaling = "symmetric" if backbone == "inception_v3" else "imagenet"
    _check_agreement("scaling", scaling, known, str(choice))
    try:
        tensors = choice.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"torchvision's ImageNet weights of {backbone} are not on this machine and cannot be "
            f"downloaded ({error}). Three ways out: connect to a network, give a local file with "
            "--model.weights FILE, or start from random weights with --model.weights none"
        ) from error
    origin = Origin(backbone, known, padding or "symmetric")
    return BackboneWeights(origin, tensors, f"torchvision {choice}")


def _read_file(
    backbone: str, path: Path, scaling: Scaling | None, padding: Padding | None
) -> BackboneWeights:
    try:
        check_regular(path)
    except FileNotFoundError as error:
        raise InputError(
            f"weights {path}: no such file (--model.weights takes imagenet, none, or a file)"
        ) from error
    except OSError as error:
        raise InputError(f"weights {path}: {error.strerror}") from error
    check_shipped(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- no mapping
    except SafetensorError as error:
        raise InputError(f"weights {path}: not a safetensors file ({error})") from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = _origin_of(metadata, path) or KNOWN_FILES.get(digest)
    origin = _settle(known, backbone, path, scaling, padding)
    return BackboneWeights(origin, tensors, f"{path.name} (sha256 {digest[:12]})")


def _origin_of(metadata: Mapping[str, str], path: Path) -> Origin | None:
    if "scaling" not in metadata:
        return None
    scaling, padding = metadata["scaling"], metadata.get("padding", "symmetric")
    if scaling not in SCALINGS or padding not in get_args(Padding):
        raise InputError(
            f"weights {path}: metadata says scaling {scaling!r} and padding {padding!r}; "
            f"known are {', '.join(SCALINGS)} and {', '.join(get_args(Padding))}"
        )
    return Origin(metadata.get("backbone", ""), cast("Scaling", scaling), cast("Padding", padding))


def _settle(
    known: Origin | None,
    backbone: str,
    path: Path,
    scaling: Scaling | None,
    padding: Padding | None,
) -> Origin:
    if known is None:
        if scaling is None:
            raise ConfigError(
                f"weights {path}: the file does not say which input it was trained on; "
                f"give --model.scaling ({', '.join(SCALINGS)})"
            )
        return Origin(backbone, scaling, padding or "symmetric")
    if known.backbone not in {"", backbone}:
        raise InputError(f"weights {path}: these are weights of {known.backbone}, not {backbone}")
    _check_agreement("scaling", scaling, known.scaling, str(path))
    _check_agreement("padding", padding, known.padding, str(path))
    return Origin(backbone, known.scaling, known.padding)


def _check_agreement(name: str, given: str | None, known: str, source: str) -> None:
    if given not in {None, known}:
        raise ConfigError(
            f"weights {source}: trained with {name} {known!r}, but {name} {given!r} was given; "
            f"leave --model.{name} out"
        )


def _check_names(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str) -> None:
    problems = [f"{name} is missing" for name in wanted if name not in given]
    problems += [f"{name} is not part of this network" for name in given if name not in wanted]
    problems += [
        f"{name} has shape {tuple(given[name].shape)}, expected {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in given and given[name].shape != tensor.shape
    ]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(f"weights {source}: {problems[0]}{more}")


def hash_tensors(module: nn.Module) -> str:
    """SHA-256 of all parameters and buffers of ``module``, with their names."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        values = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(values.numpy().data)
    return digest.hexdigest()
