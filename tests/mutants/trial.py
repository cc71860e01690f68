"""Breaks a line in a copy of the project and runs the tests that must notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.table import Mutant

PROJECT = Path(__file__).parents[2]
SECONDS = 600.0
"""Wall time after which the tests of a break count as failed: it may have made a loop endless."""
TESTS_FAILED = 1
"""Exit status of pytest; others mean that nothing was tested."""


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


def try_mutant(mutant: Mutant, copy: Path) -> str:
    """What is wrong; empty where a test fails."""
    file = copy / mutant.file
    sound = file.read_text(encoding="utf-8")
    try:
        file.write_text(sound.replace(mutant.line, mutant.broken), encoding="utf-8")
        status = run_tests(copy, mutant.tests.split())
    finally:
        file.write_text(sound, encoding="utf-8")
    if status == TESTS_FAILED:
        return ""
    what = "not noticed" if status == 0 else f"pytest ends with status {status}"
    return f"{what}: {mutant.file}: {mutant.line!r} became {mutant.broken!r} ({mutant.tests})"
