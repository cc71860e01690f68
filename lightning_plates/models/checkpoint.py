"""Checkpoints that open without the config, the weights or the data they came from."""

from __future__ import annotations

import importlib
import pickle
import typing
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from lightning_plates.errors import ConfigError, InputError, ModelError, SpecError
from lightning_plates.files import check_regular
from lightning_plates.models.evaluation import PhotoMeans
from lightning_plates.schema import convert
from lightning_plates.shipment import check_shipped
from lightning_plates.spec import ModelSpec

RECORD_KEY = "lightning_plates"
"""Key of a checkpoint under which :class:`Record` lies, as plain values."""


_UNREADABLE = (
    pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError,
    AttributeError, MemoryError, OverflowError, AssertionError, ImportError,
)  # fmt: skip
"""What torch's safe reader raises on bytes that are no checkpoint: it checks few of its steps."""

_LARGEST_PICKLE = 64 * 10**6
"""Bytes of what a checkpoint says beside its tensors; ours have some hundred thousand."""

_NO_FILES = {"weights": "none", "teacher": "", "start": ""}
"""Constructor arguments that would open or download further files."""

OPENED_ALONE = frozenset({*_NO_FILES, "scaling", "padding"})
"""Arguments that a checkpoint states otherwise than who began the run: it opens without files."""


class SpecModule(LightningModule):
    """A LightningModule that knows its :class:`ModelSpec` and can be rebuilt from a checkpoint.

    A subclass calls ``save_hyperparameters()`` with plain values only, and sets ``spec``.
    """

    spec: ModelSpec
    """Pre- and post-processing of the network."""
    monitor = "val/mean_iou"
    """Logged value that chooses the best epoch; see :attr:`monitor_mode`."""
    photo_means: PhotoMeans
    """What the validation and test steps measured; logged behind the last batch."""

    @property
    def monitor_mode(self) -> Literal["min", "max"]:
        """Which values of ``monitor`` are better: lower ones of a loss, higher ones else."""
        return "min" if "loss" in self.monitor else "max"

    def on_validation_epoch_end(self) -> None:
        """Log the means over the validation photos."""
        self._log_means("val")

    def on_test_epoch_end(self) -> None:
        """Log the means over the test photos."""
        self._log_means("test")

    def _log_means(self, side: str) -> None:
        means = self.photo_means.compute()
        self.photo_means.reset()
        # All processes have the same values; Lightning warns where it may not synchronise them.
        self.log_dict({f"{side}/{name}": mean for name, mean in means.items()}, sync_dist=True)

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


@dataclass(frozen=True, slots=True)
class _StoredRecord:
    """:class:`Record` as plain values, under :data:`RECORD_KEY`."""

    class_path: str
    arguments: dict[str, Any]
    spec: str


def load_checkpoint(path: Path) -> SpecModule:
    """Build the network of a checkpoint with its trained weights.

    Returns:
        The module on the CPU, in evaluation mode; it maps images to named outputs and has ``spec``.

    Raises:
        InputError: The file is missing, no regular file, or too large.
        ModelError: The file is not a checkpoint of this project, or its weights are not finite.
        SpecError: Its spec cannot be read.
    """
    checkpoint = _read(path)
    record = _record_of(checkpoint, path)
    state = _finite_state(checkpoint, path)
    module = _build(record, state, path)
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: weights do not fit {record.class_path} ({reason} …)") from error
    module.spec = record.spec
    return module.eval()


def read_record(path: Path) -> Record:
    """Read how to build the network of a checkpoint, without building it.

    Raises:
        InputError: The file is missing, no regular file, or too large.
        ModelError: The file is not a checkpoint of this project, or its weights are not finite.
        SpecError: Its spec cannot be read.
    """
    checkpoint = _read(path)
    _finite_state(checkpoint, path)
    return _record_of(checkpoint, path)


def name_not_finite(state: Mapping[str, Tensor]) -> str:
    """The first tensor of ``state`` that holds NaN or infinity; empty where none does."""
    names = (name for name, tensor in state.items() if tensor.is_floating_point())
    return next((name for name in names if not torch.isfinite(state[name]).all()), "")


def _read(path: Path) -> dict[str, Any]:
    try:
        check_regular(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    check_shipped(path)
    _check_archive(path)
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


def _check_archive(path: Path) -> None:
    """Refuse what torch's reader would unpack, or look for words in, for minutes."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, *_UNREADABLE, OSError) as error:
        raise ModelError(f"{path}: not a checkpoint that can be read safely ({error})") from error
    # torch stores, it does not compress.
    packed = sum(part.file_size for part in parts) > path.stat().st_size
    pickles = (part.file_size for part in parts if part.filename.endswith(".pkl"))
    if packed or max(pickles, default=0) > _LARGEST_PICKLE:
        raise ModelError(f"{path}: not a checkpoint that can be read safely (it was packed again)")


def _record_of(checkpoint: dict[str, Any], path: Path) -> Record:
    place = f"{path}: model record"
    stored = convert(checkpoint[RECORD_KEY], _StoredRecord, place, ModelError)
    try:
        spec = ModelSpec.from_json(stored.spec)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error
    hints = typing.get_type_hints(_class_of(stored.class_path, path).__init__)
    hints.pop("return", None)
    # Whatever the file says of other files: it opens alone, and downloads nothing.
    arguments = {
        **stored.arguments,
        **{name: _NO_FILES[name] for name in _NO_FILES if name in hints},
    }
    fields = [(name, hint, None) for name, hint in hints.items()]
    expected = msgspec.defstruct("Arguments", fields, forbid_unknown_fields=True)
    convert(arguments, expected, f"{place}: arguments", ModelError)
    return Record(stored.class_path, arguments, spec)


def _finite_state(checkpoint: dict[str, Any], path: Path) -> dict[str, Tensor]:
    state = checkpoint.get("state_dict")
    if not isinstance(state, dict) or not all(isinstance(one, Tensor) for one in state.values()):
        raise ModelError(f"{path}: its state_dict is not a dictionary of tensors")
    try:
        bad = name_not_finite(state)
    except RuntimeError as error:  # a layout that networks do not have
        raise ModelError(f"{path}: its weights cannot be read ({error})") from error
    if bad:
        raise ModelError(
            f"{path}: its weights {bad} hold NaN or infinity: that training run broke down; take a "
            "checkpoint from before, or train again in another folder with a lower learning rate"
        )
    return state


def _build(record: Record, state: Mapping[str, Tensor], path: Path) -> SpecModule:
    """The network of ``record``, untrained; refused before its memory is taken if none fits."""
    cls = _class_of(record.class_path, path)
    try:
        with torch.device("meta"):
            wanted = cls(**record.arguments).state_dict()
        _check_shapes(state, wanted, path)
        return cls(**record.arguments)
    except (ConfigError, InputError, *_UNREADABLE) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path}: no network can be built of its record ({reason})") from error


def _check_shapes(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path) -> None:
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    for name in {**shapes, **found}:
        if found.get(name) != shapes.get(name):
            raise ModelError(
                f"{path}: weights do not fit the model record: {name} is "
                f"{found.get(name, 'missing')}, expected {shapes.get(name, 'none')}"
            )


def _class_of(class_path: str, path: Path) -> type[SpecModule]:
    module_name, _, class_name = class_path.rpartition(".")
    # Only our own classes: a file must not choose what gets imported and called.
    if module_name.partition(".")[0] != "lightning_plates":
        raise ModelError(f"{path}: its network {class_path} is not part of lightning-plates")
    try:
        cls = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ModelError(f"{path}: there is no network {class_path} in this version") from error
    if not (isinstance(cls, type) and issubclass(cls, SpecModule)):
        raise ModelError(f"{path}: {class_path} is not a network")
    return cls
