"""What comes in and goes out byte by byte, in a process with an encoding of its own."""

import os
import subprocess
import sys

import pytest

ECHO = """
import sys
from lightning_plates.terminal.console import run_reporting
from lightning_plates.terminal.text_streams import json_line

def command(argv):
    for line in sys.stdin:
        print(json_line({"file": line.strip()}) if argv else f"{line.strip()} · último 1–2 ≥ 3")
    return 0

sys.exit(run_reporting(command, sys.argv[1:]))
"""


def echo(encoding, data, *words):
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", ECHO, *words]
    done = subprocess.run(command, input=data, capture_output=True, env=env, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        ("utf-8:strict", " · último 1–2 ≥ 3\n".encode()),
        ("ascii:strict", b" - ultimo 1-2 >= 3\n"),
        ("latin-1:strict", " · último 1-2 >= 3\n".encode("latin-1")),
    ],
)
def test_names_keep_their_bytes_and_sentences_are_never_an_error(encoding, sentence):
    assert echo(encoding, b"caf\xe9.jpg\n") == b"caf\xe9.jpg" + sentence


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict", "latin-1:strict"])
def test_json_is_unicode_in_every_encoding(encoding):
    assert echo(encoding, b"caf\xe9.jpg\n", "json") == b'{"file": "caf\\udce9.jpg"}\n'
    line = echo(encoding, "ñ.jpg\n".encode(), "json")
    expected = (
        '{"file": "ñ.jpg"}\n' if encoding.startswith("utf-8") else '{"file": "\\u00f1.jpg"}\n'
    )
    assert line == expected.encode()


@pytest.mark.parametrize("words", [["--help"], ["read", "--help"]])
def test_a_reader_that_goes_away_is_no_traceback(words):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "lightning_plates", *words]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=env, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
