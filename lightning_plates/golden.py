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
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from lightning_plates.agreement import Agreement
from lightning_plates.errors import InputError, SpecError
from lightning_plates.files import read_bytes
from lightning_plates.photos import RgbImage
from lightning_plates.schema import convert, parse_json
from lightning_plates.shipment import check_shipped
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import task_named

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
    """Photos with the best answer that the source of a model gives to each."""

    photos: tuple[RgbImage, ...]
    """RGB, each of shape ``(H, W, 3)``."""
    answers: tuple[Any, ...]
    """Best answer to each photo, however low its score and without a margin; see the task."""
    task: str
    """Name of the model's task."""
    options: Mapping[str, Any]
    """Options of the task in the source's spec."""
    agreement: Agreement
    """How far the converted model was from its source on these photos when it was made."""
    precision: str
    """Of the converted model: ``fp32``, ``fp16`` or ``int8``."""


@dataclass(frozen=True, slots=True)
class _Facts2:
    """What lies beside the arrays in the file."""

    photos: Annotated[int, Meta(ge=1, le=1000)]
    task: str
    options: dict[str, Any]
    agreement: Agreement
    precision: str


@dataclass(frozen=True, slots=True)
class _Box1:
    """A best box in version 1."""

    box: tuple[float, float, float, float]
    confidence: float | None


@dataclass(frozen=True, slots=True)
class _Agreement1:
    """:class:`Agreement` in version 1."""

    photos: int
    answered: int
    mean_iou: float
    max_score_difference: float


@dataclass(frozen=True, slots=True)
class _Facts1:
    """What lay beside the photos in version 1."""

    answers: Annotated[
        tuple[Annotated[tuple[_Box1, ...], Meta(max_length=1)], ...],
        Meta(min_length=1, max_length=1000),
    ]
    score_threshold: Annotated[float, Meta(ge=0, le=1)]
    agreement: _Agreement1
    precision: str


def golden_file(model: Path) -> Path:
    """Where the golden answers of ``model`` lie."""
    return model.with_name(model.name + SUFFIX)


def save_golden(golden: Golden, target: Path) -> None:
    """Write golden photos and answers to ``target``."""
    task = task_named(golden.task)
    facts = {
        "version": 2,
        "photos": len(golden.photos),
        "task": golden.task,
        "options": dict(golden.options),
        "agreement": dataclasses.asdict(golden.agreement),
        "precision": golden.precision,
    }
    arrays: dict[str, Any] = {f"photo_{i}": photo for i, photo in enumerate(golden.photos)}
    for i, answer in enumerate(golden.answers):
        arrays |= {f"answer_{i}_{name}": array for name, array in task.pack(answer).items()}
    np.savez_compressed(target, facts=np.array(json.dumps(facts)), **arrays)


def load_golden(file: Path) -> Golden:
    """Read what :func:`save_golden` wrote, in this version or an earlier one.

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
    if type(version) is not int or version not in {1, 2}:  # True is 1 to Python
        raise ValueError(f"version is {version!r}, this program reads versions 1 and 2")
    read = _golden_1 if version == 1 else _golden_2
    return read(facts, arrays, f"{file}: facts")


def _golden_2(facts: object, arrays: Mapping[str, NDArray[Any]], source: str) -> Golden:
    found = convert(facts, _Facts2, source, InputError)
    try:
        task = task_named(found.task)
        task.check(ModelSpec("golden", 1, 1, task=found.task, options=found.options))
    except SpecError as error:
        raise InputError(f"{source}: {error}") from error
    numbers = range(found.photos)
    return Golden(
        tuple(_photo(arrays, f"photo_{i}") for i in numbers),
        tuple(task.unpack(_arrays_of(arrays, f"answer_{i}_")) for i in numbers),
        task.name,
        found.options,
        found.agreement,
        found.precision,
    )


def _arrays_of(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {n.removeprefix(prefix): arrays[n] for n in arrays if n.startswith(prefix)}


def _golden_1(facts: object, arrays: Mapping[str, NDArray[Any]], source: str) -> Golden:
    """Version 1 knew boxes alone, which had confidences if the model scored them."""
    found = convert(facts, _Facts1, source, InputError)
    boxes = [[_packed_1(best) for best in one] for one in found.answers]
    scored = any(best.confidence is not None for one in found.answers for best in one)
    task = task_named("detection" if scored else "box")
    made = found.agreement
    return Golden(
        tuple(_photo(arrays, f"photo_{i}") for i in range(len(boxes))),
        tuple(task.unpack(_joined_1(one)) for one in boxes),
        task.name,
        {"score_threshold": found.score_threshold} if scored else {},
        Agreement(made.photos, made.answered, made.mean_iou, made.max_score_difference),
        found.precision,
    )


def _packed_1(best: _Box1) -> tuple[tuple[float, float, float, float], float]:
    return best.box, np.nan if best.confidence is None else best.confidence


def _joined_1(
    answer: list[tuple[tuple[float, float, float, float], float]],
) -> dict[str, NDArray[Any]]:
    return {
        "boxes": np.array([box for box, _ in answer], dtype=np.float64).reshape(-1, 4),
        "confidences": np.array([sure for _, sure in answer], dtype=np.float64),
    }


def _photo(arrays: Mapping[str, NDArray[Any]], name: str) -> RgbImage:
    if name not in arrays:
        raise ValueError(f"it lacks {name}")
    photo = arrays[name]
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ValueError(f"{name} is {photo.dtype} {photo.shape}, expected uint8 (H, W, 3)")
    return photo
