"""A process that runs trials of one target one after the other: ``python -m tests.fuzz.child``."""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import json
import os
import resource
import sys
import tempfile
import warnings
from pathlib import Path

MEMORY = 3_000_000_000
"""Bytes of address space that trials may take beyond what the program has after its start."""
SOUND_TRIALS = 3


def main() -> None:
    """Write one line of JSON before and after each trial to the standard output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", help="module of targets/, or any other by its dotted name")
    parser.add_argument("seeds", type=int, nargs=2)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--stacks", type=Path, required=True)
    args = parser.parse_args()
    report = os.fdopen(os.dup(1), "w", buffering=1)
    stacks = args.stacks.open("w")
    faulthandler.enable(stacks)
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory(prefix="lightning-plates-fuzz-") as folder:
        os.environ["MPLCONFIGDIR"] = f"{folder}/matplotlib"
        from tests.fuzz.trial import Trials, to_fields

        warnings.simplefilter("default")
        is_own = "." not in args.target
        target = importlib.import_module(f"{'tests.fuzz.targets.' if is_own else ''}{args.target}")
        trials = Trials(target, args.target, Path(folder).resolve() / "trials")
        for seed in [*range(-SOUND_TRIALS, 0), *range(*args.seeds)]:
            print(json.dumps({"begins": seed}), file=report)
            faulthandler.dump_traceback_later(args.seconds, exit=True, file=stacks)
            outcome = trials.run(seed) if seed >= 0 else trials.run_sound(-1 - seed)
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps(to_fields(outcome)), file=report)
            if seed == -1:
                _limit_memory()


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
