"""``python -m runtimes``: which runtimes there are, what they open, and what to install."""

from __future__ import annotations

import sys

from lightning_plates.optional import install_command, is_installed
from runtimes._base import Runtime
from runtimes._discovery import list_runtimes


def main() -> int:
    """List every runtime of this folder; nothing heavy is imported."""
    for name, cls in list_runtimes().items():
        print(f"{name:<13}{cls.label}, opens {' '.join(cls.suffixes)}: {_state(cls)}")
    return 0


def _state(cls: type[Runtime]) -> str:
    if is_installed(cls.module):
        return "installed"
    return f"not installed, {install_command(cls.extra)}"


if __name__ == "__main__":
    sys.exit(main())
