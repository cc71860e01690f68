"""From the rows of a label file to photo records, with every problem on the way collected."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from lightning_plates.data.annotations.photo_folder import PhotoFolder
from lightning_plates.data.annotations.record import (
    AnnotationSet,
    BoxRecord,
    PhotoRecord,
)
from lightning_plates.errors import PlatesError, one_line

OVERHANG_PX = 1.0
"""Formats with whole pixels or few decimals overhang by rounding; such a box is cut at the edge."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One entry of a label file: a box, or a photo that has none."""

    where: str
    """``file:line`` of the entry."""
    photo: str
    """The photo's name as the label file has it."""
    box: BoxRecord | None
    """As written; it may still be inverted or outside."""
    size: tuple[int, int] | None = None
    """Width and height of the photo as labelled; ``None`` where the format has none."""
    normalised: bool = False
    """Whether the coordinates are 0–1 of the photo instead of pixels."""
    source: str = ""
    """See :attr:`PhotoRecord.source`."""
    alias: str = ""
    """Another name of the photo, for formats that state two."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a set."""

    where: str
    """``file:line``, or a path."""
    text: str
    photo: str = ""
    """The photo concerned, as the label file has it or as it lies on disk; empty for none."""
    row_only: bool = False
    """Whether only this entry is lost (a duplicate) and the photo's other boxes stand."""
    label: str = ""
    """Class of the box concerned, as the annotator gave it; empty if it is not known."""
    alias: str = ""
    """As :attr:`LabelRow.alias`."""

    def __str__(self) -> str:
        """One line: place and problem."""
        return one_line(f"{self.where}: {self.text}")


Entry: TypeAlias = LabelRow | Problem
"""What a format's ``read`` yields: an entry, or why a line is none."""


@dataclass(frozen=True, slots=True)
class NamedPhoto:
    """A photo on disk that a label file names, whether its boxes are sound or not."""

    file: str
    """As :attr:`PhotoRecord.file`."""
    where: str
    """``file:line`` where it is first named."""
    size: tuple[int, int] | None
    """Width and height as labelled there, if they are."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What label files say, sound and unsound."""

    annotations: AnnotationSet
    """The photos without problems."""
    problems: tuple[Problem, ...]
    """Everything else, in the order of the file."""
    named: tuple[NamedPhoto, ...]
    """All photos that were found, also those with problems."""
    unlabelled: tuple[str, ...]
    """Photos below the root that no entry names."""
    classes: Mapping[str, int]
    """How many boxes of each class the files hold, those that were left out included."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A sound row with its photo found and its box in pixels."""

    where: str
    file: str
    width: int
    height: int
    box: BoxRecord | None
    source: str


def gather(entries: Iterable[Entry], photos: PhotoFolder, classes: Collection[str] = ()) -> Labels:
    """Collect entries into one record a photo.

    A photo with an unsound entry is left out as a whole, because training on part of its boxes
    would teach that the others are background. A row that repeats another is dropped alone.

    Args:
        entries: What a format's ``read`` yielded.
        photos: Where the photos are.
        classes: Names of the boxes that are plates; others are left out, and a photo that shows
            nothing else has no box. By default all are plates.
    """
    gathering = _Gathering(photos, frozenset(classes))
    for entry in entries:
        gathering.add(entry)
    return gathering.finish()


class _Gathering:
    """The state while entries come in."""

    def __init__(self, photos: PhotoFolder, classes: frozenset[str]) -> None:
        self._photos = photos
        self._classes = classes
        self._groups: dict[str, list[_Placed]] = {}
        self._problems: list[Problem] = []
        self._named: dict[str, NamedPhoto] = {}
        self._counts: Counter[str] = Counter()

    def add(self, entry: Entry) -> None:
        label = entry.label if isinstance(entry, Problem) else entry.box and entry.box.label
        self._counts.update([label] if label else [])
        left_out = bool(label and self._classes and label not in self._classes)
        file = self._find(entry)
        if isinstance(file, str):
            size = entry.size if isinstance(entry, LabelRow) else None
            self._named.setdefault(file, NamedPhoto(file, entry.where, size))
        if isinstance(entry, Problem):
            if not left_out:
                self._problems.append(replace(entry, photo=file if isinstance(file, str) else ""))
        elif isinstance(file, tuple):
            self._problems.append(_not_found(entry, file, self._photos))
        elif not left_out:
            self._add_row(entry, file)
        elif file not in self._groups:
            self._add_row(replace(entry, box=None), file)

    def _find(self, entry: Entry) -> str | tuple[str, ...]:
        """The photo's file, or else the candidates: none, or several that the names could mean."""
        names = [name for name in (entry.photo, entry.alias) if name]
        found = [file for name in names if (file := self._photos.find(name)) != ()]
        sure = sorted({file for file in found if isinstance(file, str)})
        if len(sure) == 1:
            return sure[0]
        return tuple(sure) or (found[0] if found else ())

    def finish(self) -> Labels:
        spoilt = {problem.photo for problem in self._problems if not problem.row_only}
        records = tuple(_merge(rows) for file, rows in self._groups.items() if file not in spoilt)
        unlabelled = tuple(file for file in self._photos.files if file not in self._named)
        annotations = AnnotationSet(self._photos.root, records)
        named = tuple(self._named.values())
        classes = dict(self._counts.most_common())
        return Labels(annotations, tuple(self._problems), named, unlabelled, classes)

    def _add_row(self, row: LabelRow, file: str) -> None:
        placed = _place(row, file, self._photos)
        if isinstance(placed, _Placed):
            group = self._groups.setdefault(file, [])
            conflict = _conflict(placed, group)
            if conflict is None:
                group.append(placed)
            else:
                self._problems.append(conflict)
        else:
            self._problems.append(placed)


def box_problem(box: BoxRecord, width: float, height: float) -> str | None:
    """What is wrong with a box in a photo of ``width`` × ``height`` (same unit), or ``None``."""
    shown = ", ".join(f"{value:g}" for value in box.xyxy)
    if not all(math.isfinite(value) for value in box.xyxy):
        return f"box with a coordinate that is no number ({shown})"
    if box.x2 < box.x1 or box.y2 < box.y1:
        return f"inverted box ({shown})"
    if box.area == 0:
        return f"empty box ({shown})"
    overhang = max(-box.x1, -box.y1, box.x2 - width, box.y2 - height)
    if overhang > OVERHANG_PX:
        return f"box ({shown}) outside its photo of {width:g} x {height:g}"
    return None


def _not_found(row: LabelRow, candidates: tuple[str, ...], photos: PhotoFolder) -> Problem:
    fits = f"fits several photos ({', '.join(candidates[:3])})"
    return Problem(
        row.where, f"{row.photo!r}: {fits if candidates else 'no such photo'} in {photos.root}"
    )


def _place(row: LabelRow, file: str, photos: PhotoFolder) -> _Placed | Problem:
    try:
        width, height = row.size or photos.upright_size(file)
    except PlatesError as error:
        return Problem(row.where, str(error), file)
    if width < 1 or height < 1:
        return Problem(row.where, f"{file}: size {width} x {height}", file)
    if row.box is None:
        return _Placed(row.where, file, width, height, None, row.source)
    box = row.box.scaled(width, height) if row.normalised else row.box
    problem = box_problem(box, width, height)
    if problem is not None:
        return Problem(row.where, f"{file}: {problem}", file)
    return _Placed(row.where, file, width, height, _cut(box, width, height), row.source)


def _conflict(row: _Placed, earlier: list[_Placed]) -> Problem | None:
    if not earlier:
        return None
    first = earlier[0]
    if (row.width, row.height) != (first.width, first.height):
        sizes = f"{row.width} x {row.height} here, {first.width} x {first.height}"
        return Problem(row.where, f"{row.file}: size {sizes} at {first.where}", row.file)
    if row.source != first.source:
        sources = f"{row.source!r} here, {first.source!r}"
        return Problem(row.where, f"{row.file}: source {sources} at {first.where}", row.file)
    for other in earlier:
        if row.box == other.box:
            return Problem(row.where, f"{row.file}: repeats {other.where}", row.file, row_only=True)
    return None


def _merge(rows: list[_Placed]) -> PhotoRecord:
    first = rows[0]
    boxes = tuple(row.box for row in rows if row.box is not None)
    return PhotoRecord(first.file, first.width, first.height, boxes, first.source)


def _cut(box: BoxRecord, width: int, height: int) -> BoxRecord:
    """Cut an overhang at the edge; a corner of the plate itself may lie outside the photo."""
    return replace(
        box,
        x1=max(box.x1, 0.0),
        y1=max(box.y1, 0.0),
        x2=min(box.x2, float(width)),
        y2=min(box.y2, float(height)),
    )
