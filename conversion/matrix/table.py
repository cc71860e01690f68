"""A table of conversions as Markdown and CSV, with what it was made by and on."""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning_plates
from conversion.matrix.cell import Cell
from lightning_plates.clock import processor_name
from lightning_plates.tasks import task_named


@dataclass(frozen=True, slots=True)
class HubFacts:
    """What a table says of a source."""

    model: str
    """Name of the file, without its ending."""
    size_bytes: int
    score: float | None
    """Headline of its task, 0–1; ``None`` without labels."""
    task: str = "detection"
    """Name of its task, for the heads of the columns."""


def render_markdown(hubs: Sequence[HubFacts], cells: Sequence[Cell], notes: Sequence[str]) -> str:
    """The table, and below it what it was made by.

    Args:
        hubs: The sources, in the order of the rows.
        cells: What became of each conversion.
        notes: Lines below the table.
    """
    head = _head(hubs)
    rows = [head, ("---",) * len(head), *_rows(hubs, cells)]
    lines = ["| " + " | ".join(_escape(value) for value in row) + " |" for row in rows]
    return "\n".join([*lines, "", *(f"* {note}" for note in notes), ""])


def render_csv(hubs: Sequence[HubFacts], cells: Sequence[Cell]) -> str:
    """The same rows as comma-separated values."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_head(hubs), *_rows(hubs, cells)])
    return text.getvalue()


def describe_makers(cells: Sequence[Cell]) -> list[str]:
    """What converted, and on which machine: lines for below the table; no name of a host."""
    tools = {cell.label: cell.tool for cell in cells if cell.tool}
    converted = "; ".join(f"{label}: {tool}" for label, tool in tools.items()) or "nothing"
    return [
        f"converted by lightning-plates {lightning_plates.__version__}: {converted}",
        f"on {processor_name()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}",
    ]


def describe_command(argv: Sequence[str]) -> str:
    """The command line that made a table; of an absolute path the name alone."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in argv]
    return f"`python -m conversion {' '.join(words)}`"


def describe_cell(cell: Cell) -> str:
    """One line for people who watch."""
    if cell.figures is None:
        return cell.reason
    values = _figures_of(cell, None)
    status = f"; {cell.reason}" if cell.reason else ""
    return f"{values[0]} MB, mean {cell.figures.parity.likeness} with hub {values[2]}{status}"


def _head(hubs: Sequence[HubFacts]) -> tuple[str, ...]:
    """Names of the columns; where models of several tasks share a table, the general ones."""
    tasks = [task_named(name) for name in sorted({hub.task for hub in hubs})]
    alike = {task.likeness for task in tasks}
    metrics = {task.metric for task in tasks}
    likeness = f"mean {alike.pop() if len(alike) == 1 else 'likeness'} with hub"
    score = f"{metrics.pop()} to label" if len(metrics) == 1 else "score"
    return (
        "model", "format", "variant", "MB", "largest difference", likeness, "score difference",
        score, "of the hub", "status",
    )  # fmt: skip


def _rows(hubs: Sequence[HubFacts], cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for hub in hubs:
        size = f"{hub.size_bytes / 1e6:.1f}"
        rows.append((hub.model, "hub", "fp32", size, "", "", "", "", _percent(hub.score), "source"))
        rows += [_row(cell, hub) for cell in cells if cell.model == hub.model]
    return rows


def _row(cell: Cell, hub: HubFacts) -> tuple[str, ...]:
    status = cell.reason or "agrees"
    return (cell.model, cell.label, cell.variant, *_figures_of(cell, hub), status)


def _figures_of(cell: Cell, hub: HubFacts | None) -> tuple[str, ...]:
    if cell.figures is None:
        return ("",) * 6
    parity = cell.figures.parity
    return (
        f"{cell.figures.size_bytes / 1e6:.1f}",
        f"{parity.max_abs_difference:.1e}",
        f"{parity.mean_likeness:.4f}",
        f"{parity.max_score_difference:.3f}",
        _percent(cell.figures.score),
        _percent(hub.score) if hub else "",
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _escape(value: str) -> str:
    return value.replace("|", "\\|")
