"""Execution providers of ONNX Runtime whose libraries are loaded on use.

Some come in its build for NVIDIA, others as packages of their own.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from lightning_plates.errors import ModelError
from lightning_plates.optional import require


@dataclass(frozen=True, slots=True)
class Plugin:
    """Where a provider comes from."""

    module: str
    """Package that holds it, with ``get_library_path``."""
    extra: str
    """Extra of this distribution that installs it."""


def add_plugin(ort: ModuleType, options: Any, provider: str, plugin: Plugin) -> None:  # noqa: ANN401 -- onnxruntime.SessionOptions
    """Make sessions with ``options`` run on a provider's first device.

    Args:
        ort: The package ``onnxruntime``.
        options: Of the session to come; they are changed.
        provider: Name under which the package's devices are listed.
        plugin: The package.

    Raises:
        MissingDependencyError: The package is not installed.
        ModelError: Its library cannot be loaded, e.g. without a driver, or finds no device.
    """
    package = require(plugin.module, extra=plugin.extra)
    if not hasattr(ort, "register_execution_provider_library"):
        raise ModelError(f"{provider} needs ONNX Runtime 1.23 or newer, this is {ort.__version__}")
    _register(ort, package, provider)
    devices = [device for device in ort.get_ep_devices() if device.ep_name == provider]
    if not devices:
        raise ModelError(f"{provider}: finds no device here that it can run on")
    options.add_provider_for_devices(devices[:1], {})


def load_provider(ort: ModuleType, device: str) -> None:
    """Load the library of a provider that came with ONNX Runtime, where it has one.

    ONNX Runtime would only log why it cannot, and then find that no node has a provider.

    Args:
        ort: The package ``onnxruntime``.
        device: Name of the provider in its file's name, e.g. ``"cuda"``.

    Raises:
        ModelError: A library that it needs is missing.
    """
    folder = _folder_of(ort) / "capi"
    libraries = [folder / f"libonnxruntime_providers_{name}.so" for name in ("shared", device)]
    if not libraries[-1].exists():
        return
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
        ort.preload_dlls()  # those that pip installed, which no search path has
    for library in libraries:
        try:
            ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise ModelError(f"{library.name} cannot be loaded ({error})") from error


@functools.cache  # ONNX Runtime refuses a name that it knows; only what succeeds is remembered
def _register(ort: ModuleType, package: ModuleType, provider: str) -> None:
    try:
        for library in sorted(_folder_of(package).glob("libcudart.so*")):
            ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)  # the plugin finds it nowhere else
        ort.register_execution_provider_library(provider, package.get_library_path())
    except (OSError, ort.capi.onnxruntime_pybind11_state.Fail) as error:
        raise ModelError(f"{provider}: its library cannot be loaded ({error})") from error


def _folder_of(package: ModuleType) -> Path:
    return Path(str(package.__file__)).parent
