"""A folder of its own for each trial, and what a command did to the world outside of its output."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATH_EVENTS = {
    "os.mkdir": ((0, 2),), "os.remove": ((0, 1),), "os.rmdir": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)), "os.link": ((1, 3),), "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),), "os.chmod": ((0, 2),), "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
}  # fmt: skip
"""Events of Python that change a path: which of their arguments are paths, and which say what open
folder these are relative to."""
_OUTSIDE_EVENTS = frozenset({
    "subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec",
    "socket.connect", "socket.getaddrinfo", "socket.bind",
})  # fmt: skip
"""Events that no command of a trial needs."""
_HARMLESS = ("uname",)
"""Programs by which Python itself learns what the processor is called."""


class Sandbox:
    """Folders of one trial; only ``out`` may be written to.

    Args:
        root: Where they lie.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inputs = root / "in"
        self.out = root / "out"
        self.home = root / "home"
        self.temporary = root / "tmp"
        self.cwd = root / "cwd"

    def clear(self) -> None:
        """Empty every folder, and make this one the home and working directory of the process."""
        for folder in (self.inputs, self.out, self.home, self.temporary, self.cwd):
            if folder.is_dir():
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
        os.chdir(self.cwd)
        os.environ |= {"HOME": str(self.home), "TMPDIR": str(self.temporary)}

    def untouched(self) -> dict[str, tuple[int, int]]:
        """Time and size of everything that a command must leave as it is."""
        files = (
            path
            for folder in (self.inputs, self.home, self.temporary, self.cwd)
            for path in folder.rglob("*")
        )
        return {
            str(path.relative_to(self.root)): (path.lstat().st_mtime_ns, path.lstat().st_size)
            for path in files
            if not path.is_dir()
        }

    def drafts(self) -> list[str]:
        """What was begun in the output and neither finished nor removed."""
        return [str(path.relative_to(self.root)) for path in self.out.rglob(".draft-*")]


class Watch:
    """Notes what Python does outside of a sandbox's output, also where it fails."""

    def __init__(self) -> None:
        self._allowed: tuple[str, ...] | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    @contextmanager
    def over(self, sandbox: Sandbox) -> Iterator[list[str]]:
        """Collect what happens meanwhile."""
        self.seen = []
        self._allowed = (f"{sandbox.out}/", f"{sandbox.temporary}/", "/dev/null")
        try:
            yield self.seen
        finally:
            self._allowed = None

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._allowed is None:
            return
        if event in _OUTSIDE_EVENTS and arguments[0] not in _HARMLESS:
            self.seen.append(f"{event} {arguments[:2]!r}"[:200])
            if event.startswith("socket."):
                raise OSError(101, "network is unreachable (fuzz)")
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            self._check(event, arguments[0], -1)
        elif event in _PATH_EVENTS:
            for path, folder in _PATH_EVENTS[event]:
                self._check(event, arguments[path], -1 if folder is None else arguments[folder])

    def _check(self, event: str, path: Any, folder: int) -> None:
        if isinstance(path, int) or path is None:
            return
        place = f"/proc/self/fd/{folder}" if folder >= 0 else "."
        full = os.path.join(os.path.realpath(place), os.fsdecode(path))  # noqa: PTH118
        full = os.path.normpath(full)
        if not f"{full}/".startswith(self._allowed or ()) and full != "/dev/null":
            self.seen.append(f"{event} {full}"[:200])
