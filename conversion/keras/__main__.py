"""``python -m conversion.keras``; see :mod:`conversion.keras.importer`."""

import sys

from conversion.keras.importer import main
from lightning_plates.terminal.console import run_reporting

if __name__ == "__main__":
    sys.exit(run_reporting(main, sys.argv[1:]))
