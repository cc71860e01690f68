"""Divides the trials among processes, and starts another one where a trial ends its process."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_plates.silence import VARIABLES

PROJECT = Path(__file__).parents[2]
SECONDS = 120.0
"""Wall time after which a trial counts as hanging; the machine may be busy with other things."""
LONGEST_PART = 60
"""Trials of one target that one process is given, so that the processes end at about one time."""


@dataclass(frozen=True, slots=True)
class Part:
    """Trials that one process runs."""

    target: str
    first: int
    last: int
    """Exclusive."""


def list_targets() -> list[str]:
    """Names of the targets: the modules of their folder."""
    return sorted(file.stem for file in (PROJECT / "tests/fuzz/targets").glob("[!_]*.py"))


def weights() -> dict[str, int]:
    """Share of each target in the trials, read without importing what it needs."""
    found = {}
    for name in list_targets():
        text = (PROJECT / f"tests/fuzz/targets/{name}.py").read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith("WEIGHT = "))
        found[name] = int(line.removeprefix("WEIGHT = "))
    return found


def divide(count: int, shares: Mapping[str, int], first: int = 0) -> list[Part]:
    """Give each target its share of ``count`` seeds, at least one, in parts for one process."""
    total = sum(shares.values())
    parts = []
    for name, share in shares.items():
        last = first + max(1, round(count * share / total))
        starts = range(first, last, LONGEST_PART)
        parts += [Part(name, start, min(last, start + LONGEST_PART)) for start in starts]
    return parts


def run_parts(
    parts: list[Part], jobs: int, seconds: float = SECONDS
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run all trials on ``jobs`` processes at a time.

    Yields:
        Target and fields of a :class:`tests.fuzz.trial.Outcome`, as they come.
    """
    waiting: queue.SimpleQueue[Part] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[str, dict[str, Any]] | None] = queue.SimpleQueue()
    for part in parts:
        waiting.put(part)

    def work() -> None:
        try:
            while not waiting.empty():
                part = waiting.get_nowait()
                _run_part(part, seconds, lambda one, name=part.target: results.put((name, one)))
        except queue.Empty:
            pass
        finally:
            results.put(None)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    ended = 0
    while ended < jobs:
        result = results.get()
        if result is None:
            ended += 1
        else:
            yield result


def _run_part(part: Part, seconds: float, report: Callable[[dict[str, Any]], None]) -> None:
    """Run a part; a trial that ends its process is a fault, and the next one goes on after it."""
    first = part.first
    while first < part.last:
        ended_at, why = _run_process(Part(part.target, first, part.last), seconds, report)
        if not why:
            return
        fault = {"seed": ended_at, "status": "killed", "faults": [why], "words": [], "said": ""}
        report(fault | {"seconds": seconds})
        if ended_at < first:  # a sound one, or its start: the others would do the same
            return
        first = ended_at + 1


def _run_process(
    part: Part, seconds: float, report: Callable[[dict[str, Any]], None]
) -> tuple[int, str]:
    """The last trial that began and why the process ended with it; no reason where all is well."""
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        words = [sys.executable, "-m", "tests.fuzz.child", part.target, str(part.first),
                 str(part.last), f"--seconds={seconds}", f"--stacks={stacks}"]  # fmt: skip
        begun, is_done = part.first - 1, False
        with subprocess.Popen(
            words, cwd=PROJECT, env=_environment(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                fields = json.loads(line)
                if "begins" in fields:
                    begun = fields["begins"]
                else:
                    report(fields)
                    is_done = begun == part.last - 1
            errors = process.stderr.read()
        if process.returncode == 0 and is_done:
            return begun, ""
        return begun, _why(
            process.returncode, stacks.read_text() if stacks.exists() else "", errors
        )


def _why(status: int, stacks: str, errors: str) -> str:
    ours = [
        line.strip()
        for line in stacks.splitlines()
        if str(PROJECT) in line and "/fuzz/" not in line
    ]
    raised = [line for line in errors.splitlines() if "Error: " in line or line.startswith("Fatal")]
    place = (
        ours[0].replace(f"{PROJECT}/", "") if ours else (raised or errors.splitlines() or [""])[-1]
    )
    what = "hangs" if "Timeout" in stacks else f"ends the process (status {status})"
    return f"{what} at {place}"


def _environment() -> dict[str, str]:
    """No GPU, no thread pools that outnumber the cores, and this tree before an installed one.

    What silences libraries is left to the product.
    """
    quiet = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1",
             "PYTHONPATH": os.pathsep.join(
                 (str(PROJECT), str(PROJECT / "tests"), os.environ.get("PYTHONPATH", ""))
             ),
             "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return kept | quiet
