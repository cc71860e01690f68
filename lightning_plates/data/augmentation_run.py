"""Augments a whole set on all cores: resumable, deterministic, with a manifest of every copy.

The folder holds the sound copies, ``set_aside/`` with the others, ``boxes.csv``, ``manifest.csv``
and ``.augment.jsonl``, the journal of finished photos by which an interrupted run goes on. The
labels come last: a folder without them is unfinished.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from lightning_plates.data.annotations import boxes_csv
from lightning_plates.data.annotations.record import AnnotationSet, PhotoRecord
from lightning_plates.data.offline_augmentation import (
    Limits,
    Variant,
    copy_record,
    list_variants,
    make_copies,
)
from lightning_plates.data.workers import map_on_cores
from lightning_plates.drafts import write_bytes, write_text
from lightning_plates.errors import InputError, MissingDependencyError, OutputError, PhotoError
from lightning_plates.files import read_bytes
from lightning_plates.photos import encode_jpeg, load_photo
from lightning_plates.schema import convert, parse_json

Line = TypeVar("Line")

JOURNAL = ".augment.jsonl"
MANIFEST = "manifest.csv"
SET_ASIDE = "set_aside"
_COLUMNS = (
    "file", "source", "rotation_deg", "brightness_percent", "contrast_percent", "status", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """What decides the content of the copies; a run only goes on with the same settings."""

    limits: Limits = field(default_factory=Limits)
    quality: int = 92
    """JPEG quality, 1–95."""


@dataclass(frozen=True, slots=True)
class AugmentedPhoto:
    """What became of one photo."""

    photo: PhotoRecord
    name: str
    """Beginning of the names of its copies."""
    reasons: tuple[str, ...]
    """One a variant: why it is set aside, or empty."""
    error: str = ""
    """Why the photo could not be augmented at all; then there are no reasons."""

    def entries(self) -> Iterator[tuple[Variant, PhotoRecord, str]]:
        """Variant, labels and reason of each copy."""
        for variant, reason in zip(list_variants(), self.reasons, strict=True):
            file = _file_of(self.name, variant, reason)
            yield variant, copy_record(self.photo, file, variant.rotation_deg), reason


@dataclass(frozen=True, slots=True)
class AugmentSummary:
    """Counts of a finished run."""

    photos: int
    rotated: int
    """Originals and rotations."""
    with_brightness: int
    """These and the brightnesses."""
    copies: int
    """All of them."""
    set_aside: Mapping[str, int]
    """Copies by kind of reason."""
    kept: int
    """Copies in ``boxes.csv``."""


@dataclass(frozen=True, slots=True)
class _Head:
    """First line of a journal."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class _Finished:
    """Any other line of a journal."""

    photo: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Task:
    path: Path
    photo: PhotoRecord
    name: str
    folder: Path
    settings: AugmentSettings


def augment_photos(
    annotations: AnnotationSet,
    folder: Path,
    settings: AugmentSettings,
    workers: int | None = None,
) -> Iterator[AugmentedPhoto]:
    """Write the copies of all photos, and go on where an earlier run with this folder stopped.

    Args:
        annotations: The set; sizes must be those of the upright photos.
        folder: Where to write; new, empty, or begun by this function with the same set.
        settings: When to set aside, and JPEG quality.
        workers: Processes; by default one a core.

    Yields:
        One result a photo, in the order of the set, once its copies are on disk and noted.

    Raises:
        OutputError: The folder holds something else.
        OSError: It cannot be written; what was noted stays.
    """
    fingerprint = _fingerprint(annotations, settings)
    done = _read_journal(folder, fingerprint)
    names = _copy_names(annotations.photos)
    _write_journal(folder, fingerprint, done)
    (folder / SET_ASIDE).mkdir(exist_ok=True)
    tasks = [
        _Task(annotations.path_of(photo), photo, names[photo.file], folder, settings)
        for photo in annotations.photos
    ]
    finished = {
        task.photo.file: AugmentedPhoto(task.photo, task.name, done[task.photo.file])
        for task in tasks
        if task.photo.file in done and _all_there(task, done[task.photo.file])
    }
    fresh = map_on_cores(_augment, [t for t in tasks if t.photo.file not in finished], workers)
    with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
        for task in tasks:
            result = finished.get(task.photo.file) or next(fresh)
            if task.photo.file not in finished and not result.error:
                journal.write(_journal_line(result.photo.file, result.reasons))
                journal.flush()
            yield result


def finish_set(
    photos: Sequence[AugmentedPhoto], folder: Path, keep: int | None = None, seed: int = 0
) -> AugmentSummary:
    """Write ``manifest.csv`` and then ``boxes.csv``.

    Args:
        photos: All results of :func:`augment_photos`.
        folder: The same folder.
        keep: How many sound copies to draw at random for the set; ``None`` takes all. The others
            stay on disk, so another number can be drawn without doing the work again.
        seed: Of that draw.

    Raises:
        InputError: There are fewer sound copies than ``keep``.
    """
    copies = [entry for photo in photos for entry in photo.entries()]
    sound = [record for _, record, reason in copies if not reason]
    if keep is not None and keep > len(sound):
        raise InputError(f"{folder}: cannot keep {keep}: only {len(sound)} copies are sound")
    drawn = sound if keep is None else _draw(sound, keep, seed)
    kept = {record.file for record in drawn}
    write_text(folder / MANIFEST, _manifest(copies, kept))
    boxes_csv.write(AnnotationSet(folder, tuple(drawn)), folder / boxes_csv.TARGET)
    return _summarise(copies, len(drawn))


def _augment(task: _Task) -> AugmentedPhoto:
    try:
        image = load_photo(task.path)
    except (PhotoError, MissingDependencyError) as error:
        return AugmentedPhoto(task.photo, task.name, (), str(error))
    height, width = image.shape[:2]
    if (width, height) != (task.photo.width, task.photo.height):
        return AugmentedPhoto(task.photo, task.name, (), _size_error(task, width, height))
    reasons = []
    for copy in make_copies(image, task.photo, task.settings.limits):
        target = task.folder / _file_of(task.name, copy.variant, copy.reason)
        write_bytes(target, encode_jpeg(copy.image, task.settings.quality))
        reasons.append(copy.reason)
    return AugmentedPhoto(task.photo, task.name, tuple(reasons))


def _size_error(task: _Task, width: int, height: int) -> str:
    labelled = f"{task.photo.width} x {task.photo.height}"
    return f"{task.path}: labelled as {labelled}, but is {width} x {height}; `data import` fits it"


def _file_of(name: str, variant: Variant, reason: str) -> str:
    file = f"{name}{variant.suffix}.jpg"
    return f"{SET_ASIDE}/{file}" if reason else file


def _copy_names(photos: Sequence[PhotoRecord]) -> dict[str, str]:
    """A flat name for each photo; one that another shares keeps its ending, or gets a number."""
    stems = {
        photo.file: PurePosixPath(photo.file).with_suffix("").as_posix().replace("/", "_")
        for photo in photos
    }
    counts = Counter(stem.lower() for stem in stems.values())
    names: dict[str, str] = {}
    taken: set[str] = set()
    for file, stem in stems.items():
        alone = counts[stem.lower()] == 1
        names[file] = _free_name(stem if alone else re.sub(r"[/.]", "_", file), taken)
        taken.add(names[file].lower())
    return names


def _free_name(name: str, taken: Set[str]) -> str:
    """``name``, or else it and the first number that makes it differ, whatever its capitals."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([name], numbered) if one.lower() not in taken)


def _fingerprint(annotations: AnnotationSet, settings: AugmentSettings) -> str:
    sizes = [
        path.stat().st_size if path.is_file() else 0
        for path in map(annotations.path_of, annotations.photos)
    ]
    content = repr((annotations.photos, sizes, settings, list_variants()))
    return hashlib.sha256(content.encode()).hexdigest()


def _read_journal(folder: Path, fingerprint: str) -> dict[str, tuple[str, ...]]:
    """Reasons by photo, of the photos that an earlier run finished."""
    journal = folder / JOURNAL
    if not folder.exists() or not any(folder.iterdir()):
        return {}
    first, *others = read_bytes(journal).splitlines() if journal.is_file() else [b""]
    if _parse_line(first, _Head) != _Head(fingerprint):
        raise OutputError(
            f"{folder}: holds something else than an unfinished run with these photos and options; "
            "choose another folder or remove it"
        )
    finished = (_parse_line(line, _Finished) for line in others)
    return {one.photo: one.reasons for one in finished if one}


def _write_journal(folder: Path, fingerprint: str, done: Mapping[str, tuple[str, ...]]) -> None:
    """Begin the journal, or clean it of a line that was cut off."""
    head = json.dumps({"fingerprint": fingerprint}) + "\n"
    lines = (_journal_line(photo, reasons) for photo, reasons in done.items())
    write_text(folder / JOURNAL, head + "".join(lines))


def _journal_line(photo: str, reasons: tuple[str, ...]) -> str:
    return json.dumps({"photo": photo, "reasons": reasons}) + "\n"


def _parse_line(line: bytes, kind: type[Line]) -> Line | None:
    try:
        return convert(parse_json(line, JOURNAL, OutputError), kind, JOURNAL, OutputError)
    except OutputError:
        return None  # The last line of a run that was killed while writing it.


def _all_there(task: _Task, reasons: Sequence[str]) -> bool:
    files = (
        _file_of(task.name, variant, reason)
        for variant, reason in zip(list_variants(), reasons, strict=False)
    )
    is_whole = len(reasons) == len(list_variants())
    return is_whole and all((task.folder / file).is_file() for file in files)


def _draw(sound: Sequence[PhotoRecord], keep: int, seed: int) -> list[PhotoRecord]:
    chosen = sorted(random.Random(seed).sample(range(len(sound)), keep))
    return [sound[index] for index in chosen]


def _manifest(copies: Sequence[tuple[Variant, PhotoRecord, str]], kept: set[str]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for variant, record, reason in copies:
        status = "set aside" if reason else "kept" if record.file in kept else "not drawn"
        change = (variant.rotation_deg, variant.brightness_percent, variant.contrast_percent)
        writer.writerow((record.file, record.source, *change, status, reason))
    return stream.getvalue()


def _summarise(copies: Sequence[tuple[Variant, PhotoRecord, str]], kept: int) -> AugmentSummary:
    variants = [variant for variant, _, _ in copies]
    with_brightness = [v for v in variants if not v.contrast_percent]
    rotated = [v for v in with_brightness if not v.brightness_percent]
    set_aside = Counter(reason.partition(":")[0] for _, _, reason in copies if reason)
    return AugmentSummary(
        photos=sum(not v.rotation_deg for v in rotated),
        rotated=len(rotated),
        with_brightness=len(with_brightness),
        copies=len(copies),
        set_aside=dict(set_aside),
        kept=kept,
    )
