"""What is written beside each converted model: where it came from and how well it agrees."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversion._parity import Parity, Tolerance

SUFFIX = ".json"
"""What follows the model file's name."""


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
    text = json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False)
    manifest_file(model).write_text(text + "\n", encoding="utf-8")


def read_manifest(model: Path) -> dict[str, Any] | None:
    """Fields of the manifest beside ``model``, as JSON gives them; ``None`` where none is sound."""
    try:
        facts = json.loads(manifest_file(model).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fields = {field.name for field in dataclasses.fields(Manifest)}
    return facts if isinstance(facts, dict) and fields <= set(facts) else None


def size_of(path: Path) -> int:
    """Bytes of a file, or of everything in a folder that is one model."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size
