"""YOLO text files: one a photo, one line a box: ``class centre_x centre_y width height``, 0–1.

An empty file is a photo without boxes. Class names come from ``classes.txt``, ``obj.names`` or
``data.yaml`` beside the files or above them. Lines of nine numbers (class and four corners) are
read as corners; of longer ones, class and outline, the box around the outline is taken, unless
``data.yaml`` says that they are a box and keypoints. Text and sources are not kept. The coordinates
refer to the upright photo, whose size is read from the photo itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

import yaml

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
_NAME_LISTS = (_CLASSES, "obj.names", "_darknet.labels")
"""Files with one class name a line: LabelImg's and CVAT's, Darknet's, Roboflow's for Darknet."""
_DATA_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
"""Files of Ultralytics and whoever exports for it, with ``names`` as a list or by number."""


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file (one without lines does not show it)."""
    words = text.strip().partition("\n")[0].split()
    return _has_coordinates(words) and words[0].isdigit() and all(map(_is_number, words))


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of one photo's file."""
    photo = label.name
    lines = [(n, line.split()) for n, line in enumerate(label.text.splitlines(), start=1)]
    filled = [(number, words) for number, words in lines if words]
    if not filled:
        yield LabelRow(str(label.path), photo, None)
    names, keypoints = _class_names(label), _has_keypoints(label)
    for number, words in filled:
        where, name = label.at(number), _class_name(words[0], names)
        try:
            box = _box(words[:5] if keypoints else words, name)
        except ValueError as error:
            yield Problem(where, str(error), photo, label=name)
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


def _has_coordinates(words: list[str]) -> bool:
    """Class and box, or class and the x and y of three points or more."""
    return len(words) == 5 or (len(words) >= 7 and len(words) % 2 == 1)


def _class_name(word: str, names: Mapping[int, str]) -> str:
    return names.get(int(word), "plate" if int(word) == 0 else word) if word.isdigit() else ""


def _box(words: list[str], label: str) -> BoxRecord:
    if not _has_coordinates(words):
        raise ValueError(f"expected 5 numbers, got {len(words)}")
    if not words[0].isdigit():
        raise ValueError(f"class is not a whole number: {words[0]!r}")
    if not all(map(_is_number, words)):
        raise ValueError(f"not numbers: {' '.join(words)}")
    numbers = [float(word) for word in words[1:]]
    if len(numbers) == 8:
        return _corner_box(numbers, label)
    if len(numbers) > 4:
        xs, ys = numbers[0::2], numbers[1::2]
        return BoxRecord(min(xs), min(ys), max(xs), max(ys), label)
    x, y, width, height = numbers
    return BoxRecord(x - width / 2, y - height / 2, x + width / 2, y + height / 2, label)


def _corner_box(numbers: list[float], label: str) -> BoxRecord:
    xs, ys = numbers[0::2], numbers[1::2]
    a, b, c, d = zip(xs, ys, strict=True)
    corners: Corners = (a, b, c, d)
    return BoxRecord(min(xs), min(ys), max(xs), max(ys), label, corners=corners)


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
    return _parse_names(file.name, read_label_text(file).text) if file else {}


def _has_keypoints(label: LabelText) -> bool:
    """Whether the set's description says that points follow the box, which no outline is."""
    return any("kpt_shape" in read_label_text(file).text for file in _set_files(label, _DATA_YAML))


@cache
def _parse_names(file: str, text: str) -> Mapping[int, str]:
    """Names in the text of a file of that name; asked for every label file of a set."""
    if file in _NAME_LISTS:
        lines = (line.strip() for line in text.splitlines())
        return dict(enumerate(line for line in lines if line))
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    numbered = names.items() if isinstance(names, dict) else ()
    return {int(key): str(name) for key, name in numbered if str(key).isdigit()}


def _line(box: BoxRecord, photo: PhotoRecord, names: list[str]) -> str:
    x1, y1, x2, y2 = box.shares_of(photo.width, photo.height)
    numbers = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
    return f"{names.index(box.label)} {' '.join(repr(number) for number in numbers)}\n"
