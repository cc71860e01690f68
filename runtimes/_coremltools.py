"""Import coremltools quietly; the runtime and the converter share it."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from lightning_plates.optional import require

EXTRA = "coreml"
"""Extra of this distribution that installs coremltools."""


def load_coremltools() -> Any:  # noqa: ANN401 -- a module
    """Import coremltools, which takes long, without its and torch's remarks on other packages.

    Raises:
        MissingDependencyError: It is not installed.
    """
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return require("coremltools", extra=EXTRA)
