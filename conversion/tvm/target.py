"""Machines that code is generated for, and linking for them."""

from __future__ import annotations

import difflib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_plates.errors import ConversionError, InputError, MissingDependencyError
from lightning_plates.optional import is_installed, require

HOST = "host"
"""The processor of this machine, with everything that it can do."""
_ARM_BOARD = {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mattr": ["+neon"]}
_OWN: dict[str, dict[str, Any]] = {
    "x86_64": {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "x86-64-v3"},
    "aarch64": {**_ARM_BOARD, "mcpu": "generic"},
    # TVM's tags of these boards mean their graphics processors.
    "jetson-nano-cpu": {**_ARM_BOARD, "mcpu": "cortex-a57", "num-cores": 4},
    "jetson-orin-cpu": {**_ARM_BOARD, "mcpu": "cortex-a78", "num-cores": 6},
}
"""Targets that TVM has no tag for."""
_GLIBC = "2.27"
"""Of JetPack 4.6, the last system of the Jetson Nano; newer systems run what it runs."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What code is generated for."""

    name: str
    """As it was asked for."""
    target: Any
    """The ``tvm.target.Target``."""

    @property
    def is_gpu(self) -> bool:
        """Whether a graphics processor computes."""
        return str(self.target.kind.name) == "cuda"

    @property
    def architecture(self) -> str:
        """Of the processor that loads the library, e.g. ``"aarch64"``."""
        processor = self.target.host if self.target.host is not None else self.target
        triple = str(processor.attrs.get("mtriple", ""))
        return triple.partition("-")[0] or platform.machine()

    @property
    def runs_here(self) -> bool:
        """Whether the library can be compared on this machine."""
        tvm = require("tvm", extra="tvm")
        if self.is_gpu and not tvm.cuda(0).exist:
            return False
        return self.name in {HOST, "cuda"}

    @property
    def slug(self) -> str:
        """The name as part of a file's name."""
        name = self.name if not self.name.startswith("{") else str(self.target.kind.name)
        return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")

    def describe(self) -> dict[str, Any]:
        """For the manifest."""
        return {"target": self.name, "architecture": self.architecture, "tvm": str(self.target)}


def find_machine(name: str) -> Machine:
    """The machine of a name.

    Args:
        name: ``host``, ``cuda``, a name of our own, a tag of TVM, or a target as JSON.

    Raises:
        InputError: There is none of that name.
    """
    tvm = require("tvm", extra="tvm")
    try:
        return Machine(name, _with_host(name, tvm.target.Target(_description(name))))
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"target {name!r}: {reason}") from error


def _description(name: str) -> Any:  # noqa: ANN401 -- a tag, or the attributes of a target
    codegen = require("tvm.target.codegen", extra="tvm")
    tags = require("tvm.target", extra="tvm").list_tags()
    if name == HOST:
        cores = os.cpu_count() or 1
        return {"kind": "llvm", "mcpu": codegen.llvm_get_system_cpu(), "num-cores": cores}
    if name.startswith("{"):
        return json.loads(name)
    if name in _OWN or name == "cuda":
        return _OWN.get(name, {"kind": "cuda"})
    if name not in tags:
        known = [HOST, "cuda", *_OWN, *tags]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or [HOST, "cuda", *_OWN]
        raise InputError(f"unknown target {name!r} (perhaps {', '.join(near)})")
    return name


def _with_host(name: str, target: Any) -> Any:  # noqa: ANN401 -- tvm.target.Target
    """Say which processor feeds a graphics processor; TVM's older Jetson tags do not."""
    tvm = require("tvm", extra="tvm")
    if target.kind.name != "cuda" or target.host is not None:
        return target
    board = name.startswith("nvidia/jetson")
    return target.with_host(tvm.target.Target(_OWN["jetson-nano-cpu"] if board else "llvm"))


def linker_for(architecture: str, compiler: str | None) -> Callable[..., None]:
    """What links object files into a library, in the form in which TVM calls it.

    Args:
        architecture: Of the library, e.g. ``"aarch64"``.
        compiler: Command of a C compiler; ``None`` looks for one.

    Raises:
        MissingDependencyError: There is no C compiler for it here.
    """
    words = find_compiler(architecture, compiler)

    def link(output: str, objects: Sequence[str], *_: object, **__: object) -> None:
        command = [*words, "-shared", "-fPIC", "-o", output, *map(str, objects)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise ConversionError(f"{words[0]} cannot link for {architecture}: {lines[-1]}")

    return link


def find_compiler(architecture: str, compiler: str | None) -> list[str]:
    """Words of a command that compiles and links C for ``architecture``."""
    if compiler is not None:
        words = shlex.split(compiler)
        if not words or shutil.which(words[0]) is None:
            raise MissingDependencyError(f"--cc {compiler}: no such program")
        return words
    names = [f"{architecture}-linux-gnu-gcc"]
    if architecture == platform.machine():
        names = ["cc", "gcc", "clang", *names]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is not None:
        return [found]
    if is_installed("ziglang"):
        # With an old C library: what is linked against a new one does not load on an old board.
        return [sys.executable, "-m", "ziglang", "cc",
                "-target", f"{architecture}-linux-gnu.{_GLIBC}"]  # fmt: skip
    package = f"apt install gcc-{architecture.replace('_', '-')}-linux-gnu"
    raise MissingDependencyError(
        f"linking for {architecture} needs a C compiler ({names[0]}): {package}, "
        "or pip install ziglang, or name one with --cc"
    )
