"""Steps of a long experiment: each runs once, as the command that a user would type."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.drafts import write_text
from lightning_plates.errors import StepError
from lightning_plates.terminal.console import Terminated

GRACE_SECONDS = 60.0
"""How long a command may take after Ctrl-C or SIGTERM to save what it has."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command and what it leaves behind."""

    name: str
    """Also the name of its stamp, e.g. ``fit-vgg16-grouped``."""
    words: tuple[str, ...]
    """The command line after ``python -m lightning_plates``."""
    result: Path
    """A file that exists once the step is done."""
    accepted: tuple[int, ...] = (0,)
    """Exit statuses that count as done."""


def run_step(step: Step, stamps: Path) -> bool:
    """Run ``step`` unless its stamp and its result say that it is done.

    Each command runs in a process of its own: its memory is free again when the next one begins.

    Args:
        step: What to do.
        stamps: Folder of the stamps.

    Returns:
        Whether it ran; ``False`` where it was done already.

    Raises:
        StepError: The command failed.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the command had time to save what it has.
    """
    if _is_done(step, stamps):
        print(f"done already: {step.name}")
        return False
    print(f"== {step.name}\n   python -m lightning_plates {shlex.join(step.words)}", flush=True)
    begin = time.monotonic()
    status = _run([sys.executable, "-m", "lightning_plates", *step.words])
    if status not in step.accepted:
        raise StepError(
            f"step {step.name} ended with status {status} (its message stands above); "
            "what was finished is kept, and the same command goes on from here"
        )
    if not step.result.exists():
        raise StepError(f"step {step.name} ended without making {step.result}")
    seconds = round(time.monotonic() - begin, 1)
    stamp = {"command": list(step.words), "wall_seconds": seconds}
    write_text(_stamp(step, stamps), json.dumps(stamp, indent=2) + "\n")
    return True


def _stamp(step: Step, stamps: Path) -> Path:
    return stamps / f"{step.name}.json"


def _is_done(step: Step, stamps: Path) -> bool:
    """The result alone proves nothing: some commands begin with a file and end by replacing it."""
    return step.result.exists() and _stamp(step, stamps).exists()


def _run(words: list[str]) -> int:
    with subprocess.Popen(words) as process:
        try:
            return process.wait()
        except KeyboardInterrupt as error:
            # The terminal sent Ctrl-C to the command as well: let it end by itself.
            if isinstance(error, Terminated):
                process.terminate()
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
