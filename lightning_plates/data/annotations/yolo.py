"""YOLO text files: one a photo, one line a box: ``class centre_x centre_y width height``, 0–1.

The numbers are separated by blanks; commas and semicolons are understood, and so are classes
written as ``0.0``. A sixth number is the confidence of a prediction and is left aside. An empty
file is a photo without boxes. Class names come from ``classes.txt``, ``obj.names`` or
``data.yaml`` beside the files or above them. Lines of nine numbers (class and four corners) are
read as corners; of longer ones, class and outline, the box around the outline is taken, unless
``data.yaml`` says that they are a box and keypoints. Text and sources are not kept. The coordinates
refer to the upright photo, whose size is read from the photo itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from lightning_plates.data.annotations.label_text import (
    LabelText,
    read_label_text,
    to_number,
)
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem
from lightning_plates.data.annotations.shapes import drawn_box, outline_box
from lightning_plates.data.annotations.yolo_set import read_description, swap_folder
from lightning_plates.drafts import write_text

TITLE = "YOLO text files"
FILE_PER_PHOTO = True
TARGET = "labels"
"""Name of the labels' folder in a set's folder."""

BLANK_SUFFIX = ".txt"
"""Ending of a file that says by being empty that its photo has no box."""

_CLASSES = "classes.txt"
_NAME_LISTS = (_CLASSES, "obj.names", "_darknet.labels")
"""Files with one class name a line: LabelImg's and CVAT's, Darknet's, Roboflow's for Darknet."""
_DATA_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
"""Files of Ultralytics and whoever exports for it, with ``names`` as a list or by number."""
_FEWEST = 5
"""Class and box; outlines have more: the x and y of three points and beyond."""
_PREDICTED = "have a confidence, as a model writes it; were they checked by hand?"
_MOST_CLASSES = 1_000_000
"""A larger number is no class."""


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file (one without lines does not show it)."""
    words = _words(text.strip().partition("\n")[0])
    if len(words) < _FEWEST:
        return False
    try:
        _class_number(words[0])
        return all(math.isfinite(to_number(word)) for word in words)
    except ValueError:
        return False


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of one photo's file.

    Raises:
        InputError: The set's description is wrong, which concerns all files.
    """
    photo = swap_folder(PurePosixPath(label.name), "labels", "images").as_posix()
    lines = [(n, _words(line)) for n, line in enumerate(label.text.splitlines(), start=1)]
    filled = [(number, words) for number, words in lines if words]
    if not filled:
        yield LabelRow(str(label.path), photo, None)
    names, keypoints = _class_names(label), _has_keypoints(label)
    for number, words in filled:
        where, name = label.at(number), ""
        try:
            name = _class_name(words[0], names)
            box = _box(words[:5] if keypoints else words, name)
        except ValueError as error:
            yield Problem(where, str(error), photo, label=name)
        else:
            remark = _PREDICTED if _has_confidence(words) and not keypoints else ""
            yield LabelRow(where, photo, box, normalised=True, remark=remark)


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


def _words(line: str) -> list[str]:
    """The numbers of a line: blanks, commas or semicolons between them, or decimal commas."""
    if ";" in line:
        return [word.strip().replace(",", ".") for word in line.strip().strip(";").split(";")]
    words = [word.strip(",") for word in line.split()]
    if len(words) == 1:
        return words[0].split(",")
    return [word.replace(",", ".") for word in words if word]


def _has_confidence(words: list[str]) -> bool:
    """Whether a last number has no partner: predictions are saved with a score."""
    return len(words) % 2 == 0


def _class_number(word: str) -> int:
    """The class, which NumPy writes as ``0.000e+00``."""
    value = to_number(word)
    if not (value.is_integer() and 0 <= value < _MOST_CLASSES):
        raise ValueError(f"class is not a whole number: {word[:40]!r}")
    return int(value)


def _class_name(word: str, names: Mapping[int, str]) -> str:
    number = _class_number(word)
    return names.get(number, "plate" if number == 0 else str(number))


def _box(words: list[str], label: str) -> BoxRecord:
    if len(words) < _FEWEST:
        raise ValueError(f"expected 5 numbers, got {len(words)}")
    numbers = [to_number(word) for word in words[1:]]
    if _has_confidence(words) and not 0 <= numbers.pop() <= 1:
        raise ValueError(f"expected 5 numbers and perhaps a confidence from 0 to 1: {words[-1]!r}")
    if len(numbers) > 4:
        return outline_box(list(zip(numbers[0::2], numbers[1::2], strict=True)), label)
    x, y, width, height = numbers
    return BoxRecord(*drawn_box(x - width / 2, y - height / 2, width, height), label)


def _set_files(label: LabelText, names: tuple[str, ...]) -> Iterator[Path]:
    """Files of these names at or above a label, nearest first, up to two above all labels.

    ``data.yaml`` lies beside the folders ``train/labels`` and ``labels/train``.
    """
    depth = len(PurePosixPath(label.name).parts)
    found = (place / name for place in label.path.parents[: depth + 2] for name in names)
    return (file for file in found if file.is_file())


def _class_names(label: LabelText) -> Mapping[int, str]:
    """Class names by number, from the nearest file that has them."""
    file = next(_set_files(label, (*_NAME_LISTS, *_DATA_YAML)), None)
    if file is None:
        return {}
    text = read_label_text(file).text
    if file.name in _DATA_YAML:
        return read_description(file, text).class_names()
    lines = (line.strip() for line in text.splitlines())
    return dict(enumerate(line for line in lines if line))


def _has_keypoints(label: LabelText) -> bool:
    """Whether the set's description says that points follow the box, which no outline is."""
    files = list(_set_files(label, _DATA_YAML))
    return any(read_description(file, read_label_text(file).text).kpt_shape for file in files)


def _line(box: BoxRecord, photo: PhotoRecord, names: list[str]) -> str:
    x1, y1, x2, y2 = box.shares_of(photo.width, photo.height)
    numbers = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
    return f"{names.index(box.label)} {' '.join(repr(number) for number in numbers)}\n"
