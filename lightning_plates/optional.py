"""Import a package on use, or say what to install."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from lightning_plates.errors import MissingDependencyError


def require(module: str, *, extra: str) -> ModuleType:
    """Import ``module`` or explain which extra brings it.

    Args:
        module: Dotted name to import, e.g. ``"onnxruntime"``.
        extra: Name of the extra of this distribution that installs it.

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
        raise MissingDependencyError(
            f"{top_level} is not installed. Install it with: "
            f"pip install 'lightning-plates[{extra}]'"
        ) from error


def is_installed(module: str) -> bool:
    """Say whether the top-level package of ``module`` can be found, without importing it."""
    return importlib.util.find_spec(module.partition(".")[0]) is not None
