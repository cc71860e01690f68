"""Renders a report as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

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

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; text-wrap: balance; }
h2 { margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #8884; }
th { vertical-align: bottom; }
.text { text-align: left; }
tr.published { font-style: italic; opacity: .75; }
.note { font-size: .9rem; max-width: 48rem; }
figure { margin: 1.5rem 0; }
figure img { max-width: 100%; height: auto; background: white; }
figcaption { font-size: .9rem; }
"""

_MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}


def to_html(document: Document, folder: Path) -> str:
    """The whole of ``document`` with its pictures inside.

    Args:
        document: The report.
        folder: Where the paths of its pictures begin; they are PNG or JPEG files.

    Raises:
        OSError: A picture cannot be read.
    """
    body = "\n".join(_block(block, folder) for block in document.blocks)
    title = escape(document.title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def _block(block: Block, folder: Path) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        return f"<p>{_prose(block.text)}</p>"
    if isinstance(block, Picture):
        return _figure(block, folder)
    return _table(block)


def _prose(text: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(text))


def _figure(picture: Picture, folder: Path) -> str:
    file = folder / picture.file
    data = base64.b64encode(file.read_bytes()).decode("ascii")
    caption = escape(picture.caption)
    source = f"data:{_MEDIA_TYPES[file.suffix]};base64,{data}"
    return (
        f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )


def _table(table: Table) -> str:
    head = _cells(table.columns, "th", table.text_columns)
    rows = "\n".join(_row(row, table.text_columns) for row in table.rows)
    notes = "".join(f'\n<p class="note">{_prose(note)}</p>' for note in table.notes)
    return (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>{notes}"
    )


def _row(row: Row, text_columns: int) -> str:
    kind = ' class="published"' if row.published else ""
    return f"<tr{kind}>{_cells(row.cells, 'td', text_columns)}</tr>"


def _cells(cells: tuple[str, ...], tag: str, text_columns: int) -> str:
    marks = [' class="text"' if index < text_columns else "" for index in range(len(cells))]
    return "".join(
        f"<{tag}{mark}>{escape(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True)
    )
