"""A lock on a file that ends with its process, whatever ends that."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCKS = fcntl is not None
"""Whether this system knows locks; elsewhere nobody is kept out."""

_NOT_THERE = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
"""Errors of network folders that know no locks."""


def try_lock(file: IO[str]) -> bool:
    """Lock an open file against other processes that ask; closing it ends the lock.

    Returns:
        Whether nobody else holds it; true, too, where the system or the folder knows no locks.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
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
