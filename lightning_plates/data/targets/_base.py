"""The contract of a reader of labels, and which readers exist."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from lightning_plates.discovery import own_subclasses
from lightning_plates.errors import InputError


class TargetReader(ABC):
    """Reads the labels of one kind from a set of photos."""

    kind: ClassVar[str]
    """Name of the kind: that of the file."""

    @abstractmethod
    def read(self, path: Path) -> list[tuple[Path, Any]]:
        """Labelled photos of the set at ``path``, each with its label, in the set's order.

        A label is an array or becomes one by :func:`numpy.asarray`. Photos that show nothing are
        left out.

        Raises:
            InputError: The labels cannot be understood.
        """


def target_reader(kind: str) -> TargetReader:
    """The reader of one kind of label.

    Raises:
        InputError: There is none of that name.
    """
    known = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
    if kind not in known:
        raise InputError(f"no reader of labels of kind {kind!r} (choose from: {', '.join(known)})")
    [cls] = own_subclasses(f"{__package__}.{kind}", TargetReader)
    return cls()
