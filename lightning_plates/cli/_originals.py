"""Keeps what a command writes from replacing what it reads."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from lightning_plates.errors import InputError
from lightning_plates.files import read_head
from lightning_plates.photo_phrases import ENGLISH, PhotoPhrases

PICTURE_MARK = b"lightning-plates: a picture made of another"
"""Comment in what a command makes of photos and videos, by which a later run knows it."""

_MARK_WITHIN = 1024
"""Bytes at the beginning of a file that hold its comment."""


def output_name(source: Path, suffix: str = ".jpg") -> str:
    """Name of the picture or video made of ``source``, e.g. ``street_car.jpg``.

    The folder's name keeps files of the same name from different folders apart.
    """
    return f"{source.parent.name}_{source.stem}{suffix}".lstrip("_")


class OutputNames:
    """Names of the pictures of one run; photos of like names get numbers, none is lost."""

    def __init__(self) -> None:
        self._names: dict[Path, str] = {}
        self._taken: set[str] = set()

    def of(self, source: Path, suffix: str = ".jpg") -> str:
        """Name of the picture made of ``source``: :func:`output_name`, or ``street_car_2.jpg``."""
        if source not in self._names:
            name, number = output_name(source, suffix), 2
            while name.casefold() in self._taken:
                name, number = output_name(source, f"_{number}{suffix}"), number + 1
            self._taken.add(name.casefold())
            self._names[source] = name
        return self._names[source]


class Originals:
    """Files that a command reads; they may become known one after the other.

    Args:
        files: Those that are known already; some may not exist.
    """

    def __init__(self, files: Iterable[Path] = ()) -> None:
        self._by_path: dict[str, Path] = {}
        self.add(files)

    def add(self, files: Iterable[Path]) -> None:
        """Know ``files``, too."""
        for file in files:
            path = os.path.realpath(file)
            self._by_path[path] = file
            self._by_path.setdefault(path.casefold(), file)

    def refuse_overwriting(self, targets: Iterable[Path]) -> None:
        """Check the files that would be written.

        Raises:
            InputError: One of ``targets`` is an original, under whatever path.
        """
        for target in targets:
            path = os.path.realpath(target)
            if any(_are_one(target, self._by_path.get(p)) for p in (path, path.casefold())):
                raise InputError(
                    f"{target}: would overwrite the original; choose another folder or name"
                )


def without_own_pictures(
    photos: Iterable[Path], folders: Iterable[Path | None], words: PhotoPhrases = ENGLISH
) -> list[Path]:
    """Leave out the pictures that an earlier run wrote to the ``folders`` of this one.

    They may be replaced; standard error says how many they are.

    Args:
        photos: What was found below a folder.
        folders: Where pictures go; what else lies there is a photo like any other.
        words: Language of the line.
    """
    places = {os.path.realpath(folder) for folder in folders if folder and folder.is_dir()}
    at_place = functools.cache(lambda parent: os.path.realpath(parent) in places)
    kept: list[Path] = []
    own: list[Path] = []
    for photo in photos:
        (own if at_place(photo.parent) and _is_own(photo) else kept).append(photo)
    if own:
        shown = ", ".join(sorted({str(picture.parent) for picture in own}))
        print(words.own_pictures.format(folders=shown, count=len(own)), file=sys.stderr)
    return kept


def _is_own(file: Path) -> bool:
    try:
        return PICTURE_MARK in read_head(file, _MARK_WITHIN)
    except OSError:
        return False


def _are_one(target: Path, original: Path | None) -> bool:
    """Where case does not count, ``car.jpg`` replaces ``car.JPG``; elsewhere it is another file."""
    return (
        original is not None and target.exists() and original.exists() and target.samefile(original)
    )
