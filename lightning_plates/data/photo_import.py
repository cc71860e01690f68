"""Turns labelled photos of any format into upright RGB JPEGs with boxes that fit them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from lightning_plates.boxes import clip_boxes, scale_about_centre
from lightning_plates.data.annotations.photo_fit import resize_record
from lightning_plates.data.annotations.record import AnnotationSet, PhotoRecord
from lightning_plates.data.annotations.rows import UNREADABLE, Labels
from lightning_plates.data.workers import map_on_cores
from lightning_plates.errors import PlatesError, reason_without_name
from lightning_plates.photos import RgbImage, encode_jpeg, load_photo


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How photos and boxes are written."""

    quality: int = 92
    """JPEG quality, 1–95."""
    max_side: int | None = None
    """Longer side in pixels that larger photos are scaled down to; ``None`` keeps their size."""
    box_scale: tuple[float, float] = (1.0, 1.0)
    """By what the width and height of every box are multiplied about its centre: sets that are
    trained on together should all label the same, for instance the plate without its frame."""


@dataclass(frozen=True, slots=True)
class ImportedPhoto:
    """What became of one photo."""

    original: str
    """Its file in the source set."""
    record: PhotoRecord | None
    """As written; ``None`` where it was skipped."""
    reason: str = ""
    """Why it was skipped."""


@dataclass(frozen=True, slots=True)
class ImportTotals:
    """Counts of a finished import."""

    photos: int
    boxes: int
    several: int
    """Photos with several boxes."""
    empty: int
    """Photos without a box."""
    clipped: int
    """Boxes that were cut at the edge of their photo."""
    turned: int
    """Photos whose boxes were turned with them."""
    left_out: Mapping[str, int]
    """Photos that are not in the set, and names of none, by the first reason of each."""
    repeated: int
    """Rows that repeat another."""
    unlabelled: int
    """Photos that no label names."""

    @classmethod
    def count(
        cls, labels: Labels, annotations: AnnotationSet, imported: Sequence[ImportedPhoto]
    ) -> ImportTotals:
        """Count what became of ``labels``, of which ``annotations`` were written."""
        reasons: dict[str, str] = {}
        for problem in labels.problems:
            if not problem.row_only:
                reasons.setdefault(problem.photo or problem.where, problem.kind)
        reasons |= {one.original: UNREADABLE for one in imported if one.record is None}
        boxes = [len(photo.boxes) for photo in annotations.photos]
        return cls(
            photos=len(boxes),
            boxes=sum(boxes),
            several=sum(count > 1 for count in boxes),
            empty=boxes.count(0),
            clipped=labels.clipped,
            turned=labels.turned,
            left_out=dict(Counter(reasons.values()).most_common()),
            repeated=sum(problem.row_only for problem in labels.problems),
            unlabelled=len(labels.unlabelled),
        )

    def describe(self) -> str:
        """A few lines for people."""
        shown = ", ".join(f"{reason} {count}" for reason, count in self.left_out.items())
        lines = [
            f"{self.photos} photos, {self.boxes} boxes; {self.several} photos with several boxes, "
            f"{self.empty} without",
            f"boxes clipped at the edge of their photo: {self.clipped}",
            f"left out: {sum(self.left_out.values())}" + (f" ({shown})" if shown else ""),
        ]
        if self.turned:
            lines.append(f"photos whose boxes were turned by their EXIF rotation: {self.turned}")
        if self.repeated:
            lines.append(f"repeated rows dropped: {self.repeated}")
        if self.unlabelled:
            lines.append(f"not imported: {self.unlabelled} photos that no label names")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Task:
    path: Path
    record: PhotoRecord
    folder: Path
    name: str
    options: ImportOptions


def import_photos(
    annotations: AnnotationSet,
    folder: Path,
    rename: str = "",
    options: ImportOptions | None = None,
    workers: int | None = None,
) -> Iterator[ImportedPhoto]:
    """Write all photos of a set as JPEG below ``folder``, in their order.

    Metadata such as the place a phone noted is not kept. Names become UTF-8.

    Args:
        annotations: The set.
        folder: Where to write.
        rename: Beginning of new names: ``placa_cr`` gives ``placa_cr0001.jpeg``, counted over all
            photos; empty keeps the names, with the ending ``.jpg``. Renamed photos keep their group
            as their source.
        options: Quality and size.
        workers: Processes; by default one a core.

    Raises:
        OSError: A photo cannot be written.
    """
    names = _new_names(annotations.photos, rename)
    # Copies of one photo, and frames of one drive, are known by names that go now.
    photos = [replace(p, source=in_unicode(p.group)) if rename else p for p in annotations.photos]
    tasks = [
        _Task(annotations.path_of(photo), photo, folder, name, options or ImportOptions())
        for photo, name in zip(photos, names, strict=True)
    ]
    return map_on_cores(_import_photo, tasks, workers)


def _import_photo(task: _Task) -> ImportedPhoto:
    try:
        image = load_photo(task.path)
    except PlatesError as error:
        return ImportedPhoto(task.record.file, None, reason_without_name(error, task.path))
    image = _limit_side(image, task.options.max_side)
    record = _scale_boxes(task.record, task.options.box_scale)
    record = resize_record(record, image.shape[1], image.shape[0])
    target = task.folder / task.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encode_jpeg(image, task.options.quality))
    return ImportedPhoto(task.record.file, replace(record, file=task.name))


def _scale_boxes(record: PhotoRecord, scale: tuple[float, float]) -> PhotoRecord:
    """Boxes of other sizes about their centres, inside the photo; corners are the plate's own."""
    if scale == (1.0, 1.0):
        return record
    boxes = np.array([box.xyxy for box in record.boxes], dtype=np.float64).reshape(-1, 4)
    boxes = clip_boxes(scale_about_centre(boxes, *scale), record.width, record.height)
    scaled = [
        replace(box, x1=x1, y1=y1, x2=x2, y2=y2)
        for box, (x1, y1, x2, y2) in zip(record.boxes, boxes.tolist(), strict=True)
    ]
    return replace(record, boxes=tuple(scaled))


def _limit_side(image: RgbImage, max_side: int | None) -> RgbImage:
    height, width = image.shape[:2]
    if max_side is None or max(width, height) <= max_side:
        return image
    scale = max_side / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def _new_names(photos: Sequence[PhotoRecord], rename: str) -> list[str]:
    if rename:
        return [f"{rename}{number:04}.jpeg" for number in range(1, len(photos) + 1)]
    files = [in_unicode(photo.file) for photo in photos]
    stems = [PurePosixPath(file).with_suffix("").as_posix() for file in files]
    repeated = {stem for stem, count in Counter(map(str.lower, stems)).items() if count > 1}
    # a.png beside a.jpg: the old ending keeps their names apart.
    wanted = [
        file.replace(".", "_") if stem.lower() in repeated else stem
        for file, stem in zip(files, stems, strict=True)
    ]
    return [f"{stem}.jpg" for stem in _numbered(wanted)]


def _numbered(stems: Iterable[str]) -> Iterator[str]:
    """The stems; one that occurred before, in whatever case, gets a number."""
    taken: set[str] = set()
    for stem in stems:
        name, number = stem, 2
        while name.lower() in taken:
            name, number = f"{stem}_{number}", number + 1
        taken.add(name.lower())
        yield name


def in_unicode(name: str) -> str:
    """A file's name as label files can hold it: bytes that are not UTF-8 are read as Latin-1.

    Older cameras and memory sticks name files so; the accents come out right.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        parts = [os.fsencode(part) for part in name.split("/")]
        return "/".join(_decode(part) for part in parts)
    return name


def _decode(part: bytes) -> str:
    try:
        return part.decode()
    except UnicodeDecodeError:
        return part.decode("latin-1")
