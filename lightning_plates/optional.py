"""Import a package on use, or say what to install."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from lightning_plates.errors import MissingDependencyError

EXTRA_OF = {
    "albumentations": "train",
    "jsonargparse": "train",
    "lightning_fabric": "train",
    "matplotlib": "data",
    "pytorch_lightning": "train",
    "safetensors": "train",
    "torch": "train",
    "torchmetrics": "train",
    "torchvision": "train",
}
"""Extra by package, of those that whole modules are about and import without :func:`require`."""


def require(module: str, *, extra: str = "") -> ModuleType:
    """Import ``module`` or explain which extra brings it.

    Args:
        module: Dotted name to import, e.g. ``"onnxruntime"``.
        extra: Name of the extra of this distribution that installs it; empty where every
            installation has it, so that it is imported on use only because it takes its time.

    Returns:
        The imported module.

    Raises:
        MissingDependencyError: The package is not installed. A package that is installed
            but fails to import raises its own error, because installing it again would not help.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        top_level = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != top_level:
            raise
        raise _missing(top_level, extra) from error


def explain_missing(error: ModuleNotFoundError) -> MissingDependencyError | None:
    """Say what to install after an ``import`` failed; ``None`` if no extra would help.

    A module of our own, or one that an installed package lacks, is nobody's extra.
    """
    extra = EXTRA_OF.get(error.name or "")
    return _missing(error.name or "", extra) if extra else None


def install_command(extra: str) -> str:
    """What to type to install ``extra`` of this distribution, or without a name the rest of it."""
    return f"pip install 'lightning-plates[{extra}]'" if extra else "pip install lightning-plates"


def is_installed(module: str) -> bool:
    """Say whether the top-level package of ``module`` can be found, without importing it."""
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def _missing(package: str, extra: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{package} is not installed. Install it with: {install_command(extra)}"
    )
