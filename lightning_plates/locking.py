"""One writer a file or folder; a lock ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from lightning_plates.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCKS = fcntl is not None
"""Whether this system knows locks; elsewhere nobody is kept out."""


@contextlib.contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep other processes of this project out of ``folder``, which is made where it is missing.

    The folder itself is locked, so nothing is left in it. Where the system or the file system has
    no such locks, nobody is kept out.

    Raises:
        OutputError: Another process holds it, or no folder can have its name.
        OSError: The folder cannot be made.
    """
    if "\0" in str(folder):
        raise OutputError(f"{str(folder)!r}: no folder can have this name; choose another")
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            try:
                stack.callback(os.close, lock_folder(folder))
            except BlockingIOError as error:
                raise OutputError(
                    f"{folder}: another process is writing into it; wait for it, or choose "
                    "another folder"
                ) from error
        yield


def lock_folder(folder: Path) -> int:
    """Open a folder, for this process alone until the descriptor is closed.

    Raises:
        BlockingIOError: Another process has it open like this.
        FileNotFoundError: It is not there, or no longer.
        OSError: There are no such locks here; Windows opens no folders.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        lock_descriptor(descriptor)
        # Another process may have removed it before the lock was ours.
        if not os.path.samestat(os.fstat(descriptor), folder.stat()):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def open_locked(file: Path) -> BinaryIO:
    """Open a file for reading and writing, for this process alone until it is closed.

    Raises:
        BlockingIOError: Another process has it open like this.
        FileNotFoundError: It is not there, or no longer.
        OSError: It cannot be opened, or there are no such locks here.
    """
    stream = file.open("r+b")
    try:
        lock_descriptor(stream.fileno())
        # Another process may have renamed or removed it before the lock was ours.
        if not os.path.samestat(os.fstat(stream.fileno()), file.stat()):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    except OSError:
        stream.close()
        raise
    return stream


def lock_descriptor(descriptor: int) -> None:
    """Lock an open file for this process until it is closed.

    Raises:
        BlockingIOError: Another process holds the lock.
        OSError: The system or the folder knows no locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_NOT_THERE = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
"""Errors of network folders that know no locks."""


def try_lock(file: IO[str]) -> bool:
    """Lock an open file against other processes that ask; closing it ends the lock.

    Returns:
        Whether nobody else holds it; true, too, where the system or the folder knows no locks.
    """
    if not LOCKS:
        return True
    try:
        lock_descriptor(file.fileno())
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
    return True


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock of the file at ``path``."""
    with path.open("a", encoding="utf-8") as file:
        return not try_lock(file)


def is_at(file: IO[str], path: Path) -> bool:
    """Whether ``path`` still names the open ``file``, and not another that took its place."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
