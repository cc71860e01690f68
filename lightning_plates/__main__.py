"""``lightning-plates COMMAND``, or ``python -m lightning_plates COMMAND``."""

from __future__ import annotations

import sys
from pathlib import Path

from lightning_plates import __version__
from lightning_plates.cli._dispatch import dispatch
from lightning_plates.terminal.console import run_reporting

PROG = "lightning-plates"


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Words of the command line after the program's name; ``None`` takes ``sys.argv``.

    Returns:
        The exit status.
    """
    return run_reporting(_dispatch, sys.argv[1:] if argv is None else argv)


def _dispatch(words: list[str]) -> int:
    if words[:1] == ["--version"]:
        print(f"{PROG} {__version__}")
        return 0
    return dispatch("lightning_plates.cli", Path(__file__).parent / "cli", words, PROG)


if __name__ == "__main__":
    sys.exit(main())
