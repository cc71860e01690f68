"""Runs commands without a network; tells which sockets they ask for and what they leave."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LINGER_S = 15.0
"""Time that a process lives on after its command, in seconds: ONNX Runtime 1.32 connects 10 s
after its import. ``test_the_watch_sees`` fails where this is too short."""

TIMEOUT_S = 800
"""Most time for one command; the slowest takes a minute on two idle cores."""

_INTERNET = re.compile(r"\bsocket\((?!AF_UNIX\b)|\bAF_INET6?\b")
"""A call about a socket that can leave the machine; those of AF_UNIX are files."""

_HARMLESS = tuple(
    map(
        re.compile,
        (
            # libuuid, by which onnx names a temporary file, asks for this machine's own addresses:
            # a socket that is never bound or connected.
            r"socket\(AF_INET, SOCK_DGRAM, IPPROTO_IP\)",
            # urllib3, which tf2onnx imports, asks whether the kernel has IPv6 by taking a port of
            # the loopback. Nothing listens there.
            r"socket\(AF_INET6, SOCK_STREAM\|SOCK_CLOEXEC, IPPROTO_IP\)",
            r"bind\(.*sin6_port=htons\(0\).*inet_pton\(AF_INET6, \"::1\"",
        ),
    )
)
"""Calls of libraries that send nothing. What is done with such a socket is a call of its own, which
names an address."""

_NAMESPACES = (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])
"""Ways to a network namespace without any network: as root, or else as anyone where that may."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a command did."""

    status: int
    said: str
    """Its standard output and error, for messages."""
    sockets: tuple[str, ...]
    """Lines of strace in which it or its children asked for more than a socket of AF_UNIX."""
    left: tuple[str, ...]
    """Files and empty folders in its home and temporary folder afterwards, relative to both."""


def why_not() -> str | None:
    """Why nothing can be watched here; ``None`` if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    return None if _namespace() else "this system gives no network namespace (unshare --net)"


def watch(words: Sequence[str], folder: Path, project: Path, **variables: str) -> Watched:
    """Run Python with ``words`` in ``folder``, with a home and temporary folder of its own.

    Nothing of this process' environment but the path of programs reaches it.
    """
    home, temporary, trace = folder / "home", folder / "tmp", folder / "trace"
    for place in (home, temporary):
        place.mkdir(parents=True, exist_ok=True)
    tracer = ["strace", "--follow-forks", "--seccomp-bpf", "--trace=%network", f"--output={trace}"]
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(project),
        **variables,
    }
    process = subprocess.Popen(
        [*_namespace(), *tracer, sys.executable, *words], cwd=folder, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        errors="replace", start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # what strace watched would live on without it
        process.wait()
        raise
    lines = trace.read_text(errors="replace").splitlines()
    return Watched(
        process.returncode,
        said,
        tuple(filter(_asks_for_internet, lines)),
        tuple(str(path.relative_to(folder)) for path in (*_leaves(home), *_leaves(temporary))),
    )


def _leaves(folder: Path) -> list[Path]:
    """Everything below ``folder`` but folders that hold something."""
    return [
        path for path in sorted(folder.rglob("*")) if not path.is_dir() or not any(path.iterdir())
    ]


def _asks_for_internet(line: str) -> bool:
    harmless = any(known.search(line) for known in _HARMLESS)
    return bool(_INTERNET.search(line)) and not harmless


def _namespace() -> list[str]:
    """The words that start a command without a network; none where that is not possible."""
    for words in _NAMESPACES:
        try:
            if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
                return words
        except OSError:
            break
    return []
