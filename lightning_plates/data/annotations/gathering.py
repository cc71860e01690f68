"""From the entries of label files to photo records, with every problem on the way collected."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from lightning_plates.data.annotations.edges import (
    ROUNDING_PX,
    EdgeTolerance,
    box_problem,
    clip_box,
    overhang,
)
from lightning_plates.data.annotations.photo_fit import (
    Frame,
    UnfittedPhoto,
    choose_frames,
    fit_record,
)
from lightning_plates.data.annotations.photo_folder import PhotoFolder
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.annotations.rows import (
    UNREADABLE,
    Entry,
    LabelRow,
    Labels,
    NamedPhoto,
    Problem,
)
from lightning_plates.data.annotations.sides import listed_sides, own_division
from lightning_plates.errors import PlatesError

_NO_PHOTO = "no such photo"
_SEVERAL_PHOTOS = "name that fits several photos"
_CONTRADICTION = "labelled twice and differently"
_BAD_SIZE = "size that is not the photo's"
_REPEATED = "repeated row"
_AMBIGUOUS_FRAME = "EXIF rotation that labels may or may not know of"
_PERHAPS_NOT_EMPTY = "perhaps not without a plate"

_Numbered: TypeAlias = tuple[int, LabelRow]
"""Place in the order of all entries, and the entry."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A sound photo."""

    record: PhotoRecord
    clipped: int
    turned: bool


def gather(
    entries: Iterable[Entry],
    photos: PhotoFolder,
    classes: Collection[str] = (),
    tolerance: EdgeTolerance | None = None,
    sides: Mapping[str, str] | None = None,
) -> Labels:
    """Collect entries into one record a photo, in pixels of the upright photo.

    A photo with an unsound entry is left out as a whole, because training on part of its boxes
    would teach that the others are background. So is one that is labelled twice and differently,
    and one without boxes where boxes of the file belong to no known photo. A row that repeats
    another is dropped alone.

    Args:
        entries: What a format's ``read`` yielded.
        photos: Where the photos are.
        classes: Names of the boxes that are plates; others are left out, and a photo that shows
            nothing else has no box. By default all are plates.
        tolerance: How far boxes may reach over the edge of their photo; they are cut there.
        sides: Sides by file that the set's description states.
    """
    gathering = _Gathering(photos, frozenset(classes), tolerance or EdgeTolerance())
    for entry in entries:
        gathering.add(entry)
    return gathering.finish(sides or {})


class _Gathering:
    """The state while entries come in."""

    def __init__(
        self, photos: PhotoFolder, classes: frozenset[str], tolerance: EdgeTolerance
    ) -> None:
        self._photos = photos
        self._classes = classes
        self._tolerance = tolerance
        self._rows: defaultdict[str, list[_Numbered]] = defaultdict(list)
        self._problems: list[tuple[int, Problem]] = []
        self._spoilt: set[str] = set()
        self._orphans = 0
        self._named: dict[str, NamedPhoto] = {}
        self._counts: Counter[str] = Counter()
        self._remarks: Counter[str] = Counter()
        self._position = 0

    def add(self, entry: Entry) -> None:
        self._position += 1
        label = entry.label if isinstance(entry, Problem) else entry.box and entry.box.label
        self._counts.update([label] if label else [])
        left_out = bool(label and self._classes and label not in self._classes)
        file = self._find(entry)
        if isinstance(file, str):
            size = entry.size if isinstance(entry, LabelRow) else None
            self._named.setdefault(file, NamedPhoto(file, entry.where, _known_size(size)))
        if isinstance(entry, Problem):
            if not left_out:
                self._add_problem(entry, file)
        elif isinstance(file, tuple):
            self._spoilt.update(file)
            self._report(self._position, _not_found(entry, file, self._photos))
        else:
            row = replace(entry, box=None) if left_out else entry
            self._remarks.update([entry.remark] if entry.remark else [])
            self._rows[file].append((self._position, row))

    def finish(self, sides: Mapping[str, str]) -> Labels:
        for file in self._rows:
            self._drop_contradictions(file)
        loaded = {file: self._unfitted(file) for file, rows in self._rows.items() if rows}
        unfitted = {file: photo for file, photo in loaded.items() if photo is not None}
        choice = choose_frames(list(unfitted.values()), self._tolerance)
        fitted = {
            file: one
            for file, photo in unfitted.items()
            if (one := self._fit(photo, choice.frames.get(file))) is not None
        }
        self._doubt_empty_photos(fitted)
        sound = {file: one for file, one in fitted.items() if file not in self._spoilt}
        remarks = [f"{count} boxes: {remark}" for remark, count in self._remarks.items()]
        own = own_division(sound, self._stated_sides(sides))
        records = tuple(
            replace(one.record, side=own.sides.get(file, "")) for file, one in sound.items()
        )
        return Labels(
            AnnotationSet(self._photos.root, records),
            tuple(problem for _, problem in sorted(self._problems, key=lambda pair: pair[0])),
            tuple(self._named.values()),
            tuple(file for file in self._photos.files if file not in self._named),
            dict(self._counts.most_common()),
            (*remarks, *choice.notes),
            own.note,
            sum(one.clipped for one in sound.values()),
            sum(one.turned for one in sound.values()),
        )

    def _find(self, entry: Entry) -> str | tuple[str, ...]:
        """The photo's file, or else the candidates: none, or several that the names could mean."""
        names = [name for name in (entry.photo, entry.alias) if name]
        found = [file for name in names if (file := self._photos.find(name)) != ()]
        sure = sorted({file for file in found if isinstance(file, str)})
        if len(sure) == 1:
            return sure[0]
        return tuple(sure) or (found[0] if found else ())

    def _add_problem(self, problem: Problem, file: str | tuple[str, ...]) -> None:
        if not problem.row_only:
            self._spoilt.update((file,) if isinstance(file, str) else file)
            self._orphans += not (problem.photo or problem.alias)
        photo = file if isinstance(file, str) else ""
        self._report(self._position, replace(problem, photo=photo))

    def _report(self, position: int, problem: Problem) -> None:
        self._problems.append((position, problem))
        if problem.photo and not problem.row_only:
            self._spoilt.add(problem.photo)

    def _drop_contradictions(self, file: str) -> None:
        """The photo is left out; what else is wrong with it is told all the same."""
        wrong = dict(_contradictions(file, self._rows[file]))
        for position, problem in wrong.items():
            self._report(position, problem)
        self._rows[file] = [each for each in self._rows[file] if each[0] not in wrong]

    def _unfitted(self, file: str) -> UnfittedPhoto | None:
        """A photo whose size is known, with the boxes of its rows; each box once."""
        position, first = self._rows[file][0]
        size = _labelled_size(row for _, row in self._rows[file])
        try:
            header = self._photos.header(file)
        except PlatesError as error:
            header = None
            if size is None:
                self._report(position, Problem(first.where, str(error), file, kind=UNREADABLE))
                return None
        boxes = tuple(row.box for _, row in self._drop_repeated(file) if row.box is not None)
        photo = UnfittedPhoto(file, boxes, first.normalised, size, header)
        if photo.labelled_frame is None and header is not None:
            sizes = "labelled as {} x {}, but is {} x {}".format(
                *(size or (0, 0)), *header.upright_size
            )
            problem = Problem(first.where, f"{file}: {sizes}", file, kind=_BAD_SIZE)
            self._report(position, problem)
            return None
        return photo

    def _drop_repeated(self, file: str) -> list[_Numbered]:
        first: dict[BoxRecord, LabelRow] = {}
        kept: list[_Numbered] = []
        for position, row in self._rows[file]:
            if row.box is not None and row.box in first:
                text = f"{file}: repeats {first[row.box].where}"
                problem = Problem(row.where, text, file, row_only=True, kind=_REPEATED)
                self._report(position, problem)
                continue
            if row.box is not None:
                first[row.box] = row
            kept.append((position, row))
        self._rows[file] = kept
        return kept

    def _fit(self, photo: UnfittedPhoto, frame: Frame | None) -> _Fitted | None:
        if frame is None:
            position, first = self._rows[photo.file][0]
            text = f"{photo.file}: its boxes fit {' and '.join(each.value for each in Frame)}"
            problem = Problem(first.where, text, photo.file, kind=_AMBIGUOUS_FRAME)
            self._report(position, problem)
            return None
        space = photo.space(frame)
        boxes = photo.boxes_in(frame)
        with_boxes = [each for each in self._rows[photo.file] if each[1].box is not None]
        sound = True
        for (position, row), box in zip(with_boxes, boxes, strict=True):
            wrong = box_problem(box, *space, self._tolerance)
            if wrong is not None:
                text = f"{photo.file}: {wrong.text}"
                self._report(position, Problem(row.where, text, photo.file, kind=wrong.kind))
                sound = False
        if not sound:
            return None
        clipped = sum(max(overhang(box, *space)) > ROUNDING_PX for box in boxes)
        record = fit_record(photo, frame, [clip_box(box, *space) for box in boxes])
        source = self._rows[photo.file][0][1].source
        turned = bool(boxes) and photo.is_turned and frame is Frame.STORED
        return _Fitted(replace(record, source=source), clipped, turned)

    def _doubt_empty_photos(self, fitted: Mapping[str, _Fitted]) -> None:
        """Boxes that belong to no known photo may belong to one that seems to have none."""
        if not self._orphans:
            return
        empty = [file for file, one in fitted.items() if not one.record.boxes]
        for file in empty:
            position, first = self._rows[file][0]
            text = f"{file}: has no box, but {self._orphans} entries belong to no known photo"
            self._report(position, Problem(first.where, text, file, kind=_PERHAPS_NOT_EMPTY))

    def _stated_sides(self, described: Mapping[str, str]) -> dict[str, str]:
        """Sides by file: from the set's lists, its label files, and its description."""
        rows = {file: {row.side for _, row in rows} for file, rows in self._rows.items()}
        stated = {file: next(iter(sides)) for file, sides in rows.items() if len(sides) == 1}
        lists = listed_sides(self._photos.root, self._photos.files)
        known = {file: side for file, side in stated.items() if side}
        return {**lists, **known, **described}


def _known_size(size: tuple[int, int] | None) -> tuple[int, int] | None:
    """``None`` for the 0 × 0 that some tools write where they did not look."""
    return None if size is None or 0 in size else size


def _labelled_size(rows: Iterable[LabelRow]) -> tuple[int, int] | None:
    return next((size for row in rows if (size := _known_size(row.size)) is not None), None)


def _contradictions(file: str, rows: list[_Numbered]) -> Iterator[tuple[int, Problem]]:
    """Entries of one photo that contradict its first one, with their places."""
    (_, first), *_ = rows
    size_row = next((row for _, row in rows if _known_size(row.size)), first)
    entries: defaultdict[str, set[BoxRecord]] = defaultdict(set)
    for _, row in rows:
        entries[row.entry or row.photo].update([row.box] if row.box else [])
    for position, row in rows:
        size = _known_size(row.size)
        if size is not None and min(size) < 1:
            text = f"{file}: size {size[0]} x {size[1]}"
            yield position, Problem(row.where, text, file, kind=_BAD_SIZE)
        elif size is not None and size != size_row.size:
            here, there = (f"{w} x {h}" for w, h in (size, size_row.size or (0, 0)))
            text = f"{file}: size {here} here, {there} at {size_row.where}"
            yield position, Problem(row.where, text, file, kind=_BAD_SIZE)
        elif row.source != first.source:
            text = f"{file}: source {row.source!r} here, {first.source!r} at {first.where}"
            yield position, Problem(row.where, text, file, kind=_CONTRADICTION)
        elif entries[row.entry or row.photo] != entries[first.entry or first.photo]:
            text = f"{file}: has other boxes here than at {first.where}; are these two photos?"
            yield position, Problem(row.where, text, file, kind=_CONTRADICTION)


def _not_found(row: LabelRow, candidates: tuple[str, ...], photos: PhotoFolder) -> Problem:
    fits = f"fits several photos ({', '.join(candidates[:3])})"
    return Problem(
        row.where,
        f"{row.photo!r}: {fits if candidates else 'no such photo'} in {photos.root}",
        kind=_SEVERAL_PHOTOS if candidates else _NO_PHOTO,
    )
