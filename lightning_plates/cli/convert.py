"""Convert an ONNX hub file to another format, or to all of them; keep what agrees with it."""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Run ``convert``; see ``--help``."""
    from conversion.__main__ import main as convert

    return convert(argv)
