"""Files with the same content."""

from __future__ import annotations

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from lightning_plates.files import photo_limit, read_bytes


def find_duplicates(paths: Iterable[Path]) -> list[tuple[Path, ...]]:
    """Group the files that equal each other byte for byte.

    Only files of equal length are read, so a folder of photos costs little more than listing it.

    Args:
        paths: Files; one that does not exist or cannot be read has no duplicate.

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
                with contextlib.suppress(OSError):  # whoever decodes it says so
                    by_content[hashlib.sha256(read_bytes(path, photo_limit())).digest()].append(
                        path
                    )
    return [tuple(group) for group in by_content.values() if len(group) > 1]
