"""What a report is made of, before it is rendered as Markdown or HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

CODE = re.compile(r"`([^`]+)`")
"""A command or a name in a :class:`Paragraph` or a note, to be copied as it stands."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A title."""

    text: str
    level: int = 2
    """1 for the report's own title, 2 for a part of it."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; whatever looks like markup is shown as it is, except `code`."""

    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    cells: tuple[str, ...]
    published: bool = False
    """A figure of others, set apart from what was measured here."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose columns from the second ``text_columns`` on hold numbers."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    text_columns: int = 1
    """Leading columns that hold text; the others are aligned to the right."""
    notes: tuple[str, ...] = ()
    """Sentences below the table, as in a :class:`Paragraph`."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that lies in the report's folder."""

    file: str
    """Path relative to the report, with ``/``."""
    caption: str


Block: TypeAlias = Heading | Paragraph | Table | Picture


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    title: str
    blocks: Sequence[Block]
