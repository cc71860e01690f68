"""What the readers of label files yield, and what becomes of it: entries, problems, labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord
from lightning_plates.errors import one_line

BAD_ENTRY = "entry that cannot be understood"
"""Kind of most problems; see :attr:`Problem.kind`."""
UNREADABLE = "photo that cannot be read"
"""Kind of a photo that is damaged or none."""


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
    """Width and height of the photo as labelled; ``None`` or 0 where the file does not say."""
    normalised: bool = False
    """Whether the coordinates are 0–1 of the photo instead of pixels."""
    source: str = ""
    """See :attr:`PhotoRecord.source`."""
    alias: str = ""
    """Another name of the photo, for formats that state two."""
    entry: str = ""
    """What tells entries of the file for one photo apart: an id, a key, a line. Entries that
    differ in their boxes may be those of two photos. By default the photo's name."""
    side: str = ""
    """See :attr:`PhotoRecord.side`; empty where the label file does not say."""
    remark: str = ""
    """What should be said of the boxes, once a set."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a set."""

    where: str
    """``file:line``, or a path."""
    text: str
    photo: str = ""
    """The photo concerned, as the label file has it or as it lies on disk; empty for none, and
    where a ``read`` cannot know it: then no photo of the set is sure to show no plate."""
    row_only: bool = False
    """Whether only this entry is lost (a duplicate) and the photo's other boxes stand."""
    label: str = ""
    """Class of the box concerned, as the annotator gave it; empty if it is not known."""
    alias: str = ""
    """As :attr:`LabelRow.alias`."""
    kind: str = BAD_ENTRY
    """What totals count it as."""

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
    """The photos without problems; boxes and sizes are those of the upright photos."""
    problems: tuple[Problem, ...]
    """Everything else, in the order of the file."""
    named: tuple[NamedPhoto, ...]
    """All photos that were found, also those with problems."""
    unlabelled: tuple[str, ...]
    """Photos below the root that no entry names."""
    classes: Mapping[str, int]
    """How many boxes of each class the files hold, those that were left out included."""
    notes: tuple[str, ...] = ()
    """What was decided for the whole set or looks odd in it, one line each."""
    division: str = ""
    """How the set comes divided, for people; empty where it does not."""
    clipped: int = 0
    """Boxes of these photos that were cut at the photo's edge by more than a rounding."""
    turned: int = 0
    """Photos whose boxes were turned with them by their EXIF rotation."""
