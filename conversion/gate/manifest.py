"""What is written beside each converted model: where it came from and how well it agrees."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversion.gate.parity import Parity, Tolerance
from conversion.graph.hub_file import sha256_of
from lightning_plates.drafts import write_text

SUFFIX = ".json"
"""What follows the model file's name."""
_NEWER = frozenset({"sha256"})
"""Fields that manifests of earlier versions lack."""


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


def manifest_file(model: Path) -> Path:
    """Where the manifest of ``model`` lies."""
    return model.with_name(model.name + SUFFIX)


def write_manifest(model: Path, manifest: Manifest) -> None:
    """Write ``manifest`` beside ``model``."""
    fields = {"version": 1, **dataclasses.asdict(manifest)}
    if fields["tolerance"]["max_abs_difference"] == float("inf"):
        fields["tolerance"]["max_abs_difference"] = None  # JSON has no infinity
    _save(model, fields)


def read_manifest(model: Path) -> dict[str, Any] | None:
    """Fields of the manifest beside ``model``, as JSON gives them; ``None`` where none is sound."""
    try:
        facts = json.loads(manifest_file(model).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fields = {field.name for field in dataclasses.fields(Manifest)} - _NEWER
    return facts if isinstance(facts, dict) and fields <= set(facts) else None


def changed_files(model: Path) -> list[str]:
    """Names of those files of ``model`` that are no longer what was converted.

    None where no manifest tells. A missing file is left to the runtime, which asks for it.
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
    """
    facts = read_manifest(model)
    sizes = facts["sizes"] if facts else {}
    sound = [name for name in sizes if _is_as_noted(model, name, facts or {})]
    yield
    if facts is None:
        return
    for name in sound:
        facts["sizes"][name] = size_of(model.with_name(name))
        if name in facts.get("sha256", {}):
            facts["sha256"][name] = digest_of(model.with_name(name))
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


def _is_as_noted(model: Path, name: str, facts: Mapping[str, Any]) -> bool:
    """Whether a file has the size that the manifest states, and the hash where it states one."""
    file = model.with_name(name)
    if not file.exists() or size_of(file) != facts["sizes"][name]:
        return False
    stated = facts.get("sha256", {}).get(name)
    return stated is None or stated == digest_of(file)


def _save(model: Path, fields: Mapping[str, Any]) -> None:
    text = json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(manifest_file(model), text + "\n")
