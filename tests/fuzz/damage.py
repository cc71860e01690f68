"""How a target damages its files: by a seed, or not at all, which must then be read soundly."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz import mutations

SPARSE_BYTES = 20_000_000_000
"""Size of a file that takes no room on the disk and fills the memory of who reads it."""


class Damage:
    """Damages content by kind; the same seed gives the same bytes.

    Args:
        rng: Decides what is damaged and how.
    """

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def bytes(self, data: bytes, donor: bytes = b"") -> bytes:
        """Any file."""
        return mutations.damage_bytes(self.rng, data, donor)

    def text(self, data: bytes) -> bytes:
        """CSV and other lines of words."""
        return mutations.encode(self.rng, mutations.damage_text(self.rng, data.decode()))

    def json(self, data: bytes) -> bytes:
        """JSON."""
        return mutations.damage_json(self.rng, data.decode())

    def lines(self, data: bytes) -> bytes:
        """One JSON value a line."""
        lines = data.splitlines()
        chosen = self.rng.randrange(len(lines))
        lines[chosen] = self.json(lines[chosen])
        return self.bytes(data) if self.rng.random() < 0.2 else b"\n".join(lines) + b"\n"

    def yaml(self, data: bytes) -> bytes:
        """YAML."""
        return mutations.damage_yaml(self.rng, data.decode())

    def xml(self, data: bytes) -> bytes:
        """XML."""
        return mutations.damage_xml(self.rng, data.decode())

    def zip(self, data: bytes, member: Callable[[str, bytes], bytes]) -> bytes:
        """An archive; ``member`` damages one content, given its name."""
        return mutations.damage_zip(self.rng, data, member)

    def array(self, data: bytes) -> bytes:
        """An ``.npy`` file."""
        return mutations.damage_array(self.rng, data)

    def tree(self, tree: object) -> object:
        """Parsed JSON, for what is written by other means than as text."""
        return mutations.damage_tree(self.rng, tree)

    def plain(self, tree: object) -> object:
        """Parsed JSON, without literals that only a text can hold."""
        return mutations.without_raw(self.tree(tree))

    def odd_file(self, path: Path) -> bool:
        """Now and then, put in place of ``path`` what is no regular file, or none that can be read.

        Returns:
            Whether it did.
        """
        if self.rng.random() > 0.04:
            return False
        path.unlink(missing_ok=True)
        ways: tuple[Callable[[], object], ...] = (
            lambda: os.mkfifo(path),
            lambda: path.symlink_to("/dev/zero"),
            lambda: path.symlink_to(path.name),
            lambda: path.symlink_to("/proc/self/mem"),
            lambda: path.mkdir(),
            lambda: path.write_bytes(b""),
            lambda: _write_sparse(path),
        )
        self.rng.choice(ways)()
        return True

    def label(self, suffix: str, data: bytes) -> bytes:
        """A text file, by its ending."""
        kinds = {".json": self.json, ".xml": self.xml, ".yaml": self.yaml, ".jsonl": self.lines}
        return kinds.get(suffix, self.text)(data)


class NoDamage(Damage):
    """Leaves everything as it is."""

    def bytes(self, data: bytes, donor: bytes = b"") -> bytes:
        """Unchanged."""
        return data

    text = json = lines = yaml = xml = array = bytes  # type: ignore[assignment]

    def odd_file(self, path: Path) -> bool:
        """Nothing."""
        return False

    def zip(self, data: bytes, member: Callable[[str, bytes], bytes]) -> bytes:
        """Unchanged."""
        return data

    def tree(self, tree: object) -> object:
        """Unchanged."""
        return tree


def _write_sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(SPARSE_BYTES)
