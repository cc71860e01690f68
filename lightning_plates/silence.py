"""Keeps dependencies from reporting home or looking for updates of themselves.

``lightning_plates`` calls :func:`silence` when it is imported, and ``runtimes`` and ``conversion``
import it first, so that it has run before any such package is: afterwards is too late. Child
processes inherit the variables.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

VARIABLES: Mapping[str, str] = {
    # ONNX Runtime 1.32 writes a device id, keeps events and connects after ten seconds.
    "ORT_DISABLE_TELEMETRY": "1",
    # Albumentations asks PyPI for its newest version when it is imported.
    "NO_ALBUMENTATIONS_UPDATE": "1",
    # huggingface_hub comes with ExecuTorch; what it sends depends on who calls it.
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Environment variables by name; whoever set one is obeyed."""

REPORTERS = ("openvino_telemetry",)
"""Packages whose only task is to report and that no variable stops. OpenVINO and NNCF go on
without this one, as they do where it is not installed."""


def silence() -> None:
    """Set :data:`VARIABLES` and hide :data:`REPORTERS` that nobody has imported yet."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    for module in REPORTERS:
        # ``None`` makes an import raise ModuleNotFoundError.
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]  # typeshed knows no None
