"""What number of photos and algorithm do to INT8: ``python -m conversion.calibration_study``.

ONNX Runtime's INT8 stands for all: its ranges can be found in every way there is. Everything is
quantised but what computes coordinates, so that the effect is not hidden by layers left in float.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conversion.gate.parity import Parity, measure_parity
from conversion.graph.hub_file import Hub, in_one_file, open_hub
from conversion.int8.calibration import choose_photos
from conversion.int8.qdq import ALGORITHMS, Quantiser
from conversion.matrix.evaluation import Evaluation, EvaluationSet, evaluate, load_labelled
from conversion.matrix.table import describe_command
from conversion.onnxruntime import OnnxRuntimeConverter
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError
from lightning_plates.terminal.console import run_reporting

_HEAD = (
    "| model | algorithm | photos | mean IoU with hub | IoU ≥ 0.5 to label | of the hub |",
    "|---|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one way of calibrating gave."""

    model: str
    algorithm: str
    photos: int
    """Calibrated with."""
    parity: Parity
    score: float | None
    """Share of photos with IoU ≥ 0.5 to a label, 0–1."""
    hub_score: float | None
    """Likewise, of the source."""

    def row(self) -> str:
        """Of the table."""
        score = " | ".join(
            f"{100 * share:.1f} %" for share in (self.score or 0, self.hub_score or 0)
        )
        iou = f"{self.parity.mean_likeness:.4f}"
        return f"| {self.model} | {self.algorithm} | {self.photos} | {iou} | {score} |"


def main(argv: list[str]) -> int:
    """Run the script; see ``--help``."""
    args = _parser().parse_args(argv)
    photos = load_labelled(args.photos, args.photo_count)
    if photos is None:
        raise InputError(f"{args.photos}: no labels in this folder; the study compares with them")
    rows = []
    for hub in [open_hub(model, OnnxRuntimeConverter.max_opset) for model in args.models]:
        for finding in study(hub, photos, args):
            rows.append(finding.row())
            print(rows[-1], flush=True)
    command = describe_command(argv).replace("conversion ", "conversion.calibration_study ", 1)
    note = f"{command}: measured on {len(photos.photos)} labelled photos"
    write_text(args.output, "\n".join([*_HEAD, *rows, "", note, ""]))
    return 0


def study(hub: Hub, photos: EvaluationSet, args: argparse.Namespace) -> Iterator[Finding]:
    """Try every number of photos with every algorithm."""
    expected = evaluate(hub.path, photos, "onnxruntime")
    for count in args.counts:
        calibration, _ = choose_photos(args.calibration, count, args.seed)
        for algorithm in args.algorithms:
            with tempfile.TemporaryDirectory() as name:
                target = Path(name) / "trial.onnx"
                whole = in_one_file(hub, Path(name) / "hub")
                Quantiser(whole, calibration, algorithm, Path(name)).write(target, ())
                got = evaluate(target, photos, "onnxruntime")
            yield _finding(hub, algorithm, len(calibration.files), expected, got)


def _finding(
    hub: Hub, algorithm: str, count: int, expected: Evaluation, got: Evaluation
) -> Finding:
    parity = measure_parity(expected.outputs, got.outputs, hub.spec)
    return Finding(hub.path.stem, algorithm, count, parity, got.score, expected.score)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conversion.calibration_study",
        description="Quantise hub files with several numbers of photos and algorithms, and compare "
        "the answers with the hub's and with labels.",
    )
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="ONNX hub file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the table, Markdown"
    )
    parser.add_argument(
        "--calibration", type=Path, required=True, metavar="SET",
        help="photos or annotated set (its training side) to calibrate with",
    )  # fmt: skip
    parser.add_argument(
        "--photos", type=Path, required=True, metavar="SET", help="annotated set to measure on"
    )
    parser.add_argument("--photo-count", type=int, default=32, metavar="N", help="%(default)s")
    parser.add_argument("--counts", type=int, nargs="+", default=[8, 32, 128], metavar="N")
    parser.add_argument(
        "--algorithms", nargs="+", choices=tuple(ALGORITHMS), default=list(ALGORITHMS)
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sample (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(run_reporting(main, sys.argv[1:]))
