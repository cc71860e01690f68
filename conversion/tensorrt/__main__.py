"""``python -m conversion.tensorrt``; see :mod:`conversion.tensorrt.converter`."""

import sys

from conversion._script import run_converter
from lightning_plates.terminal.console import run_reporting

if __name__ == "__main__":
    sys.exit(run_reporting(lambda argv: run_converter("tensorrt", argv), sys.argv[1:]))
