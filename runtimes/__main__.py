"""List the runtimes: the files they open, and how to install those that are missing."""

from __future__ import annotations

import argparse
import sys

from lightning_plates.optional import install_command, is_installed
from lightning_plates.terminal.console import run_reporting
from runtimes._base import Runtime
from runtimes._discovery import list_runtimes


def main(argv: list[str]) -> int:
    """List every runtime of this folder; nothing heavy is imported."""
    parser = argparse.ArgumentParser(prog="lightning-plates runtimes", description=__doc__)
    parser.parse_args(argv)
    for name, cls in list_runtimes().items():
        print(f"{name:<13}{cls.label}, opens {' '.join(cls.suffixes)}: {_state(cls)}")
    return 0


def _state(cls: type[Runtime]) -> str:
    if is_installed(cls.module):
        return "installed"
    return f"not installed, {install_command(cls.extra)}"


if __name__ == "__main__":
    sys.exit(run_reporting(main, sys.argv[1:]))
