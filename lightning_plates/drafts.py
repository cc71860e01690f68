"""Write to a draft beside the target, then put it in place: nothing half-written is seen.

Every writer works in a folder of its own, ``.draft-…`` beside its target, and keeps it locked
while it lives. So a later writer can tell what a killed one left and cleans it up. Not by process
numbers: containers and machines share folders.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lightning_plates.errors import OutputError
from lightning_plates.files import real_path
from lightning_plates.locking import lock_folder

PREFIX, SUFFIX = ".draft-", ".lightning-plates"
"""What names of draft folders begin and end with; nobody else's are touched."""
_NEW, _READY, _EARLIER = "new", "ready", "earlier"
"""Parts of a draft folder: unfinished files; finished ones, being moved; what they replace."""


@contextlib.contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """Give a path to write to; on success it replaces ``target``, on failure it is removed.

    Missing parent folders are made. The draft has the name of ``target``, because some writers
    choose their format by its ending, and lies in the same file system, so that replacing is
    atomic. A link stays, and what it points to is replaced.

    Raises:
        OutputError: ``target`` is a folder or a device.
        OSError: The folder cannot be written or the disk is full.
    """
    target = replaceable(target)
    with draft_space(target.parent) as space:
        draft = space / _NEW / target.name
        draft.parent.mkdir()
        draft.touch()
        yield draft
        # Some writers make private files; a result is readable as any new file would be.
        draft.chmod(0o666 & ~_umask())
        draft.replace(target)


def replaceable(target: Path) -> Path:
    """``target``, or what it points to where it is a link.

    Raises:
        OutputError: It is a folder, or a device such as ``/dev/stdout``, which putting a file in
            its place would destroy.
    """
    if target.exists() and not target.is_file():
        raise OutputError(f"{target}: not a file that can be replaced; name another")
    _require_name(target)
    return real_path(target) if target.is_symlink() else target


@contextlib.contextmanager
def draft_folder_of(target: Path) -> Iterator[Path]:
    """Give a folder to fill; on success it becomes ``target``, on failure it is removed.

    Raises:
        OutputError: ``target`` exists and holds something, which is never overwritten.
        OSError: The folder cannot be written or the disk is full.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target}: exists already; choose another folder or remove it")
    _require_name(target)
    with draft_space(target.parent) as space:
        draft = space / _NEW
        draft.mkdir()
        yield draft
        if target.exists():
            target.rmdir()
        draft.replace(target)


@contextlib.contextmanager
def draft_files_in(folder: Path) -> Iterator[Path]:
    """Give a draft folder; on success everything in it moves into ``folder``, or else nothing.

    For results of several files that belong together. What they replace comes back if one of them
    cannot be put in place; a writer that is killed meanwhile has its moves finished by the next.

    Raises:
        OSError: The folder cannot be written or the disk is full.
    """
    with draft_space(folder) as space:
        draft = space / _NEW
        draft.mkdir()
        yield draft
        draft.rename(space / _READY)
        _put_in_place(space, folder)


@contextlib.contextmanager
def draft_space(folder: Path) -> Iterator[Path]:
    """Give a new folder inside ``folder`` to work in; it is removed with all that is left in it.

    What killed writers left in ``folder`` is cleaned up first, once a process.

    Raises:
        OutputError: ``folder`` cannot be a name.
        OSError: The folder cannot be written or the disk is full.
    """
    _require_name(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _clean_up(real_path(folder))
    with contextlib.ExitStack() as stack:
        space = _new_space(folder, stack)
        # Before the lock ends: who is killed meanwhile leaves the rest to the next writer.
        stack.callback(shutil.rmtree, space, ignore_errors=True)
        yield space


def write_text(target: Path, text: str) -> None:
    """Put ``text`` in place at ``target`` as UTF-8."""
    write_bytes(target, utf_8(text))


def utf_8(text: str) -> bytes:
    r"""``text`` in UTF-8; bytes of a file name that are not are written as ``\udce9``."""
    return text.encode("utf-8", "backslashreplace")


def write_bytes(target: Path, data: bytes) -> None:
    """Put ``data`` in place at ``target``."""
    with draft_of(target) as draft:
        draft.write_bytes(data)


def _put_in_place(space: Path, folder: Path) -> None:
    """Move what is ready into ``folder``; after a failure everything is as it was."""
    earlier = space / _EARLIER
    earlier.mkdir(exist_ok=True)
    with contextlib.ExitStack() as undo:
        for file in sorted((space / _READY).iterdir()):
            target = folder / file.name
            if target.exists():
                target.rename(earlier / file.name)
                undo.callback((earlier / file.name).rename, target)
            file.rename(target)
            undo.callback(target.rename, file)
        undo.pop_all()


def _new_space(folder: Path, stack: contextlib.ExitStack) -> Path:
    """A new folder inside ``folder``, locked until ``stack`` ends, where folders can be locked."""
    while True:
        space = Path(tempfile.mkdtemp(prefix=PREFIX, suffix=SUFFIX, dir=folder))
        try:
            stack.callback(os.close, lock_folder(space))
        except (BlockingIOError, FileNotFoundError):
            continue  # another writer found it before it was locked, and took it for a dead one's
        except OSError:
            pass  # no locks here
        return space


@functools.cache
def _clean_up(folder: Path) -> None:
    """Finish or remove what killed writers left in ``folder``; who cannot leaves it."""
    with contextlib.suppress(OSError):
        for space in folder.glob(f"{PREFIX}*{SUFFIX}"):
            with contextlib.suppress(OSError):
                _clean_up_one(space, folder)


def _clean_up_one(space: Path, folder: Path) -> None:
    if space.is_symlink():
        return
    descriptor = lock_folder(space)  # fails while the writer lives, and where there are no locks
    try:
        if (space / _READY).is_dir():
            _put_in_place(space, folder)
        shutil.rmtree(space, ignore_errors=True)
    finally:
        os.close(descriptor)


def _require_name(path: Path) -> None:
    if "\0" in str(path):
        raise OutputError(f"{str(path)!r}: no file can have this name; name another")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
