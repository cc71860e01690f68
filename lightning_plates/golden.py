"""Photos that travel with a converted model, and what its source answers to them.

They lie beside the model as ``MODEL.golden.npz``, so that a device can check itself with nothing
but NumPy and its own runtime. The photos are synthetic: no plate in them belongs to anyone.
"""

from __future__ import annotations

import dataclasses
import json
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from lightning_plates.agreement import Agreement
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes
from lightning_plates.photos import RgbImage
from lightning_plates.results import Detection
from lightning_plates.schema import convert, parse_json
from lightning_plates.shipment import check_shipped

SUFFIX = ".golden.npz"
"""What follows the model file's name."""
_MAX_BYTES = 64_000_000
"""Of the file; four photos of 256 pixels have 0.3 MB."""
_MAX_UNPACKED = 256_000_000
"""Bytes of all its arrays."""
_DAMAGES = (
    OSError, EOFError, ValueError, TypeError, LookupError, RuntimeError, MemoryError, OverflowError,
    SyntaxError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What zipfile and NumPy raise on damaged archives (``RuntimeError`` for encrypted ones,
``SyntaxError`` and more for array headers)."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Photos with the best box that the source of a model finds in each."""

    photos: tuple[RgbImage, ...]
    """RGB, each of shape ``(H, W, 3)``."""
    answers: tuple[tuple[Detection, ...], ...]
    """One box a photo, in its pixels, however low its score and without a margin; or none."""
    score_threshold: float
    """Boxes with a lower score count as no plate found."""
    agreement: Agreement
    """How far the converted model was from its source on these photos when it was made."""
    precision: str
    """Of the converted model: ``fp32``, ``fp16`` or ``int8``."""


_Answer: TypeAlias = Annotated[tuple[Detection, ...], Meta(max_length=1)]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What lies beside the photos in the file."""

    answers: Annotated[tuple[_Answer, ...], Meta(min_length=1, max_length=1000)]
    score_threshold: Annotated[float, Meta(ge=0, le=1)]
    agreement: Agreement
    precision: str


def golden_file(model: Path) -> Path:
    """Where the golden answers of ``model`` lie."""
    return model.with_name(model.name + SUFFIX)


def save_golden(golden: Golden, target: Path) -> None:
    """Write golden photos and answers to ``target``."""
    facts = {
        "version": 1,
        "answers": [[dataclasses.asdict(best) for best in one] for one in golden.answers],
        "score_threshold": golden.score_threshold,
        "agreement": dataclasses.asdict(golden.agreement),
        "precision": golden.precision,
    }
    arrays: dict[str, Any] = {
        f"photo_{number}": photo for number, photo in enumerate(golden.photos)
    }
    np.savez_compressed(target, facts=np.array(json.dumps(facts)), **arrays)


def load_golden(file: Path) -> Golden:
    """Read what :func:`save_golden` wrote.

    Raises:
        InputError: The file is missing, damaged, or not such a file; the message says what is
            wrong where.
    """
    check_shipped(file)
    try:
        data = read_bytes(file, _MAX_BYTES)
        _refuse_bomb(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's about headers of Python 2
            with np.load(BytesIO(data), allow_pickle=False) as arrays:
                return _golden(file, {name: np.asarray(arrays[name]) for name in arrays.files})
    except FileNotFoundError as error:
        raise InputError(
            f"{file}: no golden answers beside the model; convert it again to get them"
        ) from error
    except _DAMAGES as error:
        reason = getattr(error, "strerror", None) or error or type(error).__name__
        raise InputError(f"{file}: not a file of golden answers ({reason})") from error


def _refuse_bomb(data: bytes) -> None:
    """Add up what an archive says that it holds, before anything is decompressed."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = archive.infolist()
    if any(one.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for one in members):
        raise ValueError("it is compressed in a way that NumPy does not use")
    unpacked = sum(member.file_size for member in members)
    if unpacked > _MAX_UNPACKED:
        raise ValueError(f"it would unpack to {unpacked / 1e6:,.0f} MB")


def _golden(file: Path, arrays: Mapping[str, NDArray[Any]]) -> Golden:
    if "facts" not in arrays:
        raise ValueError("it holds no facts")
    facts = parse_json(str(arrays["facts"]), f"{file}: facts", InputError)
    version = facts.get("version") if isinstance(facts, dict) else None
    if type(version) is not int or version != 1:  # True is 1 to Python
        raise ValueError(f"version is {version!r}, this program reads version 1")
    found = convert(facts, _Facts, f"{file}: facts", InputError)
    photos = tuple(_photo(arrays, f"photo_{number}") for number in range(len(found.answers)))
    return Golden(photos, found.answers, found.score_threshold, found.agreement, found.precision)


def _photo(arrays: Mapping[str, NDArray[Any]], name: str) -> RgbImage:
    if name not in arrays:
        raise ValueError(f"it lacks {name}")
    photo = arrays[name]
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ValueError(f"{name} is {photo.dtype} {photo.shape}, expected uint8 (H, W, 3)")
    return photo
