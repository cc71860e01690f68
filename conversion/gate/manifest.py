"""What is written beside each converted model: where it came from and how well it agrees."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypedDict, cast

from msgspec import Meta

from conversion.gate.parity import Parity, Tolerance
from conversion.graph.hub_file import sha256_of
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes
from lightning_plates.schema import convert, parse_json

SUFFIX = ".json"
"""What follows the model file's name."""
_MAX_BYTES = 16_000_000
"""Of a manifest; one with a trial for every layer has 50 kB."""
_MARKS = frozenset({"converter", "hub_sha256"})
"""Other JSON files beside a model lack these fields."""

# Never a path: whoever reads a manifest looks for its files beside it.
_FileName: TypeAlias = Annotated[str, Meta(pattern=r"^(?!\.{1,2}\Z)[^/\\\x00]+\Z", max_length=255)]
_Digest: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Count: TypeAlias = Annotated[int, Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Manifest:
    """How one artefact was made. It names files without their folders: it ships."""

    converter: str
    """Name of the converter, e.g. ``"tflite"``."""
    tool: str
    """Name and version of what converted."""
    precision: str
    """``fp32``, ``fp16`` or ``int8``."""
    hub_file: str
    """Name of the source."""
    hub_sha256: str
    """Hash of the source, in hexadecimal."""
    device: str | None
    """What ran it when it was compared; ``None``: the first device of its runtime."""
    calibration: Mapping[str, Any] | None
    """Number, seed and hash of the calibration photos; ``None`` where there were none."""
    options: Mapping[str, Any]
    """Options of the converter, as they were given."""
    hub_operators: Mapping[str, int]
    """Number of nodes by operator in the source."""
    operators: Mapping[str, int]
    """Likewise in the converted model; empty where its format does not tell."""
    sizes: Mapping[str, int]
    """Bytes by file, of the model and what a runtime needs beside it."""
    sha256: Mapping[str, str]
    """Hash by file, likewise, in hexadecimal; without what another machine builds again."""
    parity: Parity
    """How far its answers are from its source's."""
    tolerance: Tolerance
    """How far they were allowed to be."""
    details: Mapping[str, Any]
    """What only this converter knows, e.g. the layers kept in float."""


class _ParityFacts(TypedDict):
    max_abs_difference: float


class _LaterFacts(TypedDict, total=False):
    """Fields that manifests of earlier versions lack."""

    sha256: dict[_FileName, _Digest]


class Facts(_LaterFacts):
    """A manifest as its file has it; see :class:`Manifest`."""

    converter: str
    tool: str
    precision: str
    hub_file: _FileName
    hub_sha256: _Digest
    device: str | None
    calibration: dict[str, Any] | None
    options: dict[str, Any]
    hub_operators: dict[str, _Count]
    operators: dict[str, _Count]
    sizes: dict[_FileName, _Count]
    parity: _ParityFacts
    tolerance: dict[str, float | None]
    details: dict[str, Any]


def manifest_file(model: Path) -> Path:
    """Where the manifest of ``model`` lies."""
    return model.with_name(model.name + SUFFIX)


def write_manifest(model: Path, manifest: Manifest) -> None:
    """Write ``manifest`` beside ``model``."""
    tolerance = manifest.tolerance.as_json()
    _save(model, {"version": 1, **dataclasses.asdict(manifest), "tolerance": tolerance})


def read_manifest(model: Path) -> Facts | None:
    """Read the manifest beside ``model``; ``None`` where no such file lies there.

    Raises:
        InputError: It is damaged; the message names the field.
    """
    file = manifest_file(model)
    try:
        text = read_bytes(file, _MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    facts = parse_json(text, file, InputError)
    if not isinstance(facts, dict) or not set(facts) >= _MARKS:
        return None
    convert(facts, Facts, file, InputError)
    return cast(Facts, facts)  # with the fields of later versions


def changed_files(model: Path) -> list[str]:
    """Names of those files of ``model`` that are no longer what was converted.

    None where no manifest tells. A missing file is left to the runtime, which asks for it.

    Raises:
        InputError: The manifest is damaged.
    """
    facts = read_manifest(model)
    if facts is None:
        return []
    present = [name for name in facts.get("sha256", {}) if model.with_name(name).exists()]
    return [name for name in present if not _is_as_noted(model, name, facts)]


@contextlib.contextmanager
def renewed_manifest(model: Path) -> Iterator[None]:
    """Note in the manifest of ``model``, if it has one, what the block changes on purpose.

    A file that was another one already stays so for :func:`changed_files`.

    Raises:
        InputError: The manifest is damaged; nothing was changed.
    """
    facts = read_manifest(model)
    if facts is None:
        yield
        return
    sound = [name for name in facts["sizes"] if _is_as_noted(model, name, facts)]
    yield
    hashes = facts.get("sha256", {})
    for name in sound:
        facts["sizes"][name] = size_of(model.with_name(name))
        if name in hashes:
            hashes[name] = digest_of(model.with_name(name))
    _save(model, facts)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and hashes in a folder that is one model."""
    if not path.is_dir():
        return sha256_of(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{sha256_of(file)}  {file.relative_to(path).as_posix()}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, or of everything in a folder that is one model."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def _is_as_noted(model: Path, name: str, facts: Facts) -> bool:
    """Whether a file has the size that the manifest states, and the hash where it states one."""
    file = model.with_name(name)
    if not file.exists() or size_of(file) != facts["sizes"].get(name):
        return False
    stated = facts.get("sha256", {}).get(name)
    return stated is None or stated == digest_of(file)


def _save(model: Path, fields: Mapping[str, Any]) -> None:
    text = json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(manifest_file(model), text + "\n")
