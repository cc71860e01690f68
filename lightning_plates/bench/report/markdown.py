"""Renders a report as Markdown, its pictures beside it."""

from __future__ import annotations

import re

from lightning_plates.bench.report.document import (
    CODE,
    Block,
    Document,
    Heading,
    Paragraph,
    Picture,
    Row,
    Table,
)

_SPECIAL = re.compile(r"([\\`*|<>\[\]])")
"""What Markdown or a table would take for markup; ``_`` inside words is none on GitHub."""


def to_markdown(document: Document) -> str:
    """The whole of ``document``; pictures are named by their relative paths."""
    blocks = [Heading(document.title, level=1), *document.blocks]
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_escape(block.text)}"
    if isinstance(block, Paragraph):
        return _escape_prose(block.text)
    if isinstance(block, Picture):
        caption = _escape(block.caption)
        return f"![{caption}]({block.file})\n\n{caption}"
    return _table(block)


def _table(table: Table) -> str:
    rules = ["---" if index < table.text_columns else "---:" for index in range(len(table.columns))]
    lines = [_line(table.columns), f"|{'|'.join(rules)}|", *map(_row, table.rows)]
    notes = "".join(f"\n\n{_escape_prose(note)}" for note in table.notes)
    return "\n".join(lines) + notes


def _row(row: Row) -> str:
    cells = [_escape(cell) for cell in row.cells]
    if row.published:
        cells = [f"*{cell}*" if cell else "" for cell in cells]
    return f"| {' | '.join(cells)} |"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _escape_prose(text: str) -> str:
    """As :func:`_escape`, but what stands between backticks is code and can be copied."""
    parts = CODE.split(" ".join(text.split()))
    return "".join(
        f"`{part}`" if number % 2 else _SPECIAL.sub(r"\\\1", part)
        for number, part in enumerate(parts)
    )


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
