"""Break one line at a time in a copy of the project, and see that its tests notice.

A break that no test notices, and a line that is not found any more, are reported; the exit status
is 1 if there are any.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.table import MUTANTS, Mutant

PROJECT = Path(__file__).parents[2]
SECONDS = 600.0
"""Wall time after which the tests of a break count as failed: it may have made a loop endless."""
TESTS_FAILED = 1
"""Exit status of pytest; others mean that nothing was tested."""


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


def is_found(mutant: Mutant) -> bool:
    """Whether the line stands once in its file."""
    file = PROJECT / mutant.file
    return file.is_file() and file.read_text(encoding="utf-8").count(mutant.line) == 1


def copy_project(target: Path) -> Path:
    """A copy of the working tree, as far as git knows it; large files are linked."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source = PROJECT / name
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("artifacts/"):
            (target / name).symlink_to(source)
        elif source.is_file():
            shutil.copyfile(source, target / name)
    return target


def run_tests(copy: Path, tests: Iterable[str]) -> int:
    """Exit status of pytest."""
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m",
             "not slow and not gpu and not network and not shared", *tests]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            words, cwd=copy, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return TESTS_FAILED
    return done.returncode


def _sound_tests_fail(copies: queue.SimpleQueue[Path], chosen: Iterable[Mutant]) -> list[str]:
    """Without a break all tests must pass, or their failure proves nothing."""
    copy = copies.get()
    tests = sorted({test for mutant in chosen for test in mutant.tests.split()})
    status = run_tests(copy, tests)
    copies.put(copy)
    return [] if status == 0 else [f"without a break pytest ends with status {status}: {tests}"]


def _try(mutant: Mutant, copies: queue.SimpleQueue[Path]) -> str:
    """What is wrong: nothing where a test fails."""
    copy = copies.get()
    file = copy / mutant.file
    sound = file.read_text(encoding="utf-8")
    try:
        file.write_text(sound.replace(mutant.line, mutant.broken), encoding="utf-8")
        status = run_tests(copy, mutant.tests.split())
    finally:
        file.write_text(sound, encoding="utf-8")
        copies.put(copy)
    if status == TESTS_FAILED:
        return ""
    what = "not noticed" if status == 0 else f"pytest ends with status {status}"
    return f"{what}: {mutant.file}: {mutant.line!r} became {mutant.broken!r} ({mutant.tests})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    add = parser.add_argument
    add("--only", default="", metavar="TEXT", help="breaks whose file or line holds this text")
    add("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
