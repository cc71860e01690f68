"""The one photo, or the one box, of a small labelled set."""

from __future__ import annotations

from pathlib import Path

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import BoxRecord, PhotoRecord


def only_photo(path: Path) -> PhotoRecord:
    """The photo, in its own pixels."""
    (photo,) = read_labels(path).annotations.photos
    return photo


def only_box(path: Path) -> BoxRecord:
    """Likewise its only box."""
    (box,) = only_photo(path).boxes
    return box
