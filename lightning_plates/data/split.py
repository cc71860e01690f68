"""Reproducible splits into train, val and test, grouped by source photo and kept on disk.

``split.csv`` begins with one comment line, ``# {"protocol": …, "seed": …}``, so whoever reports a
number can say how its photos were chosen; then follow the columns ``file,source,split``.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import TypeAlias, cast

from lightning_plates.data.annotations.label_text import LabelText, read_csv, read_label_text
from lightning_plates.data.annotations.record import AnnotationSet, PhotoRecord
from lightning_plates.data.annotations.sides import SIDES
from lightning_plates.data.duplicates import find_duplicates
from lightning_plates.drafts import write_text
from lightning_plates.errors import AnnotationError, InputError

OWN = "own"
"""Protocol of a set that came divided: by its folders, its lists or its labels."""
SPLIT_FILE = "split.csv"
Fractions: TypeAlias = tuple[float, float, float]
"""Shares of the photos in train, val and test; they sum to 1."""

PROTOCOLS: Mapping[str, Fractions] = {
    # All copies of a source photo on one side.
    "grouped": (0.8, 0.1, 0.1),
    # The thesis drew 10 % of its augmented copies at random, whatever photo they came from.
    "thesis": (0.9, 0.1, 0.0),
}
"""Protocols by name with their usual fractions."""


@dataclass(frozen=True, slots=True)
class SplitEntry:
    """Where one photo went."""

    file: str
    """As :attr:`PhotoRecord.file`."""
    source: str
    """The group that the photo belongs to."""
    side: str
    """``train``, ``val`` or ``test``."""


@dataclass(frozen=True, slots=True)
class Split:
    """A finished split that knows how it was made."""

    protocol: str
    """``grouped`` or ``thesis``; ``own`` where the set came so."""
    seed: int
    fractions: Fractions
    """What was asked for; groups are not cut, so the counts may differ."""
    group_by: str
    """Regular expression that made the groups; empty where the source photo did."""
    entries: tuple[SplitEntry, ...]
    """One a photo, in the order of the set."""

    def files(self, side: str) -> tuple[str, ...]:
        """Files on ``side``."""
        return tuple(entry.file for entry in self.entries if entry.side == side)

    def select(self, annotations: AnnotationSet, side: str) -> AnnotationSet:
        """Photos of ``annotations`` that are on ``side``.

        Raises:
            InputError: A photo is on no side: the split was made for another set.
        """
        sides = {entry.file: entry.side for entry in self.entries}
        unknown = [photo.file for photo in annotations.photos if photo.file not in sides]
        if unknown:
            raise InputError(
                f"{unknown[0]} (and {len(unknown) - 1} more) is not in the split; "
                f"make it again: python -m lightning_plates data split {annotations.root}"
            )
        chosen = tuple(photo for photo in annotations.photos if sides[photo.file] == side)
        return replace(annotations, photos=chosen)

    @property
    def shared_sources(self) -> tuple[str, ...]:
        """Sources with photos on more than one side: what leaks from training to evaluation."""
        sides: dict[str, set[str]] = defaultdict(set)
        for entry in self.entries:
            sides[entry.source].add(entry.side)
        return tuple(sorted(source for source, seen in sides.items() if len(seen) > 1))

    def describe(self) -> str:
        """One line for reports: protocol, seed, counts and whether sources are shared."""
        counts = Counter(entry.side for entry in self.entries)
        shown = ", ".join(f"{side} {counts[side]}" for side in SIDES if counts[side])
        by = f" by {self.group_by!r}" if self.group_by else ""
        sources = len({entry.source for entry in self.entries})
        leak = f"{len(self.shared_sources)} of {sources} sources on more than one side"
        drawn = "as the set came" if self.protocol == OWN else f"seed {self.seed}"
        return f"split {self.protocol}{by}, {drawn}: {shown}; {leak}"


def make_split(
    annotations: AnnotationSet,
    protocol: str = "grouped",
    fractions: Fractions | None = None,
    seed: int = 0,
    group_by: str = "",
) -> Split:
    """Divide the photos of a set.

    Args:
        annotations: The set. Photos of equal content count as copies of one source.
        protocol: ``grouped`` keeps all copies of a source on one side; ``thesis`` draws the copies
            at random regardless of it, as the thesis did, so that its figures can be reproduced.
        fractions: Shares of train, val and test; by default those of :data:`PROTOCOLS`.
        seed: The same seed, set and options give the same split on any machine.
        group_by: Regular expression searched in each photo's group (its source, or its file's
            stem); what it matches — its first group, if it has one — is the group instead. So
            ``^(.*)_t_`` keeps the frames of one drive together.

    Raises:
        InputError: Unknown protocol, fractions that do not sum to 1, an expression that does not
            match, or fewer groups than sides.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"unknown split protocol {protocol!r} (known: {', '.join(PROTOCOLS)})")
    shares = fractions or PROTOCOLS[protocol]
    _check_fractions(shares)
    groups = _groups(annotations, group_by)
    units = {file: file for file in groups} if protocol == "thesis" else groups
    sides = _assign(Counter(units.values()), shares, seed)
    entries = tuple(SplitEntry(file, groups[file], sides[units[file]]) for file in groups)
    return Split(protocol, seed, shares, group_by, entries)


def own_split(annotations: AnnotationSet) -> Split | None:
    """The division that a set comes with, or ``None``; nothing is drawn."""
    photos = annotations.photos
    entries = tuple(SplitEntry(photo.file, photo.group, photo.side) for photo in photos)
    counts = Counter(entry.side for entry in entries)
    if not entries or counts[""]:
        return None
    train, val, test = (counts[side] / len(entries) for side in SIDES)
    return Split(OWN, 0, (train, val, test), "", entries)


def carry_over(split: Split, records: Mapping[str, PhotoRecord]) -> Split | None:
    """The same split for copies of its photos; ``None`` where it lacks one of them.

    Args:
        split: Of the original set.
        records: The copies by the originals' files.
    """
    sides = {entry.file: entry.side for entry in split.entries}
    if not records.keys() <= sides.keys():
        return None
    entries = (SplitEntry(new.file, new.group, sides[old]) for old, new in records.items())
    return replace(split, entries=tuple(entries))


def write_split(split: Split, target: Path) -> None:
    """Put the split in place at ``target``, a file, or a folder that gets ``split.csv``.

    Raises:
        OSError: The target cannot be written; an earlier file there stays as it was.
    """
    head = {
        "protocol": split.protocol,
        "seed": split.seed,
        "fractions": split.fractions,
        "group_by": split.group_by,
    }
    stream = StringIO()
    stream.write(f"# {json.dumps(head)}\n")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("file", "source", "split"))
    writer.writerows((entry.file, entry.source, entry.side) for entry in split.entries)
    write_text(target / SPLIT_FILE if target.is_dir() else target, stream.getvalue())


def split_file_of(path: Path) -> Path:
    """Where the split of a set lies: beside its labels, given as a file or as their folder."""
    return (path if path.is_dir() else path.parent) / SPLIT_FILE


def read_split(path: Path) -> Split:
    """Read what :func:`write_split` wrote, from the file or the folder that holds it.

    Raises:
        AnnotationError: The file is missing or is not such a file; the line is named.
    """
    file = path / SPLIT_FILE if path.is_dir() else path
    label = read_label_text(file)
    first_line, _, table = label.text.partition("\n")
    head = _read_head(label, first_line)
    rows = list(read_csv(LabelText(file, table), ("file", "source", "split")))
    for line, row in rows:
        if row["split"] not in SIDES:
            raise AnnotationError(f"{label.at(line + 1)}: no side of a split: {row['split']!r}")
    entries = tuple(SplitEntry(row["file"], row["source"], row["split"]) for _, row in rows)
    return replace(head, entries=entries)


def _check_fractions(fractions: Sequence[float]) -> None:
    if len(fractions) != len(SIDES) or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        shown = ", ".join(f"{share:g}" for share in fractions)
        raise InputError(f"fractions must be three numbers that sum to 1, got {shown}")


def _groups(annotations: AnnotationSet, group_by: str) -> dict[str, str]:
    """The group of each file; groups that share a photo of equal content become one."""
    pattern = _compile(group_by)
    groups = {photo.file: _group(photo, pattern) for photo in annotations.photos}
    if not groups:
        raise InputError(f"{annotations.root}: no photos to split")
    files = {annotations.path_of(photo): photo.file for photo in annotations.photos}
    for duplicates in find_duplicates(files):
        names = {groups[files[path]] for path in duplicates}
        if len(names) > 1:
            first = min(names)
            groups = {file: first if name in names else name for file, name in groups.items()}
    return groups


def _compile(group_by: str) -> re.Pattern[str]:
    try:
        return re.compile(group_by)
    except re.error as error:
        raise InputError(f"group-by {group_by!r}: {error}") from error


def _group(photo: PhotoRecord, pattern: re.Pattern[str]) -> str:
    if not pattern.pattern:
        return photo.group
    match = pattern.search(photo.group)
    if match is None:
        raise InputError(f"group-by {pattern.pattern!r} does not match {photo.group!r}")
    return match.group(1) if pattern.groups else match.group()


def _assign(sizes: Mapping[str, int], fractions: Fractions, seed: int) -> dict[str, str]:
    """Give each group to the side that lacks most photos, the largest groups first."""
    wanted = [side for side, share in zip(SIDES, fractions, strict=True) if share > 0]
    if len(sizes) < len(wanted):
        raise InputError(
            f"{len(sizes)} source photos cannot fill {', '.join(wanted)}: add photos, "
            "or give a fraction of 0 to a side"
        )
    order = sorted(sizes)
    random.Random(seed).shuffle(order)
    order.sort(key=lambda name: -sizes[name])
    total = sum(sizes.values())
    lacking = {side: fractions[SIDES.index(side)] * total for side in wanted}
    sides: dict[str, str] = {}
    for position, name in enumerate(order):
        empty = [side for side in wanted if side not in sides.values()]
        # The last groups go to sides that would otherwise stay empty.
        open_sides = empty if len(order) - position <= len(empty) else wanted
        side = max(open_sides, key=lambda candidate: lacking[candidate])
        sides[name] = side
        lacking[side] -= sizes[name]
    return sides


def _read_head(label: LabelText, line: str) -> Split:
    try:
        head = json.loads(line.removeprefix("#"))
        shares = tuple(float(share) for share in head["fractions"])
        _check_fractions(shares)
        return Split(
            str(head["protocol"]),
            int(head["seed"]),
            cast("Fractions", shares),
            str(head["group_by"]),
            (),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise AnnotationError(
            f"{label.at(1)}: not a split file (its first line says protocol and seed); "
            "make one: python -m lightning_plates data split FOLDER"
        ) from error
