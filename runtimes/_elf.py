"""Looks at a shared library before it is loaded: the loader kills the process for a broken one."""

from __future__ import annotations

import platform
import struct
from pathlib import Path

from lightning_plates.errors import ModelError

_MAGIC = b"\x7fELF"
_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
"""``e_machine`` of the ELF specification, as ``platform.machine()`` names it."""
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
"""The header of a 64-bit little-endian file."""
_FEATURE_FLAGS = Path("/proc/cpuinfo")


def check_library(file: Path) -> None:
    """Refuse a file that the system's loader could not take.

    Args:
        file: A shared library of Linux; on other systems nothing is checked.

    Raises:
        ModelError: Not a library, for another processor, or cut off.
    """
    if platform.system() != "Linux":
        return
    with file.open("rb") as stream:
        data = stream.read(_HEADER.size)
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        raise ModelError(f"{file}: not a shared library of Linux")
    fields = _HEADER.unpack(data)
    machine = _MACHINES.get(fields[2], f"processor number {fields[2]}")
    if machine != platform.machine():
        raise ModelError(
            f"{file}: made for {machine}, this machine is {platform.machine()}; "
            "convert the hub again with --target host"
        )
    # Compilers write the table of sections last, so that it ends where the file ends.
    end = fields[6] + fields[11] * fields[12]
    if file.stat().st_size < end:
        raise ModelError(f"{file}: cut off after {file.stat().st_size} of {end} bytes")


def require_features(file: Path, features: list[str]) -> None:
    """Refuse a library whose instructions this processor lacks, where the system lists them.

    Raises:
        ModelError: It would be killed.
    """
    if not features or not _FEATURE_FLAGS.exists():
        return
    known = set(_FEATURE_FLAGS.read_text(encoding="utf-8", errors="replace").split())
    missing = [name for name in features if name not in known]
    if missing:
        raise ModelError(
            f"{file}: made for a processor with {', '.join(missing)}, which this one lacks; "
            "convert the hub again on this machine, or with --target x86_64"
        )
