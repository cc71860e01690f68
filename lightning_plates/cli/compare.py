"""Compare training runs with each other and with the thesis' figures: tables, charts, pictures.

Examples:
    lightning-plates compare runs/first runs/second -o runs/report

Page: docs/leakage.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_plates.cli._parser import CommandParser


def main(argv: list[str]) -> int:
    """Run ``compare``; see ``--help``."""
    options = _parser().parse_args(argv)
    from lightning_plates.bench.report.compare import write_comparison
    from lightning_plates.bench.report.run_folder import read_runs

    runs = read_runs(options.runs)
    for file in write_comparison(runs, options.output, options.title):
        print(file)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("compare", __doc__)
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="folder of a training run"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the report"
    )
    parser.add_argument(
        "--title", default="Comparison of training runs", help="heading (%(default)s)"
    )
    return parser
