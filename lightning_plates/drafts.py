"""Write to a draft beside the target, then put it in place: nothing half-written is seen."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lightning_plates.errors import OutputError


@contextlib.contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """Give a path to write to; on success it replaces ``target``, on failure it is removed.

    Missing parent folders are made. The draft keeps the suffix of ``target``, because some
    writers choose their format by it, and lies in the same folder, so that replacing is atomic.
    A link stays, and what it points to is replaced.

    Raises:
        OutputError: ``target`` is a folder or a device.
        OSError: The folder cannot be written or the disk is full.
    """
    target = replaceable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".draft-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        # mkstemp makes private files; a result is readable as any new file would be.
        draft.chmod(0o666 & ~_umask())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def replaceable(target: Path) -> Path:
    """``target``, or what it points to where it is a link.

    Raises:
        OutputError: It is a folder, or a device such as ``/dev/stdout``, which putting a file in
            its place would destroy.
    """
    if target.exists() and not target.is_file():
        raise OutputError(f"{target}: not a file that can be replaced; name another")
    return target.resolve() if target.is_symlink() else target


@contextlib.contextmanager
def draft_folder_of(target: Path) -> Iterator[Path]:
    """Give a folder to fill; on success it becomes ``target``, on failure it is removed.

    Raises:
        OutputError: ``target`` exists and holds something, which is never overwritten.
        OSError: The folder cannot be written or the disk is full.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target}: exists already; choose another folder or remove it")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    try:
        yield draft
        draft.chmod(0o777 & ~_umask())
        if target.exists():
            target.rmdir()
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def draft_files_in(folder: Path) -> Iterator[Path]:
    """Give a draft folder; on success everything in it moves into ``folder``, or else nothing.

    For results of several files that belong together. What they replace comes back if one of them
    cannot be put in place.

    Raises:
        OSError: The folder cannot be written or the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder) as name:
        draft, earlier = Path(name) / "new", Path(name) / "earlier"
        draft.mkdir()
        earlier.mkdir()
        yield draft
        _move_together(sorted(draft.iterdir()), folder, earlier)


def _move_together(files: list[Path], folder: Path, earlier: Path) -> None:
    with contextlib.ExitStack() as undo:
        for file in files:
            target = folder / file.name
            if target.exists():
                target.rename(earlier / file.name)
                undo.callback((earlier / file.name).rename, target)
            file.rename(target)
            undo.callback(target.rename, file)
        undo.pop_all()


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
