"""Labelled photos as a command line names them: a set, and perhaps only some of its files."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.errors import InputError


def choose_photos(path: Path, only: str | None) -> AnnotationSet:
    """Photos of the set at ``path`` whose name begins with the expression ``only``.

    Raises:
        InputError: There are none, or the set or the expression cannot be read.
    """
    annotations = read_annotations(path)
    if only is None:
        return annotations
    try:
        chosen = re.compile(only)
    except re.error as error:
        raise InputError(f"--only {only!r}: not a regular expression ({error})") from error
    photos = tuple(photo for photo in annotations.photos if chosen.match(photo.file))
    if not photos:
        raise InputError(f"{path}: no photo's name begins with {only!r}")
    return dataclasses.replace(annotations, photos=photos)
