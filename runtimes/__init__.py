"""Inference adapters: one file a runtime, one contract."""

from runtimes._base import Runtime, TensorSpec
from runtimes._discovery import installed_runtimes, list_runtimes, open_model

__all__ = ["Runtime", "TensorSpec", "installed_runtimes", "list_runtimes", "open_model"]
