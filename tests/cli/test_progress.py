import os
import subprocess
import sys
from pathlib import Path

import pytest

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
