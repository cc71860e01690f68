"""``python -m conversion.tvm``; see :mod:`conversion.tvm.converter`."""

import sys

from conversion._script import run_converter
from lightning_plates.terminal.console import run_reporting

if __name__ == "__main__":
    sys.exit(run_reporting(lambda argv: run_converter("tvm", argv), sys.argv[1:]))
