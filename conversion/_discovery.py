"""Which converters exist. A converter exists because its file does."""

from __future__ import annotations

import importlib
from pathlib import Path

from conversion._base import Converter
from lightning_plates.discovery import own_subclasses
from lightning_plates.errors import InputError


def list_converters() -> dict[str, type[Converter]]:
    """Every converter of this folder by its file's name; none of their tools is imported.

    Scripts that go the other way (``hub.py``) hold no converter and are left out.
    """
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    found = {file.stem: _converter_in(file.stem) for file in files}
    return {name: cls for name, cls in found.items() if cls is not None}


def list_scripts() -> dict[str, str]:
    """What else of this folder is run by name, and the first line of its documentation."""
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    scripts = {file.stem: importlib.import_module(f"conversion.{file.stem}") for file in files}
    return {
        name: (module.__doc__ or "").splitlines()[0]
        for name, module in scripts.items()
        if _converter_in(name) is None
    }


def find_converter(name: str) -> type[Converter]:
    """The converter of that name.

    Raises:
        InputError: There is none; the message lists them.
    """
    known = list_converters()
    if name not in known:
        raise InputError(f"unknown converter {name!r} (choose from: {', '.join(known)})")
    return known[name]


def _converter_in(name: str) -> type[Converter] | None:
    own = own_subclasses(f"conversion.{name}", Converter)
    if len(own) > 1:
        raise TypeError(f"conversion/{name}.py must define one Converter, found {len(own)}")
    return own[0] if own else None
