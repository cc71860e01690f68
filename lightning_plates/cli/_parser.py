"""The parser of every command: help from the module's docstring, errors of one line."""

from __future__ import annotations

import argparse
import inspect
import re
import textwrap
from dataclasses import dataclass

from lightning_plates.cli._localised import LocalisedParser
from lightning_plates.languages import translated

WIDTH = 96
"""Columns that help texts are wrapped to."""
_SECTION = re.compile(r"^(Examples|Page):[ \t]*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CommandDoc:
    """What a command's docstring says."""

    description: str
    """What the command does."""
    examples: str
    """Command lines, one a line; empty where there are none."""
    page: str
    """The page of the documentation, e.g. ``docs/reading.md``."""


def parse_docstring(docstring: str | None) -> CommandDoc:
    """Split a module's docstring into description, ``Examples:`` and ``Page:``."""
    text = inspect.cleandoc(docstring or "")
    head, *rest = _SECTION.split(text)
    sections = dict(zip(rest[::3], zip(rest[1::3], rest[2::3], strict=True), strict=True))
    examples = textwrap.dedent(sections.get("Examples", ("", ""))[1]).strip("\n")
    page = sections.get("Page", ("", ""))[0].strip()
    return CommandDoc(head.strip(), examples, page)


class CommandParser(LocalisedParser):
    """Parses the words after a command's name.

    Args:
        command: The command, e.g. ``"data split"``.
        docstring: Docstring of its module; see :func:`parse_docstring`.
        more: A further paragraph, of what is known only when the program runs.
    """

    def __init__(self, command: str, docstring: str | None, *, more: str = "") -> None:
        self._doc = parse_docstring(docstring)
        super().__init__(
            prog=f"lightning-plates {command}",
            description=_wrap(f"{self._doc.description}\n\n{more}".strip()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def format_help(self) -> str:
        """The help text, with examples and page below the options."""
        parts = []
        if self._doc.examples:
            head = translated("examples:")
            parts.append(f"{head}\n{textwrap.indent(self._doc.examples, '  ')}")
        if self._doc.page:
            parts.append(translated(f"more: {self._doc.page}"))
        self.epilog = "\n\n".join(parts) or None
        return super().format_help()


def _wrap(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(textwrap.fill(" ".join(one.split()), WIDTH) for one in paragraphs)
