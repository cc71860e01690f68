"""What an engine was built for and from: the file beside it that says so.

A TensorRT engine runs on the kind of GPU and the version of TensorRT that built it, and nowhere
else. So it travels with the network that it was built from, and is built again where it does not
fit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from lightning_plates.drafts import write_text
from lightning_plates.errors import ModelError
from lightning_plates.files import read_bytes
from lightning_plates.schema import convert, parse_json

KEY_SUFFIX = ".key.json"
NETWORK_SUFFIX = ".onnx"
"""Of the network that the engine is built from: fixed shapes, half precision or Q/DQ inside."""
RANGES_SUFFIX = ".calib"
"""Of the calibration cache, where the network has no Q/DQ."""
_VERSION = 1
_MAX_BYTES = 1_000_000
"""Of a key; one has 600."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, as far as an engine depends on it."""

    device: str
    """Name of the GPU, e.g. ``"Orin"``."""
    compute_capability: str
    """Its generation, e.g. ``"8.7"``."""
    tensorrt: str
    """Version of TensorRT, e.g. ``"10.3.0"``."""

    def __str__(self) -> str:
        return f"{self.device} ({self.compute_capability}) with TensorRT {self.tensorrt}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an engine is built from, and how."""

    precision: Annotated[str, Meta(pattern=r"^(fp32|fp16|int8)\Z")]
    """``fp32``, ``fp16`` or ``int8``."""
    hub_sha256: str
    """Hash of the hub file."""
    network_sha256: str
    """Hash of the network file beside the engine."""
    calibration_sha256: str | None
    """Hash of the calibration photos; ``None`` where the precision needs none."""
    ranges_sha256: str | None
    """Hash of the calibration cache beside the engine; ``None`` where it needs none."""
    workspace_mb: Annotated[int, Meta(ge=1, le=1_000_000)]
    """Memory that TensorRT may use to compute one layer, in MiB."""


@dataclass(frozen=True, slots=True)
class EngineKey:
    """All that decides whether an engine file can be used."""

    recipe: Recipe
    built_for: Host | None
    """``None`` before it is built, and where ``trtexec`` builds it."""
    engine_sha256: str | None
    """Hash of the engine file; ``None`` likewise."""

    def matches(self, engine: bytes) -> bool:
        """Whether ``engine`` is the file that the key is about, as far as that is known."""
        return self.engine_sha256 in (None, sha256_of(engine))

    def built(self, host: Host, engine: bytes) -> EngineKey:
        """The key of ``engine``, which was built from the same recipe on ``host``."""
        return EngineKey(self.recipe, host, sha256_of(engine))


def beside(engine: Path, suffix: str) -> Path:
    """The file that belongs to ``engine`` under another ending."""
    return engine.with_name(engine.name + suffix)


def sha256_of(data: bytes) -> str:
    """Hash of ``data``, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_key(engine: Path, key: EngineKey) -> None:
    """Write ``key`` beside ``engine``."""
    text = json.dumps({"version": _VERSION, **dataclasses.asdict(key)}, indent=2)
    write_text(beside(engine, KEY_SUFFIX), text + "\n")


def read_key(engine: Path) -> EngineKey:
    """The key beside ``engine``.

    Raises:
        ModelError: It is missing or damaged.
    """
    file = beside(engine, KEY_SUFFIX)
    try:
        fields = parse_json(read_bytes(file, _MAX_BYTES), file, ModelError)
    except FileNotFoundError as error:
        raise ModelError(
            f"{engine}: {file.name} is not beside it, so that nothing says what it was built for; "
            "convert the hub file again with: python -m conversion.tensorrt"
        ) from error
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}") from error
    version = fields.get("version") if isinstance(fields, dict) else None
    if version != _VERSION:
        raise ModelError(
            f"{file}: not an engine key (version {version}, this program reads {_VERSION})"
        )
    return convert(fields, EngineKey, file, ModelError)
