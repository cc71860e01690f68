"""Reads a set of labels in whatever format it is in."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from lightning_plates.data.annotations import yolo, yolo_set
from lightning_plates.data.annotations.edges import EdgeTolerance
from lightning_plates.data.annotations.gathering import gather
from lightning_plates.data.annotations.label_text import LabelText, read_label_text
from lightning_plates.data.annotations.photo_folder import PhotoFolder, is_archive_residue
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.annotations.registry import LabelFormat, format_titles, label_formats
from lightning_plates.data.annotations.rows import UNREADABLE, Entry, LabelRow, Labels, Problem
from lightning_plates.data.annotations.sides import SIDE_WORD, side_named, side_of_folder
from lightning_plates.errors import AnnotationError, InputError

LABEL_SUFFIXES = frozenset({".csv", ".json", ".jsonl", ".txt", ".xml"})
"""Endings that a folder is searched for; a file named by the user is read whatever its ending."""
LABEL_FOLDERS = frozenset({"labels", "annotations", "ann"})
"""Folders that usually hold only labels; their photos lie in a folder beside them."""

_WAY_OUT = "labels of another tool: export them from there as COCO, YOLO or Pascal VOC"
"""Nearly every tool exports one of these."""


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """A label file that is not text, and what to say about it."""

    path: Path
    problem: Problem


_File: TypeAlias = LabelText | _Unreadable


@dataclass(frozen=True, slots=True)
class _Found:
    """The label files of a set, and where its photos are."""

    label_format: LabelFormat
    files: list[_File]
    photos: PhotoFolder
    sides: Mapping[str, str] = field(default_factory=dict)
    """Sides by photo, where a description states them."""


def read_annotations(path: Path, photos: Path | None = None) -> AnnotationSet:
    """Read a set whose labels must all be sound; unreadable photos are named and left out.

    Args:
        path: A label file, or a folder that holds the labels of one set, in any format.
        photos: Folder of the photos, where they do not lie beside the labels.

    Returns:
        The set; its boxes refer to the photos as they are decoded, whatever size they are
        labelled with (see :mod:`~lightning_plates.data.annotations.photo_fit`).

    Raises:
        AnnotationError: The labels cannot be understood, or an entry is wrong: the first one is
            named with its line. Or a photo is not of the size that it is labelled with.
        InputError: ``path`` does not exist or holds no labels.
    """
    labels = read_labels(path, photos)
    unsound = [problem for problem in labels.problems if problem.kind != UNREADABLE]
    skipped = [problem.text for problem in labels.problems if problem.kind == UNREADABLE]
    notes = [f"note: {path}: {note}" for note in labels.notes]
    for line in (*(f"skipped: {text}" for text in skipped), *notes):
        print(line, file=sys.stderr)
    if unsound:
        more = len(unsound) - 1
        rest = f" (and {more} more)" if more else ""
        raise AnnotationError(
            f"{unsound[0]}{rest}; all are listed by: python -m lightning_plates data check {path}"
        )
    if not labels.annotations.photos:
        raise AnnotationError(f"{path}: no labelled photos in it")
    return labels.annotations


def read_labels(
    path: Path,
    photos: Path | None = None,
    classes: Collection[str] = (),
    tolerance: EdgeTolerance | None = None,
) -> Labels:
    """Read a set and collect what is wrong with it instead of stopping there.

    Args:
        path: As for :func:`read_annotations`.
        photos: As for :func:`read_annotations`.
        classes: Names of the boxes that are plates; by default all are.
        tolerance: How far boxes may reach over the edge of their photo; they are cut there.

    Raises:
        AnnotationError: No part of the labels can be understood (format, encoding, columns).
        InputError: ``path`` or ``photos`` does not exist or holds no labels, or no box is called
            as ``classes`` says.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if photos is not None and not photos.is_dir():
        raise InputError(f"{photos}: no such folder")
    found = _find_labels(path, photos)
    entries = _entries(found.label_format, found.files)
    labels = gather(entries, found.photos, classes, tolerance, found.sides)
    for name in classes:
        if name not in labels.classes:
            known = ", ".join(map(repr, labels.classes)) or "none"
            raise InputError(f"{path}: no box is called {name!r} (there are: {known})")
    return labels


def _find_labels(path: Path, photos: Path | None) -> _Found:
    if path.suffix.lower() in yolo_set.SUFFIXES and path.is_file():
        return _described(path, photos)
    folder = PhotoFolder(photos or _photo_root(path))
    label_format, files = _recognise(path, folder)
    return _Found(label_format, files, folder)


def _described(path: Path, photos: Path | None) -> _Found:
    """The labels and photos that a YOLO set's ``data.yaml`` names."""
    described = yolo_set.describe_set(path)
    folder = PhotoFolder(photos or described.root, None if photos else described.sides_of)
    paths = {
        file
        for place in described.label_folders()
        for file in place.rglob(f"*{yolo.BLANK_SUFFIX}")
        if not is_archive_residue(file)
    }
    texts = [_try_to_read(file, described.root) for file in sorted(paths)]
    known = [file for file in texts if isinstance(file, _Unreadable) or folder.find(file.name)]
    if not known:
        raise InputError(f"{path}: no label file for the photos that it names")
    sides = {file: named for file in folder.files if len(named := described.sides_of(file)) == 1}
    stated = {file: named[0] for file, named in sides.items()}
    return _Found(label_formats()["yolo"], known, folder, stated)


def _photo_root(path: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    return folder.resolve().parent if folder.resolve().name.lower() in LABEL_FOLDERS else folder


def _entries(label_format: LabelFormat, files: Sequence[_File]) -> Iterator[Entry]:
    """Entries of all files; where there are several, each may be for one side of the set."""
    for file in files:
        if isinstance(file, _Unreadable):
            yield file.problem
            continue
        side = _side_of_labels(label_format, file) if len(files) > 1 else ""
        for entry in _file_entries(label_format, file):
            if isinstance(entry, LabelRow):
                default = str(file.path) if label_format.FILE_PER_PHOTO else ""
                yield replace(entry, entry=entry.entry or default, side=entry.side or side)
            else:
                yield entry


def _side_of_labels(label_format: LabelFormat, label: LabelText) -> str:
    """The side that a label file is for, by its folders and, if it is for all photos, its name."""
    return side_of_folder(label.name) if label_format.FILE_PER_PHOTO else side_named(label.name)


def _file_entries(label_format: LabelFormat, label: LabelText) -> Iterator[Entry]:
    """Entries of one file; one broken file among many is a problem, alone it is an error."""
    try:
        yield from label_format.read(label)
    except AnnotationError as error:
        if not label_format.FILE_PER_PHOTO:
            raise
        yield _file_problem(label.path, error)


def _file_problem(path: Path, error: AnnotationError) -> Problem:
    """The error's own ``path:line: text`` as a problem."""
    place, _, text = str(error).removeprefix(str(path)).partition(" ")
    return Problem(f"{path}{place.rstrip(':')}", text, path.stem)


def _recognise(path: Path, photos: PhotoFolder) -> tuple[LabelFormat, list[_File]]:
    if path.is_dir():
        return _recognise_folder(path, photos)
    label = read_label_text(path)
    name = _format_of(label)
    if name is None:
        raise AnnotationError(
            f"{path}: not in a known label format (known: {format_titles()}); {_WAY_OUT}"
        )
    return label_formats()[name], [label]


def _recognise_folder(folder: Path, photos: PhotoFolder) -> tuple[LabelFormat, list[_File]]:
    """The labels that lie in ``folder`` itself or, where there are none, anywhere below it."""
    unreadable: list[_Unreadable] = []
    for paths in (folder.iterdir(), folder.rglob("*")):
        candidates = sorted(
            p for p in paths if p.suffix.lower() in LABEL_SUFFIXES and not is_archive_residue(p)
        )
        files = [_try_to_read(path, folder) for path in candidates]
        found = {file.path: name for file in _readable(files) if (name := _format_of(file))}
        found = found or _blank_labels(files, photos)
        if found:
            label_format = label_formats()[_only_format(folder, found)]
            if label_format.FILE_PER_PHOTO:
                return label_format, _per_photo_files(files, set(found), photos)
            return label_format, [file for file in _readable(files) if file.path in found]
        unreadable = [file for file in files if isinstance(file, _Unreadable)]
    if unreadable:
        raise AnnotationError(str(unreadable[0].problem))
    raise InputError(f"{folder}: no label file in a known format in this folder; {_WAY_OUT}")


def _try_to_read(path: Path, folder: Path) -> _File:
    try:
        return read_label_text(path, folder)
    except AnnotationError as error:
        return _Unreadable(path, _file_problem(path, error))


def _readable(files: Iterable[_File]) -> list[LabelText]:
    return [file for file in files if isinstance(file, LabelText)]


def _format_of(label: LabelText) -> str | None:
    formats = label_formats().items()
    return next((name for name, label_format in formats if label_format.sniff(label.text)), None)


def _blank_labels(files: list[_File], photos: PhotoFolder) -> dict[Path, str]:
    """Empty files named like photos: where no file shows its format, no photo has a box."""
    formats = label_formats().items()
    blank = {suffix: name for name, one in formats if (suffix := getattr(one, "BLANK_SUFFIX", ""))}
    return {
        file.path: blank[suffix]
        for file in _readable(files)
        if not file.text.strip()
        and (suffix := file.path.suffix.lower()) in blank
        and photos.find(file.name) != ()
    }


def _only_format(folder: Path, found: dict[Path, str]) -> str:
    """The format of all files; several that each hold a set are parts of one by having one name.

    So exports are laid out that come divided: ``train/_annotations.coco.json``, ``valid/…``, or
    ``train_labels.csv``, ``test_labels.csv``.
    """
    names = sorted(set(found.values()))
    parts = len({_name_without_side(path) for path in found}) == 1
    if len(names) > 1 or not (parts or label_formats()[names[0]].FILE_PER_PHOTO):
        shown = ", ".join(sorted(path.relative_to(folder).as_posix() for path in found)[:4])
        raise InputError(f"{folder}: several label files ({shown}); name the one to read")
    return names[0]


def _name_without_side(path: Path) -> str:
    side = side_named(path.stem)
    return SIDE_WORD.sub("", path.name) if side else path.name


def _per_photo_files(files: list[_File], found: set[Path], photos: PhotoFolder) -> list[_File]:
    """The recognised files and those that are named like a photo, be they empty or broken."""
    suffixes = {path.suffix.lower() for path in found}

    def belongs(file: _File) -> bool:
        name = file.name if isinstance(file, LabelText) else file.path.stem
        named_like_photo = file.path.suffix.lower() in suffixes and photos.find(name) != ()
        return file.path in found or named_like_photo

    return [file for file in files if belongs(file)]
