import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_plates.__main__ import main

PRINTING = """
from lightning_plates.cli._progress import show_progress
for number in show_progress([1, 2], 2, "counting"):
    print(number)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")
def test_what_is_printed_goes_to_its_file_while_a_bar_is_on_the_terminal(tmp_path: Path):
    import pty

    ours, theirs = pty.openpty()
    with (tmp_path / "out.txt").open("w") as out:
        command = [sys.executable, "-c", PRINTING]
        subprocess.run(command, stdout=out, stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    bar = os.read(ours, 65536)
    os.close(ours)
    assert b"counting" in bar
    assert (tmp_path / "out.txt").read_text() == "1\n2\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")
def test_a_sentence_is_not_broken_into_lines_of_the_terminals_width():
    import pty

    ours, theirs = pty.openpty()
    sentence = "photo.jpg: Placa BCR-456 " + " · restricción los miércoles de 6:00 a 19:00" * 3
    printing = PRINTING.replace("print(number)", f"print({sentence!r})")
    environment = {**os.environ, "COLUMNS": "40", "TERM": "xterm"}
    command = [sys.executable, "-c", printing]
    subprocess.run(command, stdout=theirs, stderr=theirs, env=environment, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert shown.count(sentence) == 2


@pytest.mark.parametrize("variables", [{}, {"FORCE_COLOR": "1"}, {"TTY_INTERACTIVE": "1"}])
def test_there_is_no_bar_in_a_pipe(variables):
    done = subprocess.run(
        [sys.executable, "-c", PRINTING],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("1\n2\n", "")


def test_a_set_that_is_drawn_shows_no_bar_in_a_pipe(tmp_path, capsys):
    assert main(["data", "synthesise", "-o", str(tmp_path / "set"), "--count", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "━" not in printed.out
