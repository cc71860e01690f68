"""Damage every kind of file that the product reads, and see that it answers with one line.

A trial fails that raises, hangs, ends its process, prints a traceback or control characters, takes
gigabytes, leaves drafts, starts a program, opens a connection, or writes outside of its output.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from tests.fuzz.runner import Part, divide, list_targets, run_parts, weights


def main() -> int:
    """Run trials and report those that fail; the exit status is 1 if there are any."""
    args = _parser().parse_args()
    chosen = {name: share for name, share in weights().items() if name in args.target}
    parts = [Part(n, args.seed, args.seed + 1) for n in chosen] if args.seed is not None else (
        divide(args.count, chosen, args.first)
    )  # fmt: skip
    began = time.perf_counter()
    failed: dict[str, list[dict[str, Any]]] = defaultdict(list)
    counts: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for name, outcome in run_parts(parts, args.jobs):
        counts[name] += outcome["seed"] >= 0
        statuses[str(outcome["status"])] += outcome["seed"] >= 0
        if outcome["faults"]:
            failed[name].append(outcome)
            _show(name, outcome)
        elif args.seed is not None and outcome["seed"] >= 0:
            print(f"{name} {outcome['seed']}: {outcome['status']}\n{outcome['said']}", end="")
    _summarise(counts, statuses, failed, time.perf_counter() - began)
    if args.report is not None:
        args.report.write_text(json.dumps(failed, indent=1), encoding="utf-8")
    missing = sum(part.last - part.first for part in parts) - sum(counts.values())
    if missing:
        print(f"{missing} trials did not run")
    return 1 if failed or missing else 0


def _show(name: str, outcome: dict[str, Any]) -> None:
    seed = outcome["seed"]
    again = f"python -m tests.fuzz --target {name} --seed {max(seed, 0)}"
    for fault in outcome["faults"]:
        print(
            f"FAULT {name} {seed if seed >= 0 else 'sound'}: {fault}\n      again: {again}",
            flush=True,
        )
    if outcome["words"]:
        print(f"      command: {' '.join(outcome['words'])[:300]!r}", flush=True)


def _summarise(
    counts: Counter[str],
    statuses: Counter[str],
    failed: dict[str, list[dict[str, Any]]],
    seconds: float,
) -> None:
    for name, count in sorted(counts.items()):
        print(f"{name:<14}{count:>6} trials{len(failed.get(name, [])):>6} failed")
    shown = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    print(f"{sum(counts.values())} trials in {seconds:.0f} s; exit statuses {shown}")
    print(f"{sum(map(len, failed.values()))} failed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    add = parser.add_argument
    add("--target", nargs="+", choices=list_targets(), default=list_targets(), metavar="NAME",
        help=f"borders (all: {' '.join(list_targets())})")  # fmt: skip
    add("--count", type=int, default=2000, help="trials, shared out by weight (%(default)s)")
    add("--first", type=int, default=0, metavar="SEED", help="begin with this seed (%(default)s)")
    add("--seed", type=int, help="this one alone, and show what it says")
    add("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes (%(default)s)")
    add("--report", type=Path, metavar="FILE", help="also write the failures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
