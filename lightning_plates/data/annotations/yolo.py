"""YOLO text files: one a photo, one line a box: ``class centre_x centre_y width height``, 0–1.

An empty file is a photo without boxes. Class names come from ``classes.txt`` beside the files or
above them. Lines of nine numbers (class and four corners) are read as corners. Text and sources are
not kept. The coordinates refer to the upright photo, whose size is read from the photo itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lightning_plates.data.annotations.label_text import LabelText, read_label_text
from lightning_plates.data.annotations.record import (
    AnnotationSet,
    BoxRecord,
    Corners,
    PhotoRecord,
)
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.drafts import write_text

TARGET = "labels"
"""Name of the labels' folder in a set's folder."""

BLANK_SUFFIX = ".txt"
"""Ending of a file that says by being empty that its photo has no box."""

_CLASSES = "classes.txt"


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file (one without lines does not show it)."""
    words = text.strip().partition("\n")[0].split()
    return len(words) in {5, 9} and words[0].isdigit() and all(map(_is_number, words))


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of one photo's file."""
    photo = label.name
    lines = [(n, line.split()) for n, line in enumerate(label.text.splitlines(), start=1)]
    filled = [(number, words) for number, words in lines if words]
    if not filled:
        yield LabelRow(str(label.path), photo, None)
    names = _class_names(label)
    for number, words in filled:
        where = label.at(number)
        try:
            box = _box(words, names)
        except ValueError as error:
            yield Problem(where, str(error), photo)
        else:
            yield LabelRow(where, photo, box, normalised=True)


def write(annotations: AnnotationSet, target: Path) -> None:
    """Put one file a photo and ``classes.txt`` in place below the folder ``target``.

    Raises:
        OSError: The target cannot be written.
    """
    names = sorted({box.label for photo in annotations.photos for box in photo.boxes} or {"plate"})
    write_text(target / _CLASSES, "".join(f"{name}\n" for name in names))
    for photo in annotations.photos:
        file = target / PurePosixPath(photo.file).with_suffix(".txt")
        write_text(file, "".join(_line(box, photo, names) for box in photo.boxes))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _box(words: list[str], names: tuple[str, ...]) -> BoxRecord:
    if len(words) not in {5, 9}:
        raise ValueError(f"expected 5 numbers, got {len(words)}")
    if not words[0].isdigit():
        raise ValueError(f"class is not a whole number: {words[0]!r}")
    if not all(map(_is_number, words)):
        raise ValueError(f"not numbers: {' '.join(words)}")
    number = int(words[0])
    label = names[number] if number < len(names) else "plate" if number == 0 else words[0]
    numbers = [float(word) for word in words[1:]]
    if len(numbers) == 8:
        return _corner_box(numbers, label)
    x, y, width, height = numbers
    return BoxRecord(x - width / 2, y - height / 2, x + width / 2, y + height / 2, label)


def _corner_box(numbers: list[float], label: str) -> BoxRecord:
    xs, ys = numbers[0::2], numbers[1::2]
    a, b, c, d = zip(xs, ys, strict=True)
    corners: Corners = (a, b, c, d)
    return BoxRecord(min(xs), min(ys), max(xs), max(ys), label, corners=corners)


def _class_names(label: LabelText) -> tuple[str, ...]:
    """Names from ``classes.txt`` in the file's folder, or above it up to that of all labels."""
    depth = len(PurePosixPath(label.name).parts)
    for place in label.path.parents[: depth + 1]:
        if (place / _CLASSES).is_file():
            lines = read_label_text(place / _CLASSES).text.splitlines()
            return tuple(line.strip() for line in lines if line.strip())
    return ()


def _line(box: BoxRecord, photo: PhotoRecord, names: list[str]) -> str:
    x1, y1, x2, y2 = box.shares_of(photo.width, photo.height)
    numbers = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
    return f"{names.index(box.label)} {' '.join(repr(number) for number in numbers)}\n"
