"""Progress bars on standard error, so that standard output stays clean."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def show_progress(items: Iterable[Item], total: int, title: str) -> Iterator[Item]:
    """Yield ``items`` and count them in a bar, if standard error is a terminal.

    Args:
        items: What is worked through, as it gets done.
        total: How many there will be.
        title: Words before the bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    # Without soft_wrap it would break what is printed meanwhile into lines of the terminal's width.
    console = Console(stderr=True, soft_wrap=True)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        # Not by the console, which takes a pipe for a terminal where FORCE_COLOR is set.
        disable=not sys.stderr.isatty(),
        # Rich would print standard output on the terminal, too, where it goes to a file.
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        yield from progress.track(items, total=total, description=title)
