"""Runs a command, kills it at a moment, continues it, and compares it with an undisturbed run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.kill.results import broken_files, contents, differences, drafts
from tests.kill.scenarios import SCENARIOS, Scenario

PROJECT = Path(__file__).parents[2]
LONGEST = 300.0
"""Seconds that a command may take on a busy machine."""
WORKERS_END = 15.0
"""Seconds within which the workers of a killed command must have ended."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An undisturbed run."""

    inputs: Path
    bytes: int
    """Size of everything it wrote."""
    seconds: float
    contents: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill and what came of it."""

    scenario: str
    seed: int
    signal: str
    moment: str
    """When it came, in words."""
    was_running: bool
    faults: tuple[str, ...]


def run_undisturbed(name: str, folder: Path) -> Reference:
    """Run the command once from beginning to end."""
    scenario = SCENARIOS[name]
    inputs, out = folder / "in", folder / "reference"
    scenario.prepare(inputs)
    out.mkdir(parents=True)
    began = time.perf_counter()
    status, errors = _finish(scenario.words(inputs), out)
    if status != 0:
        raise RuntimeError(f"{name} fails undisturbed (status {status}): {errors}")
    seconds = time.perf_counter() - began
    return Reference(inputs, _bytes_in(out), seconds, contents(out))


def kill_once(name: str, seed: int, reference: Reference, folder: Path) -> Kill:
    """Kill the command at a moment that the seed draws, perhaps twice, and continue it.

    The moment is a share of the bytes that an undisturbed run writes, so that it falls into the
    same part of the work on a busy machine; one in five is a share of the time, for what comes
    before the first byte.
    """
    scenario, rng = SCENARIOS[name], Random(f"{name} {seed}")
    out = folder / f"{name}-{seed}"
    out.mkdir()
    which = signal.SIGTERM if rng.random() < 0.2 else signal.SIGKILL
    words = scenario.words(reference.inputs)
    faults: list[str] = []
    moments = []
    for attempt in range(rng.choice((1, 1, 1, 2))):
        again = words if attempt == 0 else [*words, *scenario.resume]
        moment, has_come = _draw_moment(rng, reference, out)
        was_running, found = _interrupt(again, which, has_come, out)
        faults += [*found, *broken_files(out)]
        moments.append(moment)
    survivors = scenario.survivors(out)
    faults += _continue(scenario, words, out)
    faults += _lost(survivors, scenario.survivors(out))
    faults += differences(reference.contents, contents(out))
    faults += [f"left {draft} behind" for draft in drafts(out)]
    if not faults:
        shutil.rmtree(out)
    return Kill(name, seed, which.name, ", again ".join(moments), was_running, tuple(faults))


def _draw_moment(rng: Random, reference: Reference, out: Path) -> tuple[str, Callable[[], bool]]:
    """When to kill, in words, and a function that says whether it has come."""
    share, began = rng.random(), time.perf_counter()
    if rng.random() < 0.2:
        seconds = share * reference.seconds
        return f"after {seconds:.2f} s", lambda: time.perf_counter() - began >= seconds
    wanted, pause = share * reference.bytes, rng.random() * 0.05

    def has_come() -> bool:
        if _bytes_in(out) < wanted:
            return False
        time.sleep(pause)
        return True

    return f"after {share:.0%} of the bytes and {pause * 1e3:.0f} ms", has_come


def _interrupt(
    words: list[str], which: signal.Signals, has_come: Callable[[], bool], out: Path
) -> tuple[bool, list[str]]:
    """Whether the command was still running, and what is wrong with how it ended."""
    with _started(words, out) as process:
        began = time.perf_counter()
        while process.poll() is None and not has_come():
            if time.perf_counter() - began > LONGEST:
                return True, ["does not end"]
            time.sleep(0.002)
        was_running = process.poll() is None
        if was_running:
            process.send_signal(which)
        process.wait(LONGEST)
        faults = _judge_end(process, which) if was_running else []
        if left := _left_running(process.pid):
            faults.append(f"left {left} processes running")
        return was_running, faults


def _judge_end(process: Started, which: signal.Signals) -> list[str]:
    if which is signal.SIGKILL:
        return []
    status, errors = process.returncode, process.said()
    faults = ["prints a traceback at SIGTERM"] if "Traceback" in errors else []
    # Before Python can listen to it, the signal itself ends the process.
    said = [line for line in errors.splitlines() if line.startswith("error: ")]
    if status >= 0 and len(said) != 1:
        faults.append(f"SIGTERM is not answered with one line: {errors[-300:]!r}")
    return faults if status != 0 else [*faults, "exit status 0 after SIGTERM"]


def _continue(scenario: Scenario, words: list[str], out: Path) -> list[str]:
    status, errors = _finish([*words, *scenario.resume], out)
    return [] if status == 0 else [f"is not continued (status {status}): {errors[-300:]!r}"]


def _lost(before: dict[str, object], after: dict[str, object]) -> list[str]:
    changed = [name for name, value in before.items() if after.get(name) != value]
    return [f"{name} was finished and is lost or done again" for name in changed][:3]


def _finish(words: list[str], out: Path) -> tuple[int, str]:
    with _started(words, out) as process:
        return process.wait(LONGEST), process.said()


class Started(subprocess.Popen[bytes]):
    """A command in a session of its own.

    Args:
        words: Its command line.
        out: Its working directory; its home is the folder above.
    """

    def __init__(self, words: list[str], out: Path) -> None:
        # Not a pipe: workers that outlive their parent would keep it open.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by `end`
        environment = os.environ | {
            "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT),
            "HOME": str(out.parent), "LANG": "C.UTF-8",
        }  # fmt: skip
        super().__init__(
            words, cwd=out, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self._errors, start_new_session=True,
        )  # fmt: skip

    def said(self) -> str:
        """What it wrote to standard error."""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")

    def end(self) -> None:
        """End it and whatever is left of its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        self._errors.close()


@contextmanager
def _started(words: list[str], out: Path) -> Iterator[Started]:
    process = Started(words, out)
    try:
        yield process
    finally:
        process.end()


def _left_running(session: int) -> int:
    """Processes of a session that have not ended after a while."""
    deadline = time.perf_counter() + WORKERS_END
    while (left := _processes_of(session)) and time.perf_counter() < deadline:
        time.sleep(0.1)
    return left


def _processes_of(session: int) -> int:
    found = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            found += int(fields[3]) == session and fields[0] != "Z"
    return found


def _bytes_in(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(place, name)).st_size  # noqa: PTH116, PTH118 -- often
    return total
