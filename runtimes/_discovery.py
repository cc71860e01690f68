"""Which runtimes exist, and which of them opens a file. A runtime exists because its file does."""

from __future__ import annotations

from pathlib import Path

from lightning_plates.discovery import own_subclasses
from lightning_plates.errors import InputError
from lightning_plates.optional import is_installed
from runtimes._base import Runtime


def list_runtimes() -> dict[str, type[Runtime]]:
    """Every runtime of this folder by its file's name; none of their libraries is imported."""
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    return {file.stem: _runtime_in(file.stem) for file in files}


def installed_runtimes() -> dict[str, type[Runtime]]:
    """The runtimes whose library is installed."""
    return {name: cls for name, cls in list_runtimes().items() if is_installed(cls.module)}


def open_model(
    path: Path, runtime: str | None = None, device: str | None = None, threads: int | None = None
) -> Runtime:
    """Open a model with the runtime that reads its ending.

    Args:
        path: The model file.
        runtime: Name of a runtime; ``None`` chooses by the file's ending.
        device: What runs it, e.g. ``"cpu"``; ``None`` takes the runtime's first.
        threads: Threads for one inference; ``None`` leaves the choice to the library.

    Raises:
        InputError: No such file, no runtime of that name, none for that ending, or no such device;
            the message lists those there are.
    """
    known = list_runtimes()
    if runtime is not None:
        if runtime not in known:
            raise InputError(f"unknown runtime {runtime!r} (choose from: {', '.join(known)})")
        return known[runtime](path, device, threads)
    for cls in known.values():
        if path.suffix in cls.suffixes:
            return cls(path, device, threads)
    if not path.exists():
        raise InputError(f"{path}: no such file")
    endings = ", ".join(sorted({suffix for cls in known.values() for suffix in cls.suffixes}))
    raise InputError(f"{path}: no runtime opens this file (known endings: {endings})")


def _runtime_in(name: str) -> type[Runtime]:
    own = own_subclasses(f"runtimes.{name}", Runtime)
    if len(own) != 1:
        raise TypeError(f"runtimes/{name}.py must define exactly one Runtime, found {len(own)}")
    return own[0]
