"""The fuzz harness sees what it is there to see; the trials themselves are ``make fuzz``."""

import sys

import pytest

from tests.fuzz import __main__ as harness
from tests.fuzz.runner import Part, divide, list_targets, run_parts, weights

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")

TARGET = """
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.trial import Command

WEIGHT = 1


def prepare(corpus):
    (corpus / "sound").write_text("sound")


def sound(words):
    print("sound")
    return 0


def raises(words):
    raise ZeroDivisionError("no reason")


def hangs(words):
    time.sleep(600)


def ends(words):
    os._exit(0)


def writes_in_the_working_directory(words):
    Path("here").write_text("")
    return 0


def changes_an_input(words):
    (Path(words[0]) / "in" / "input").write_text("changed")
    return 0


def leaves_a_draft(words):
    (Path(words[0]) / "out" / ".draft-x").write_text("")
    return 0


def obeys_an_escape(words):
    print("error: \\x1b[31m", file=sys.stderr)
    return 2


def says_nothing(words):
    return 2


def says_two_errors(words):
    print("error: a\\nerror: b", file=sys.stderr)
    return 2


def shows_a_traceback(words):
    import traceback

    traceback.print_stack()
    print("Traceback (most recent call last):")
    return 0


def warns(words):
    import warnings

    warnings.warn("odd")
    return 0


def starts_a_program(words):
    subprocess.run(["true"])
    return 0


def has_another_status(words):
    print("seven")
    return 7


def takes_all_memory(words):
    return len(bytearray(100 * 10**9))


COMMANDS = [
    sound, raises, hangs, ends, writes_in_the_working_directory, changes_an_input, leaves_a_draft,
    obeys_an_escape, says_nothing, says_two_errors, shows_a_traceback, warns, starts_a_program,
    has_another_status, takes_all_memory,
]
NUMBERS = iter(range(int(sys.argv[2]), 99))


def case(corpus, sandbox, damage):
    (sandbox.inputs / "input").write_text("as it was")
    is_sound = type(damage).__name__ == "NoDamage"
    command = sound if is_sound else COMMANDS[next(NUMBERS)]
    return Command((str(sandbox.root),), run=command)
"""
FAULTS = [
    None,
    "ZeroDivisionError at",
    "hangs at",
    "ends the process (status 0)",
    "outside the output: open",
    "outside the output: open",
    "left out/.draft-x behind",
    "prints the control character '\\x1b'",
    "fails without a word",
    "not one line of error",
    "prints a traceback",
    "prints a warning",
    "outside the output: subprocess.Popen",
    "exit status 7",
    "MemoryError at",
]


def test_each_kind_of_fault_is_seen_and_what_is_sound_is_not(tmp_path, monkeypatch):
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "target.py").write_text(TARGET)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    parts = [Part("faulty.target", 0, len(FAULTS))]
    outcomes = {one["seed"]: one["faults"] for _, one in run_parts(parts, jobs=1, seconds=5)}
    assert {seed for seed in outcomes if seed >= 0} == set(range(len(FAULTS)))
    assert not any(outcomes[seed] for seed in outcomes if seed < 0)
    for seed, fault in enumerate(FAULTS):
        said = " ".join(outcomes[seed])
        assert (fault in said) if fault else not said, (seed, said)


def test_every_target_gets_its_share():
    assert set(weights()) == set(list_targets())
    parts = divide(300, weights())
    assert {part.target for part in parts} == set(list_targets())
    assert 290 <= sum(part.last - part.first for part in parts) <= 310
    assert max(part.last - part.first for part in parts) <= 60


@pytest.mark.parametrize(
    ("runs", "status"),
    [([(0, []), (1, [])], 0), ([(0, ["hangs"]), (1, [])], 1), ([(0, [])], 1)],
    ids=["sound", "faulty", "one did not run"],
)
def test_the_status_says_whether_a_trial_failed(monkeypatch, capsys, runs, status):
    outcomes = [
        ("specs", {"seed": seed, "status": 2, "faults": faults, "words": [], "said": ""})
        for seed, faults in runs
    ]
    monkeypatch.setattr(harness, "run_parts", lambda parts, jobs: outcomes)
    monkeypatch.setattr(harness, "divide", lambda *rest: [Part("specs", 0, 2)])
    monkeypatch.setattr(sys, "argv", ["fuzz"])
    assert harness.main() == status
    assert f"{sum(bool(faults) for _, faults in runs)} failed" in capsys.readouterr().out
