"""The option of how often a finder looks, apart from others: it needs what finds plates."""

from __future__ import annotations

import argparse

from lightning_plates.cli._arguments import positive_int
from lightning_plates.finding.refine import DEFAULT_LOOKS


def add_look_option(parser: argparse._ActionsContainer) -> None:
    """Declare ``--look``, for :func:`~lightning_plates.finding.refine.locate`."""
    parser.add_argument(
        "--look",
        type=positive_int,
        default=DEFAULT_LOOKS,
        metavar="N",
        help="look at every plate up to N times, until a look confirms the box (%(default)s)",
    )
