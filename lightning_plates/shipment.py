"""Model files that ship with the project: where they lie, and whether they are undamaged.

A flipped bit in a model's weights raises nothing: it reads other plates. What ships is therefore
compared with its SHA-256 when it is opened, which takes milliseconds; a user's own model is not.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.metadata
from collections.abc import Mapping
from pathlib import Path

from lightning_plates.errors import ModelError
from lightning_plates.files import read_bytes, real_path

CHECKOUT = Path(__file__).parent.parent / "artifacts"
"""Where models lie in a checkout."""

PACKAGED = Path(__file__).parent / "artifacts"
"""Where an installed distribution keeps them."""

SUMS = "SHA256SUMS"
"""File in both that names every model with its SHA-256; ``make sums`` writes it."""


def check_shipped(path: Path) -> None:
    """Refuse a model of :data:`CHECKOUT` or :data:`PACKAGED` that is not as it was shipped.

    Any other path is left alone, whatever it is.

    Raises:
        ModelError: Its content, or the list of sums, is damaged or missing.
    """
    place = real_path(path)
    for root in (CHECKOUT.resolve(), PACKAGED.resolve()):
        wanted = _sums(root).get(place) if place.is_relative_to(root) else None
        if wanted is not None and _sha256(place).hex() != wanted:
            raise ModelError(
                f"{path}: damaged, its SHA-256 is not the one in {root / SUMS}; "
                "install again: pip install --force-reinstall lightning-plates "
                f"(in a clone: git checkout {path}, or make sums after a training of your own)"
            )


def check_installed(path: Path, distribution: str) -> None:
    """Refuse a file of another distribution that is not as its wheel brought it.

    Where that distribution was installed without a record of its files, nothing is compared.

    Raises:
        ModelError: The content differs.
    """
    wanted = _recorded(path, distribution)
    if wanted is not None and _sha256(path) != wanted:
        raise ModelError(
            f"{path}: damaged, its SHA-256 is not the one that {distribution} was installed with; "
            f"install it again: pip install --force-reinstall {distribution}"
        )


@functools.cache
def _sums(root: Path) -> Mapping[Path, str]:
    try:
        text = read_bytes(root / SUMS).decode("ascii")
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{root / SUMS}: cannot be read ({error}), and with it no model that ships is checked; "
            "install again: pip install --force-reinstall lightning-plates"
        ) from error
    words = (line.split(maxsplit=1) for line in text.splitlines())
    return {root / name: digest for digest, name in words}


def _recorded(path: Path, distribution: str) -> bytes | None:
    """SHA-256 of an installed file, as the record of its distribution has it."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == path.name and file.hash and Path(str(file.locate())) == path:
            return base64.urlsafe_b64decode(f"{file.hash.value}=")  # the record leaves it out
    return None


def _sha256(path: Path) -> bytes:
    try:
        return hashlib.sha256(read_bytes(path)).digest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
