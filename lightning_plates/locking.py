"""One writer a folder: a second process that would write into it is refused."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from lightning_plates.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows cannot lock folders
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep other processes of this project out of ``folder``, which is made where it is missing.

    The folder itself is locked: nothing is left behind, and the lock ends with the process however
    that ends. Where the system or the file system has no such locks, nobody is kept out.

    Raises:
        OutputError: Another process holds it.
        OSError: The folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise OutputError(
                f"{folder}: another process is writing into it; wait for it, or choose another "
                "folder"
            ) from error
        # Network file systems without locks: as before there was one.
