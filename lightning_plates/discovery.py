"""Finds what a module defines, so that no list of plug-ins has to agree with a folder."""

from __future__ import annotations

import importlib
import inspect
from typing import TypeVar

T = TypeVar("T")


def own_subclasses(module_name: str, base: type[T]) -> list[type[T]]:
    """Subclasses of ``base`` that a module defines itself; those that it imports do not count.

    Args:
        module_name: Dotted name of the module; it is imported.
        base: What the classes derive from.
    """
    module = importlib.import_module(module_name)
    return [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        # The module first: Python 3.10 takes aliases such as tuple[int] for classes.
        if cls.__module__ == module.__name__ and issubclass(cls, base)
    ]
