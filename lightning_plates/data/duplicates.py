"""Files with the same content."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path


def find_duplicates(paths: Iterable[Path]) -> list[tuple[Path, ...]]:
    """Group the files that equal each other byte for byte.

    Only files of equal length are read, so a folder of photos costs little more than listing it.

    Args:
        paths: Files; one that does not exist has no duplicate.

    Returns:
        Groups of two or more, each in the order of ``paths``.
    """
    by_length: dict[int, list[Path]] = defaultdict(list)
    for path in paths:
        if path.is_file():
            by_length[path.stat().st_size].append(path)
    by_content: dict[bytes, list[Path]] = defaultdict(list)
    for same_length in by_length.values():
        if len(same_length) > 1:
            for path in same_length:
                by_content[hashlib.sha256(path.read_bytes()).digest()].append(path)
    return [tuple(group) for group in by_content.values() if len(group) > 1]
