"""Keeps what tools print — progress bars, advice, logs — out of our own output."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator

_LOG = logging.getLogger("conversion")


def show_tool_output() -> None:
    """Let tools print again: ``-v`` of a converter's script."""
    _LOG.setLevel(logging.INFO)


def wants_tool_output() -> bool:
    """Whether tools may print and log."""
    return _LOG.isEnabledFor(logging.INFO)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Drop what Python code prints inside; where it is wanted, it goes to standard error.

    A tool's failure is an exception, so that nothing is lost that the user must know.
    """
    target = sys.stderr if wants_tool_output() else io.StringIO()
    with contextlib.redirect_stdout(target), contextlib.redirect_stderr(target):
        yield
