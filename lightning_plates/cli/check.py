"""Check on this machine that a converted model answers as its source did; if not, say why.

Examples:
    lightning-plates check out/model.int8.onnx
    lightning-plates check out/

Page: docs/conversion.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from conversion.gate.manifest import changed_files, manifest_file
from lightning_plates.bench.contract_check import Verdict, check_contract
from lightning_plates.cli._arguments import add_runtime_options, worker_count
from lightning_plates.cli._parser import CommandParser
from lightning_plates.errors import InputError, MissingDependencyError, PlatesError
from lightning_plates.golden import SUFFIX, Golden, golden_file, load_golden
from lightning_plates.tasks import task_of
from lightning_plates.terminal.console import report_failure
from runtimes import Runtime, open_model

DISAGREES = 1
"""Exit status when the answers differ."""


def main(argv: list[str]) -> int:
    """Run ``check``; see ``--help``."""
    args = _parser().parse_args(argv)
    return max(_report(model, args) for model in _models(args))


def _models(args: argparse.Namespace) -> Sequence[Path]:
    """The model, or those of a folder that have golden answers; some formats are folders."""
    path: Path = args.artefact
    if not path.is_dir() or args.golden is not None or golden_file(path).exists():
        return [path]
    found = sorted(path.glob(f"*{SUFFIX}"))
    if not found:
        raise InputError(f"{path}: no model in this folder has golden answers beside it")
    return [file.with_name(file.name.removesuffix(SUFFIX)) for file in found]


def _report(artefact: Path, args: argparse.Namespace) -> int:
    """Check one model; one that cannot be opened here does not keep the others from it."""
    try:
        return _check(artefact, args)
    except MissingDependencyError as error:  # the only one that names no file
        return report_failure(f"{artefact.name}: {error}", error.exit_code)
    except PlatesError as error:
        return report_failure(str(error), error.exit_code)


def _check(artefact: Path, args: argparse.Namespace) -> int:
    changed = changed_files(artefact)
    if changed:
        print(
            f"warning: {', '.join(changed)}: not what was converted; "
            f"{manifest_file(artefact).name} states another SHA-256",
            file=sys.stderr,
        )
    with open_model(artefact, args.runtime, args.device, args.threads) as model:
        golden = load_golden(args.golden or golden_file(artefact))
        verdict = check_contract(model, golden)
        print(describe(model, golden, verdict))
    return 0 if verdict.agrees else DISAGREES


def describe(model: Runtime, golden: Golden, verdict: Verdict) -> str:
    """The verdict in one line."""
    found, made = verdict.agreement, golden.agreement
    figures = (
        f"{model.label} on {found.photos} golden photos: mean {task_of(model.spec).likeness} with "
        f"the source {found.mean_likeness:.3f} (when it was made {made.mean_likeness:.3f})"
    )
    if found.max_score_difference or made.max_score_difference:
        figures += (
            f", largest score difference {found.max_score_difference:.3f} "
            f"({made.max_score_difference:.3f})"
        )
    if verdict.agrees:
        return f"{model.model.name}: agrees; {figures}"
    return f"{model.model.name}: answers differently; {figures}. {_explain(golden, verdict)}"


def _explain(golden: Golden, verdict: Verdict) -> str:
    cause = verdict.cause
    if cause is not None:
        return (
            f"The {cause.item} explains it: the answers agree with {cause.instead}. "
            "Correct the model's spec, or convert it again"
        )
    if verdict.precision:
        return (
            f"The precision explains it: the answers are alike, and this machine's "
            f"{golden.precision} arithmetic is coarser. Try another device, runtime or precision"
        )
    return (
        "No single item of the contract explains it (colour order, layout, scaling, resize mode, "
        "decoding and precision were tried): the weights differ, or several items are wrong"
    )


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("check", __doc__)
    parser.add_argument("artefact", type=Path, help="converted model, or a folder of them")
    parser.add_argument("--golden", type=Path, help="golden answers (default: beside the model)")
    add_runtime_options(parser)
    parser.add_argument("--threads", type=worker_count, metavar="N", help="of the runtime")
    return parser
