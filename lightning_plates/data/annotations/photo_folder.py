"""Finds the photo that a label means: by path, by name, or by name without its ending."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from lightning_plates.photo_formats import PHOTO_SUFFIXES
from lightning_plates.photos import PhotoHeader, photos_below, read_header

_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)", re.ASCII)
"""What Label Studio puts before the names of uploaded files: ``0f6142f0-IMG_7.jpg``."""


def is_archive_residue(path: Path) -> bool:
    """Whether macOS left this file in an archive: ``__MACOSX/``, ``._IMG_7.jpg``."""
    return path.name.startswith("._") or "__MACOSX" in path.parts


class PhotoFolder:
    """The photos below a folder, listed once on first use.

    Labels never reach outside the folder: a name is looked up in the listing, not on the disk.

    Args:
        root: The folder.
        accepts: Says of a path relative to the root whether it belongs; by default all do.
    """

    def __init__(self, root: Path, accepts: Callable[[str], object] | None = None) -> None:
        self.root = root
        self._accepts = accepts

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of all photos relative to the root, with ``/``, sorted."""
        names = (path.relative_to(self.root).as_posix() for path in photos_below(self.root))
        accepted = (n for n in names if self._accepts is None or self._accepts(n))
        return tuple(sorted(accepted))

    def find(self, name: str) -> str | tuple[str, ...]:
        """Look up a photo.

        Args:
            name: As a label has it: a relative path, a bare name, one with a leading ``/`` or
                with backslashes, without its ending, or with the ending the photo had before it
                was converted; with accents composed in another way, or URL-encoded; with the
                prefix of an upload. The first of these readings that any photo has decides.

        Returns:
            The path relative to the root, or else the candidates: none or several.
        """
        path = name.replace("\\", "/").lstrip("/")
        if path in self._known:
            return path
        for wanted in _readings(path):
            found = self._candidates(wanted)
            if found:
                return found[0] if len(found) == 1 else tuple(found)
        return ()

    def header(self, file: str) -> PhotoHeader:
        """Size and orientation of the photo ``file`` (relative to the root).

        Raises:
            PhotoError: It is missing or not a photo.
        """
        return read_header(self.root / file)

    def _candidates(self, wanted: PurePosixPath) -> list[str]:
        keys = [(self._by_path, wanted.as_posix()), (self._by_name, wanted.name)]
        keys.append((self._by_stem, wanted.name))
        if wanted.suffix.lower() in PHOTO_SUFFIXES:
            keys.append((self._by_stem, wanted.stem))
        found = next((index[key] for index, key in keys if index.get(key)), [])
        return _narrow(found, wanted) if found else []

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.files)

    @cached_property
    def _by_path(self) -> dict[str, list[str]]:
        return self._index(lambda path: path.as_posix())

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        return self._index(lambda path: path.name)

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return self._index(lambda path: path.stem)

    def _index(self, key: Callable[[PurePosixPath], str]) -> dict[str, list[str]]:
        index: defaultdict[str, list[str]] = defaultdict(list)
        for file in self.files:
            index[key(PurePosixPath(_composed(file)))].append(file)
        return dict(index)


def _composed(text: str) -> str:
    """Accented letters as one character; macOS writes them as two in file names."""
    return unicodedata.normalize("NFC", text)


def _readings(path: str) -> Iterator[PurePosixPath]:
    """What the name in a label may mean, the likeliest first."""
    plain = PurePosixPath(_composed(path))
    readings = [plain, PurePosixPath(_composed(unquote(path)))]
    readings += [r.with_name(_UPLOAD_PREFIX.sub("", r.name, count=1)) for r in readings if r.name]
    yield from dict.fromkeys(readings)


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
            if PurePosixPath(_composed(file)).parent.parts[-len(ending) :] == ending
        ]
        if same:
            return same
    return candidates
