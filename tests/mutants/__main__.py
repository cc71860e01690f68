"""Break one line at a time in a copy of the project, and see that its tests notice.

A break that no test notices, and a line that is not found any more, are reported; the exit status
is 1 if there are any.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.table import MUTANTS, Mutant
from tests.mutants.trial import copy_project, is_found, run_tests, try_mutant


def main() -> int:
    """Try the breaks; see ``--help``."""
    args = _parser().parse_args()
    chosen = [one for one in MUTANTS if args.only in f"{one.file} {one.line}"]
    lost = [f"{one.file}: not found once: {one.line!r}" for one in chosen if not is_found(one)]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="lightning-plates-mutants-") as folder:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(args.jobs):
            copies.put(copy_project(Path(folder) / str(number)))
        survived = _sound_tests_fail(copies, chosen)
        with ThreadPoolExecutor(args.jobs) as pool:
            tried = [one for one in chosen if is_found(one)] if not survived else []
            survived += filter(None, pool.map(lambda one: _try(one, copies), tried))
    for problem in (*lost, *survived):
        print(problem)
    print(
        f"{len(chosen)} breaks in {time.perf_counter() - began:.0f} s: "
        f"{len(survived)} not noticed, {len(lost)} lines not found"
    )
    return 1 if survived or lost else 0


def _sound_tests_fail(copies: queue.SimpleQueue[Path], chosen: Iterable[Mutant]) -> list[str]:
    """Without a break all tests must pass, or their failure proves nothing."""
    copy = copies.get()
    tests = sorted({test for mutant in chosen for test in mutant.tests.split()})
    status = run_tests(copy, tests)
    copies.put(copy)
    return [] if status == 0 else [f"without a break pytest ends with status {status}: {tests}"]


def _try(mutant: Mutant, copies: queue.SimpleQueue[Path]) -> str:
    copy = copies.get()
    try:
        return try_mutant(mutant, copy)
    finally:
        copies.put(copy)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    add = parser.add_argument
    add("--only", default="", metavar="TEXT", help="breaks whose file or line holds this text")
    add("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
