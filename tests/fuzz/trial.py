"""One damaged input, the command that reads it, and the judgement of how the command ended."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from lightning_plates.__main__ import main
from tests.fuzz.damage import Damage, NoDamage
from tests.fuzz.sandbox import Sandbox, Watch

LONGEST_LINE = 3000
"""Characters; a longer message is none that a person reads."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u2028\u2029]")
_WARNING = re.compile(r"\.py:\d+: \w*Warning", re.MULTILINE)
_OURS = re.compile(r"/(?:lightning_plates|conversion|runtimes)/")


@dataclass(frozen=True, slots=True)
class Command:
    """What reads the damaged input."""

    words: tuple[str, ...]
    run: Callable[[list[str]], int] = main
    verify: Callable[[int, str], str] | None = None
    """Given status and standard output, says what is wrong with the result; empty for nothing."""
    sound_status: tuple[int, ...] = (0,)
    """Exit statuses that are right where nothing is damaged."""
    writes_inputs: bool = False
    """Whether the command is one that changes its input on purpose."""


class Target(Protocol):
    """What a module of ``targets/`` offers."""

    WEIGHT: int
    """Share of the trials, beside the other targets' weights."""

    def prepare(self, corpus: Path) -> None:
        """Write the sound inputs."""

    def case(self, corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
        """Write a damaged copy into the sandbox, and say which command reads it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial went."""

    seed: int
    status: int | str
    """Exit status, or the name of what was raised."""
    faults: tuple[str, ...]
    """What is wrong; empty where the product answered as it should."""
    words: tuple[str, ...]
    """The command line."""
    said: str
    """End of what it printed."""
    seconds: float


class Trials:
    """Runs the trials of one target in this process, which must be a fresh one.

    Args:
        target: What is damaged.
        root: A folder for the inputs and the sandbox.
    """

    def __init__(self, target: Target, name: str, root: Path) -> None:
        self._target, self._name = target, name
        self._corpus, self._sandbox = root / "corpus", Sandbox(root / "sandbox")
        self._watch, self._output = Watch(), Output(root)
        self._corpus.mkdir(parents=True)
        target.prepare(self._corpus)

    def run_sound(self, seed: int) -> Outcome:
        """The same with nothing damaged, which must succeed: else the trials prove nothing."""
        damage = NoDamage(Random(f"{self._name} sound {seed}"))
        return self._run(-1 - seed, damage, is_sound=True)

    def run(self, seed: int) -> Outcome:
        """Damage the input by ``seed`` and judge how the command ends."""
        return self._run(seed, Damage(Random(f"{self._name} {seed}")), is_sound=False)

    def _run(self, seed: int, damage: Damage, *, is_sound: bool) -> Outcome:
        self._sandbox.clear()
        tempfile.tempdir = None
        command = self._target.case(self._corpus, self._sandbox, damage)
        before = self._sandbox.untouched()
        began = time.perf_counter()
        with self._watch.over(self._sandbox) as seen, self._output as output:
            status, fault = _call(command)
        seconds = time.perf_counter() - began
        text, errors = output.taken
        faults = [fault] if fault else [*_judge_words(status, text, errors)]
        if command.verify is not None and not fault:
            faults += filter(None, [command.verify(int(status), text)])
        if is_sound and status not in command.sound_status:
            faults.append(f"refuses sound input (status {status})")
        if not command.writes_inputs:
            faults += [f"outside the output: {what}" for what in dict.fromkeys(seen)][:3]
            changed = set(self._sandbox.untouched().items()) ^ set(before.items())
            faults += [f"changed outside the output: {name}" for name in sorted(dict(changed))[:3]]
        faults += [f"left {draft} behind" for draft in self._sandbox.drafts()]
        said = (text + errors)[-2000:]
        return Outcome(seed, status, tuple(faults), command.words, said, seconds)


def _call(command: Command) -> tuple[int | str, str]:
    """Exit status and no fault, or the error's name and where it was raised."""
    try:
        return command.run(list(command.words)), ""
    except SystemExit as error:  # argparse
        if isinstance(error.code, int):
            return error.code, ""
        return "SystemExit", f"SystemExit({error.code!r})"
    except BaseException as error:
        return type(error).__name__, _describe(error)


def _describe(error: BaseException) -> str:
    """What was raised, and the innermost line of ours that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _OURS.search(frame.filename)]
    frame = (ours or frames)[-1]
    match = _OURS.search(frame.filename)
    file = frame.filename[match.start() + 1 :] if match else frame.filename
    reason = " ".join(str(error).split())[:160]
    return f"{type(error).__name__} at {file}:{frame.lineno} in {frame.name}: {reason}"


def _judge_words(status: int | str, text: str, errors: str) -> list[str]:
    faults = []
    if status not in {0, 1, 2, 3}:
        faults.append(f"exit status {status}")
    if status != 0 and not (text + errors).strip():
        faults.append("fails without a word")
    if status == 2 and len(re.findall(r"^(?:error|usage): ", errors, re.MULTILINE)) != 1:
        faults.append(f"not one line of error: {errors[-200:]!r}")
    if "Traceback (most recent call last)" in text + errors:
        faults.append(f"prints a traceback: {errors[-200:]!r}")
    if warning := _WARNING.search(errors):
        faults.append(f"prints a warning: {errors[max(0, warning.start() - 60) :][:200]!r}")
    if control := _CONTROL.search(text + errors):
        place = (text + errors)[max(0, control.start() - 60) :][:120]
        faults.append(f"prints the control character {control.group()!r}: {place!r}")
    if any(len(line) > LONGEST_LINE for line in errors.splitlines()):
        faults.append(f"prints a line of {max(map(len, errors.splitlines()))} characters")
    return faults


class Output:
    """Takes what is printed meanwhile, also by libraries in C.

    Args:
        folder: Where two files may lie.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files = [folder / "stdout", folder / "stderr"]
        for descriptor, file in enumerate(self._files, start=1):
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            os.dup2(handle, descriptor)
            os.close(handle)
        sys.stdin = io.TextIOWrapper(io.BytesIO())
        self.taken = ("", "")

    def __enter__(self) -> Output:
        for descriptor in (1, 2):
            os.ftruncate(descriptor, 0)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.FileIO(descriptor, "w", closefd=False), encoding="utf-8")
            for descriptor in (1, 2)
        )
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        first, second = (file.read_bytes().decode("utf-8", "replace") for file in self._files)
        self.taken = (first, second)


def to_fields(outcome: Outcome) -> dict[str, object]:
    """What :func:`json.dumps` takes."""
    return dataclasses.asdict(outcome)
