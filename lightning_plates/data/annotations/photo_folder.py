"""Finds the photo that a label means: by path, by name, or by name without its ending."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from pathlib import Path, PurePosixPath

from lightning_plates.photo_formats import PHOTO_SUFFIXES
from lightning_plates.photos import photos_below, read_header


class PhotoFolder:
    """The photos below a folder, listed once on first use.

    Labels never reach outside the folder: a name is looked up in the listing, not on the disk.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of all photos relative to the root, with ``/``, sorted."""
        return tuple(sorted(p.relative_to(self.root).as_posix() for p in photos_below(self.root)))

    def find(self, name: str) -> str | tuple[str, ...]:
        """Look up a photo.

        Args:
            name: As a label has it: a relative path, a bare name, one with a leading ``/`` or
                with backslashes, without its ending, or with the ending the photo had before it
                was converted.

        Returns:
            The path relative to the root, or else the candidates: none or several.
        """
        wanted = PurePosixPath(name.replace("\\", "/").lstrip("/"))
        if wanted.as_posix() in self._known:
            return wanted.as_posix()
        for candidates in (
            self._by_name[wanted.name],
            self._by_stem[wanted.name],
            self._by_stem[wanted.stem] if wanted.suffix.lower() in PHOTO_SUFFIXES else [],
        ):
            if candidates:
                found = _narrow(candidates, wanted)
                return found[0] if len(found) == 1 else tuple(found)
        return ()

    def upright_size(self, file: str) -> tuple[int, int]:
        """Width and height in pixels of the photo ``file`` (relative to the root) as it is seen.

        Raises:
            PhotoError: It is missing or not a photo.
        """
        return read_header(self.root / file).upright_size

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.files)

    @cached_property
    def _by_name(self) -> defaultdict[str, list[str]]:
        index: defaultdict[str, list[str]] = defaultdict(list)
        for file in self.files:
            index[PurePosixPath(file).name].append(file)
        return index

    @cached_property
    def _by_stem(self) -> defaultdict[str, list[str]]:
        index: defaultdict[str, list[str]] = defaultdict(list)
        for file in self.files:
            index[PurePosixPath(file).stem].append(file)
        return index


def _narrow(candidates: list[str], wanted: PurePosixPath) -> list[str]:
    """Of several photos with one name, those whose folder agrees best with the label's.

    So ``labels/val/7`` means ``images/val/7.jpg`` and not ``images/train/7.jpg``.
    """
    folders = wanted.parent.parts
    for start in range(len(folders)):
        ending = folders[start:]
        same = [
            file
            for file in candidates
            if PurePosixPath(file).parent.parts[-len(ending) :] == ending
        ]
        if same:
            return same
    return candidates
