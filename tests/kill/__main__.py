"""Kill synthesise, augment, fit, convert and read at random moments, and compare what resumes.

Nothing may be lost, doubled, half-written or left behind, and the result must be that of an
undisturbed run.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.kill.kills import Kill, Reference, kill_once, run_undisturbed
from tests.kill.scenarios import SCENARIOS


def main() -> int:
    """Kill, and report what went wrong; the exit status is 1 if anything did."""
    args = _parser().parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' tiny models and photos
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="lightning-plates-kill-") as folder:
        kills = _run(args, Path(folder))
    failed = [kill for kill in kills if kill.faults]
    running = sum(kill.was_running for kill in kills)
    counts = Counter(kill.scenario for kill in kills)
    shown = ", ".join(f"{name} {count}" for name, count in counts.items())
    seconds = time.perf_counter() - began
    print(f"{len(kills)} kills ({shown}), {running} before the end, in {seconds:.0f} s")
    print(f"{len(failed)} failed")
    return 1 if failed else 0


def _run(args: argparse.Namespace, folder: Path) -> list[Kill]:
    seeds = [args.seed] if args.seed is not None else range(args.first, args.first + args.count)
    names = list(args.scenario)
    plan = [(names[seed % len(names)], seed) for seed in seeds]
    with ThreadPoolExecutor(args.jobs) as pool:
        used = sorted({name for name, _ in plan})
        references = dict(
            zip(used, pool.map(lambda n: run_undisturbed(n, folder / n), used), strict=True)
        )
        return list(pool.map(lambda one: _kill(*one, references, folder), plan))


def _kill(name: str, seed: int, references: dict[str, Reference], folder: Path) -> Kill:
    kill = kill_once(name, seed, references[name], folder / name)
    came = "" if kill.was_running else ", which was after the end"
    for fault in kill.faults:
        print(
            f"FAULT {name} {seed}, {kill.signal} {kill.moment}{came}: {fault}\n"
            f"      again: python -m tests.kill --scenario {name} --seed {seed}",
            flush=True,
        )
    return kill


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    add = parser.add_argument
    add("--scenario", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), metavar="NAME",
        help=f"commands, in turn (all: {' '.join(SCENARIOS)})")  # fmt: skip
    add("--count", type=int, default=50, help="kills (%(default)s)")
    add("--first", type=int, default=0, metavar="SEED", help="begin with this seed (%(default)s)")
    add("--seed", type=int, help="this one alone")
    add("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
