"""Checkpoints that open without the config, the weights or the data they came from."""

from __future__ import annotations

import importlib
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule

from lightning_plates.errors import ConfigError, InputError, ModelError
from lightning_plates.shipment import check_shipped
from lightning_plates.spec import ModelSpec

RECORD_KEY = "lightning_plates"
"""Key of a checkpoint under which :class:`Record` lies, as plain values."""


_UNREADABLE = (
    pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError,
    AttributeError,
)  # fmt: skip
"""What torch's safe reader raises on bytes that are no checkpoint: it checks few of its steps."""


class SpecModule(LightningModule):
    """A LightningModule that knows its :class:`ModelSpec` and can be rebuilt from a checkpoint.

    A subclass calls ``save_hyperparameters()`` with plain values only, and sets ``spec``.
    """

    spec: ModelSpec
    """Pre- and post-processing of the network."""
    monitor = "val/mean_iou"
    """Logged value that chooses the best epoch; lower is better where its name says loss."""

    def resize_input(self, side: int) -> None:
        """Take photos of ``side`` × ``side`` pixels from now on, where the network allows it.

        Raises:
            ConfigError: Its layers fit one size only, or not this one.
        """
        raise ConfigError(
            f"{self.spec.name}: its layers fit {self.spec.width} x {self.spec.height} pixels only"
        )

    def average_mirrored(self) -> None:
        """Answer with the mean of a photo's answer and its mirror image's, at twice the cost.

        Raises:
            ConfigError: The network cannot do it.
        """
        raise ConfigError(f"{self.spec.name}: only a dense network averages mirror images")

    def rebuild_arguments(self) -> dict[str, Any]:
        """Constructor arguments that build this network again without any other file."""
        return {name: value for name, value in self.hparams.items() if not name.startswith("_")}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what :func:`load_checkpoint` reads."""
        cls = type(self)
        checkpoint[RECORD_KEY] = {
            "class_path": f"{cls.__module__}.{cls.__qualname__}",
            "arguments": self.rebuild_arguments(),
            "spec": self.spec.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Record:
    """How to build the network of a checkpoint."""

    class_path: str
    """Dotted path of a :class:`SpecModule`."""
    arguments: dict[str, Any]
    """Its constructor arguments."""
    spec: ModelSpec
    """Its pre- and post-processing when it was saved."""


def load_checkpoint(path: Path) -> SpecModule:
    """Build the network of a checkpoint with its trained weights.

    Returns:
        The module on the CPU, in evaluation mode; it maps images to named outputs and has ``spec``.

    Raises:
        InputError: The file is missing.
        ModelError: The file is not a checkpoint of this project.
        SpecError: Its spec cannot be read.
    """
    checkpoint = _read(path)
    record = _record_of(checkpoint, path)
    module = _class_of(record.class_path, path)(**record.arguments)
    try:
        module.load_state_dict(checkpoint["state_dict"])
    except (KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: weights do not fit {record.class_path} ({reason} …)") from error
    module.spec = record.spec
    return module.eval()


def read_record(path: Path) -> Record:
    """Read how to build the network of a checkpoint, without building it.

    Raises:
        InputError: The file is missing.
        ModelError: The file is not a checkpoint of this project.
        SpecError: Its spec cannot be read.
    """
    return _record_of(_read(path), path)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    check_shipped(path)
    try:
        with warnings.catch_warnings():
            # A warning about a foreign pickle helps nobody: it is refused right below.
            warnings.simplefilter("ignore")
            # weights_only: a checkpoint from anywhere cannot run code while it is read.
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{path}: not a checkpoint that can be read safely ({reason})") from error
    if not isinstance(checkpoint, dict) or RECORD_KEY not in checkpoint:
        raise ModelError(f"{path}: not a checkpoint of this project (it has no model record)")
    return checkpoint


def _record_of(checkpoint: dict[str, Any], path: Path) -> Record:
    try:
        fields = checkpoint[RECORD_KEY]
        spec = ModelSpec.from_json(fields["spec"])
        return Record(str(fields["class_path"]), dict(fields["arguments"]), spec)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: damaged model record ({error!r})") from error


def _class_of(class_path: str, path: Path) -> type[SpecModule]:
    module_name, _, class_name = class_path.rpartition(".")
    # Only our own classes: a file must not choose what gets imported and called.
    if module_name.partition(".")[0] != "lightning_plates":
        raise ModelError(f"{path}: its network {class_path} is not part of lightning-plates")
    try:
        cls = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ModelError(f"{path}: there is no network {class_path} in this version") from error
    if not (isinstance(cls, type) and issubclass(cls, SpecModule)):
        raise ModelError(f"{path}: {class_path} is not a network")
    return cls
