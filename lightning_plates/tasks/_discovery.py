"""Which tasks exist. A task exists because its file does."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

from lightning_plates.discovery import own_subclasses
from lightning_plates.errors import SpecError
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks._base import Task


@functools.lru_cache(maxsize=1)
def list_tasks() -> dict[str, Task[Any, Any]]:
    """Every task of this folder by its file's name."""
    folders = importlib.import_module("lightning_plates.tasks").__path__
    names = sorted(module.name for module in pkgutil.iter_modules(folders))
    return {name: _task_in(name) for name in names if not name.startswith("_")}


def task_named(name: str) -> Task[Any, Any]:
    """The task of that name.

    Raises:
        SpecError: There is none; the message lists them.
    """
    known = list_tasks()
    if name not in known:
        raise SpecError(f"model spec: unknown task {name!r} (this version has: {', '.join(known)})")
    return known[name]


def task_of(spec: ModelSpec) -> Task[Any, Any]:
    """The task that a model's spec names.

    Raises:
        SpecError: This version has no such task.
    """
    return task_named(spec.task)


def _task_in(name: str) -> Task[Any, Any]:
    own = own_subclasses(f"lightning_plates.tasks.{name}", Task)
    if len(own) != 1 or own[0].name != name:
        raise TypeError(f"tasks/{name}.py must define exactly one Task, named {name!r}")
    return own[0]()
