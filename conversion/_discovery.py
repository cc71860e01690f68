"""Which converters exist. A converter exists because its file, or its room, does."""

from __future__ import annotations

import importlib
from pathlib import Path

from conversion._base import Converter
from lightning_plates.discovery import own_subclasses
from lightning_plates.errors import InputError

_ROOT = Path(__file__).parent


def list_converters() -> dict[str, type[Converter]]:
    """Every converter by its name; none of their tools is imported.

    A converter is a file of this folder, or a room of files with ``converter.py`` in it. Scripts
    that go the other way (``hub.py``) hold no converter and are left out.
    """
    files = {file.stem: f"conversion.{file.stem}" for file in _ROOT.glob("[!_]*.py")}
    rooms = {
        file.parent.name: f"conversion.{file.parent.name}.converter"
        for file in _ROOT.glob("*/converter.py")
    }
    found = {name: _converter_in(module) for name, module in sorted({**files, **rooms}.items())}
    return {name: cls for name, cls in found.items() if cls is not None}


def list_scripts() -> dict[str, str]:
    """What else of this folder is run by name, and the first line of its documentation."""
    files = [file.stem for file in _ROOT.glob("[!_]*.py")]
    rooms = [file.parent.name for file in _ROOT.glob("*/__main__.py")]
    names = sorted({*files, *rooms} - set(list_converters()))
    modules = {name: importlib.import_module(f"conversion.{name}") for name in names}
    return {name: (module.__doc__ or "").splitlines()[0] for name, module in modules.items()}


def run_script(name: str, argv: list[str]) -> int:
    """Run one of :func:`list_scripts` with the words of its command line."""
    is_room = (_ROOT / name / "__main__.py").is_file()
    module = importlib.import_module(f"conversion.{name}" + (".__main__" if is_room else ""))
    status: int = module.main(argv)
    return status


def find_converter(name: str) -> type[Converter]:
    """The converter of that name.

    Raises:
        InputError: There is none; the message lists them.
    """
    known = list_converters()
    if name not in known:
        raise InputError(f"unknown converter {name!r} (choose from: {', '.join(known)})")
    return known[name]


def _converter_in(module: str) -> type[Converter] | None:
    own = own_subclasses(module, Converter)
    if len(own) > 1:
        raise TypeError(f"{module} must define one Converter, found {len(own)}")
    return own[0] if own else None
