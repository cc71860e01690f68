"""Labelled photos as a command line names them: a set, and perhaps only some of its files."""

from __future__ import annotations

import argparse
import dataclasses
import re
from pathlib import Path

from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.annotations.sides import SIDES
from lightning_plates.data.labelled_photos import divide_set
from lightning_plates.data.split import OWN, SPLIT_FILE, split_file_of
from lightning_plates.errors import InputError


def choose_photos(path: Path, only: str | None, side: str | None = None) -> AnnotationSet:
    """Photos of the set at ``path`` whose name begins with the expression ``only``.

    Args:
        path: A label file, or a folder with one.
        only: The expression; ``None`` takes all names.
        side: ``train``, ``val`` or ``test`` of the set's ``split.csv``; ``None`` takes all.

    Raises:
        InputError: There are none, the set or the expression cannot be read, or the set is not
            divided.
    """
    annotations = read_annotations(path) if side is None else _read_side(path, side)
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


def add_side_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--side``."""
    parser.add_argument(
        "--side", choices=SIDES, help="only this side of the set's split.csv (default: all photos)"
    )


def _read_side(path: Path, side: str) -> AnnotationSet:
    """A split that is made now might be another one than a network was trained with."""
    written = split_file_of(path)
    divided = divide_set(path, OWN)
    if divided.division.protocol == "none":
        raise InputError(
            f"{written.parent}: no {SPLIT_FILE}, so nothing says which photos are {side} photos; "
            f"before training: python -m lightning_plates data split {written.parent}"
        )
    photos = divided.sides[side]
    if not photos.photos:
        raise InputError(f"{written.parent}: its split leaves no {side} photos")
    return photos
