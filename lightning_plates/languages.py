"""Chooses the words of a language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from lightning_plates.errors import InputError

Words = TypeVar("Words")


def in_language(tables: Mapping[str, Words], language: str) -> Words:
    """The words of ``language`` among ``tables``.

    Raises:
        InputError: It is not spoken there.
    """
    if language not in tables:
        raise InputError(f"unknown language {language!r} (choose from: {', '.join(tables)})")
    return tables[language]
