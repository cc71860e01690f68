"""Finds everything that is wrong with a photo set in one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.data.annotations.rows import Labels, NamedPhoto, Problem
from lightning_plates.data.duplicates import find_duplicates
from lightning_plates.data.workers import map_on_cores
from lightning_plates.errors import PlatesError
from lightning_plates.photos import load_photo, read_header


@dataclass(frozen=True, slots=True)
class _Task:
    path: Path
    photo: NamedPhoto


def inspect_photos(labels: Labels, workers: int | None = None) -> Iterator[Problem | None]:
    """Decode every photo that a label names, on all cores.

    Args:
        labels: The set.
        workers: Processes; by default one a core.

    Yields:
        One a photo, in the order of ``labels.named``: what is wrong with it, or ``None``.
    """
    root = labels.annotations.root
    tasks = [_Task(root / photo.file, photo) for photo in labels.named]
    return map_on_cores(_inspect, tasks, workers)


def find_duplicate_photos(labels: Labels) -> list[Problem]:
    """Photos that equal an earlier one byte for byte."""
    places = {labels.annotations.root / photo.file: photo for photo in labels.named}
    return [
        Problem(places[path].where, f"{places[path].file}: same content as {places[group[0]].file}")
        for group in find_duplicates(places)
        for path in group[1:]
    ]


def _inspect(task: _Task) -> Problem | None:
    file, where = task.photo.file, task.photo.where
    try:
        header = read_header(task.path)
        load_photo(task.path)
    except PlatesError as error:
        return Problem(where, f"{file}: {str(error).removeprefix(f'{task.path}: ')}", file)
    if task.photo.size is None or task.photo.size == header.upright_size:
        return None
    labelled = " x ".join(map(str, task.photo.size))
    actual = " x ".join(map(str, header.upright_size))
    if task.photo.size == (header.width, header.height):
        actual += " once its EXIF rotation is applied (`data import` turns the boxes)"
    return Problem(where, f"{file}: labelled as {labelled}, but is {actual}", file)
