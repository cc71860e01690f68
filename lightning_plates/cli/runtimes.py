"""List the runtimes: what can run models here, and what to install for the others."""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Run ``runtimes``; see ``--help``."""
    from runtimes.__main__ import main as list_them

    return list_them(argv)
