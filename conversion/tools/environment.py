"""A virtual environment for a tool whose pins differ from ours: made once, then reused.

The tool is called as a program; files are all that cross. Environments lie in the user's cache
folder, or in the folder that ``LIGHTNING_PLATES_TOOLS`` names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.drafts import draft_space
from lightning_plates.errors import ConversionError, MissingDependencyError

FOLDER_VARIABLE = "LIGHTNING_PLATES_TOOLS"
"""Environment variable that names the folder of all tool environments."""
_SEES_EVERY_PACKAGE = """
import importlib.metadata, json, sys
pins = json.load(sys.stdin)
sys.exit(any(importlib.metadata.version(name) != pins[name] for name in pins))
"""
_OWN_FOLDERS = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")
"""Environment variables of the folders into which tools write unasked."""
_PINS = Path(__file__).parent
_INSTALL_TIMEOUT_S = 3600
"""A slow line or a board's SD card must be able to finish."""


@dataclass(frozen=True, slots=True)
class ToolEnvironment:
    """One tool with everything that it needs."""

    name: str
    """Name of its list of exact pins, ``conversion/tools/NAME.txt``."""
    pythons: tuple[str, ...]
    """Versions of Python that are looked for, the preferred one first; then ours is tried."""

    @property
    def pins(self) -> dict[str, str]:
        """Version by package."""
        lines = (_PINS / f"{self.name}.txt").read_text(encoding="utf-8").splitlines()
        pinned = (line.partition("==") for line in lines if line and not line.startswith("#"))
        return {name.strip(): version.strip() for name, _, version in pinned}

    @property
    def folder(self) -> Path:
        """Where it lies; other pins give another folder."""
        text = "".join(f"{name}=={version}\n" for name, version in sorted(self.pins.items()))
        digest = hashlib.sha256(text.encode()).hexdigest()
        return tools_folder() / f"{self.name}-{digest[:12]}"

    def ensure(self) -> Path:
        """Give the environment's interpreter; make the environment if it is not there or broken.

        Raises:
            MissingDependencyError: It cannot be made; the message says what to do.
        """
        if not self._is_sound(self.folder):
            self._make()
        return _interpreter_of(self.folder)

    def run(self, words: Sequence[str | Path]) -> str:
        """Run the environment's Python with ``words``, e.g. ``["-m", "onnx2tf", …]``.

        Neither our packages nor the user's reach it, and what it writes into a home or temporary
        folder, as Keras does its settings, is thrown away. It inherits what silences reports.

        Returns:
            What it printed on standard output.

        Raises:
            ConversionError: It failed; the message ends with its last line.
            MissingDependencyError: The environment cannot be made.
        """
        command = [str(self.ensure()), "-I", *map(str, words)]
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(
                command,
                env={**os.environ, **dict.fromkeys(_OWN_FOLDERS, scratch)},
                capture_output=True,
                text=True,
                errors="replace",
            )
        if done.returncode != 0:
            raise ConversionError(
                f"{self.name} tool failed: {_last_line(done.stderr or done.stdout)} "
                f"(if it never worked, remove {self.folder} and try again)"
            )
        return done.stdout

    def _is_sound(self, folder: Path) -> bool:
        """Whether an interpreter starts there and sees every package in its version."""
        try:
            done = subprocess.run(
                [str(_interpreter_of(folder)), "-I", "-c", _SEES_EVERY_PACKAGE],
                input=json.dumps(self.pins),
                capture_output=True,
                text=True,
            )
        except OSError:
            return False
        return done.returncode == 0

    def _make(self) -> None:
        """Fill a draft folder and put it in place, so that no half-made environment is found."""
        python = find_python(self.pythons)
        print(f"making the {self.name} tool environment, once …", file=sys.stderr, flush=True)
        with draft_space(tools_folder()) as space:
            draft = space / "environment"
            self._install(python, draft)
            if not self._is_sound(draft):
                raise MissingDependencyError(
                    f"the {self.name} tool environment is incomplete after its installation "
                    f"with {python}"
                )
            if self.folder.exists():
                self.folder.rename(space / "broken")
            draft.rename(self.folder)

    def _install(self, python: str, folder: Path) -> None:
        pins = _PINS / f"{self.name}.txt"
        install = ["install", "--quiet", "--no-deps", "--ignore-requires-python", "-r", str(pins)]
        steps = [
            [python, "-m", "venv", str(folder)],
            [str(_interpreter_of(folder)), "-m", "pip", "--disable-pip-version-check", *install],
        ]
        uv = shutil.which("uv")
        # uv is much faster, but cannot ignore which Python a package asks for.
        if uv and _version_of(python) in self.pythons:
            steps = [
                [uv, "venv", "--quiet", "--python", python, str(folder)],
                [uv, "pip", "install", "--quiet", "--no-deps", "--python",
                 str(_interpreter_of(folder)), "-r", str(pins)],
            ]  # fmt: skip
        for step in steps:
            self._run_step(step)

    def _run_step(self, command: list[str]) -> None:
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_INSTALL_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise MissingDependencyError(
                f"cannot install the {self.name} tool: no end after {error.timeout:.0f} s"
            ) from error
        if done.returncode != 0:
            raise MissingDependencyError(
                f"cannot install the {self.name} tool ({_last_line(done.stderr or done.stdout)}); "
                "without a network, make it on another machine of this kind and copy "
                f"{self.folder} here, or set {FOLDER_VARIABLE} to a folder that holds it"
            )


def tools_folder() -> Path:
    """The folder of all tool environments."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif sys.platform == "darwin":
        cache = Path("~/Library/Caches")
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return cache.expanduser() / "lightning-plates" / "tools"


def find_python(versions: Sequence[str]) -> str:
    """An interpreter of one of ``versions`` (``"3.12"``), or else the one that runs this."""
    for candidate in _candidates(versions):
        if _version_of(candidate) in versions:
            return candidate
    return sys.executable


def _candidates(versions: Sequence[str]) -> Iterator[str]:
    yield sys.executable
    for version in versions:
        found = shutil.which(f"python{version}")
        if found:
            yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for version in versions:
        yield from map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))


def _version_of(python: str) -> str | None:
    """``"3.12"``; ``None`` where it does not start, as a pyenv shim without its version."""
    if python == sys.executable:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-I", "-c", script], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _interpreter_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
