"""Read whole files safely: regular files only, within a limit of bytes.

A named pipe blocks whoever opens it, a device or a sparse file fills the memory. Every file that
a user names or a folder holds is therefore read through here.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LIMIT_VARIABLE = "LIGHTNING_PLATES_MAX_FILE_MB"
"""Environment variable that replaces :data:`DEFAULT_LIMIT_MB`."""

PHOTO_LIMIT_VARIABLE = "LIGHTNING_PLATES_MAX_PHOTO_MB"
"""As :data:`LIMIT_VARIABLE`, for photos alone: models are often larger than any of them."""

DEFAULT_LIMIT_MB = 2048
"""Largest file that is read as a whole, in megabytes (10⁶ bytes); the largest models are 0.6 GB."""

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)  # Windows
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer is opened at once, then refused
    | getattr(os, "O_NOCTTY", 0)
)


class NotRegularFileError(OSError):
    """The name belongs to a pipe, a device or a socket."""


class FileTooLargeError(OSError):
    """The file is larger than the limit."""

    def __init__(self, size: int, limit: int, path: Path) -> None:
        self.size_mb = size / 1e6
        self.limit_mb = limit / 1e6
        # The limit of a kind of file, far above what such a file needs, cannot be raised.
        advice = f"; raise it with {LIMIT_VARIABLE}" if limit >= byte_limit() else ""
        super().__init__(
            errno.EFBIG,
            f"{self.size_mb:,.0f} MB, more than the limit of {self.limit_mb:,.0f} MB{advice}",
            str(path),
        )


def byte_limit() -> int:
    """Largest file that is read as a whole, in bytes; :data:`LIMIT_VARIABLE` sets it."""
    return _limit_of(LIMIT_VARIABLE) or int(DEFAULT_LIMIT_MB * 1e6)


def photo_limit() -> int:
    """Largest photo that is read, in bytes; :func:`byte_limit` where nobody set another."""
    return _limit_of(PHOTO_LIMIT_VARIABLE) or byte_limit()


def set_photo_limit(megabytes: float) -> None:
    """Set :func:`photo_limit` for this process and those that it starts."""
    os.environ[PHOTO_LIMIT_VARIABLE] = repr(megabytes)


def _limit_of(variable: str) -> int | None:
    """Bytes that an environment variable allows; ``None`` where it is no sensible number."""
    try:
        megabytes = float(os.environ.get(variable, "nan"))
    except ValueError:
        return None
    return int(megabytes * 1e6) if 0 < megabytes < 1e12 else None


def check_regular(path: Path, limit: int | None = None) -> None:
    """Refuse what :func:`read_bytes` would, for libraries that open files by themselves.

    Raises:
        OSError: See :func:`read_bytes`.
    """
    os.close(_open_regular(path, byte_limit() if limit is None else limit)[0])


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """Read a regular file as a whole.

    Args:
        path: The file, or a link to it.
        limit: Most bytes to accept; ``None`` takes :func:`byte_limit`.

    Raises:
        NotRegularFileError: ``path`` is a pipe, a device or a socket.
        FileTooLargeError: The file is larger than ``limit``.
        OSError: It is missing, a folder, or cannot be read; ``strerror`` says why in one line.
    """
    limit = byte_limit() if limit is None else limit
    descriptor, size = _open_regular(path, limit)
    with open(descriptor, "rb", closefd=True) as file:  # noqa: PTH123 -- an open descriptor
        data = file.read(size + 1)  # not the limit at once: Python would ask for so much memory
        if len(data) > size:  # it grew, or its size was not known beforehand (/proc)
            data += file.read(limit + 1 - len(data))
    if len(data) > limit:
        raise FileTooLargeError(len(data), limit, path)
    return data


def read_head(path: Path, count: int) -> bytes:
    """Read the first ``count`` bytes of a regular file of any length.

    Raises:
        OSError: See :func:`read_bytes`.
    """
    descriptor, _ = _open_regular(path, None)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 -- an open descriptor
        return file.read(count)


def real_path(path: Path) -> Path:
    """Resolve links; a circle of links gives a path inside it, which cannot be opened.

    Up to Python 3.12 :meth:`Path.resolve` raises RuntimeError there.
    """
    return Path(os.path.realpath(path))


def _open_regular(path: Path, limit: int | None) -> tuple[int, int]:
    """Descriptor and size of a regular file of at most ``limit`` bytes; ``None``: of any."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except ValueError as error:  # a NUL byte in the name
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise NotRegularFileError(
                errno.EINVAL, "not a regular file (a pipe, device or socket)", str(path)
            )
        if limit is not None and status.st_size > limit:
            raise FileTooLargeError(status.st_size, limit, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor, status.st_size
