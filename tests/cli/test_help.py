"""Every command's help: examples that the program has, and a page that is there."""

import re
import shlex
from pathlib import Path

import pytest

import lightning_plates
from lightning_plates.__main__ import main
from lightning_plates.cli._dispatch import list_commands
from lightning_plates.cli._parser import parse_docstring

PROJECT = Path(lightning_plates.__file__).parents[1]
CLI = PROJECT / "lightning_plates" / "cli"
COMMANDS = [*list_commands(CLI), *(f"data {name}" for name in list_commands(CLI / "data"))]
BY_LIGHTNING = {"fit", "validate", "test"}
"""Commands whose options jsonargparse makes."""
OURS = sorted(set(COMMANDS) - BY_LIGHTNING - {"data", "convert", "runtimes"})


@pytest.mark.parametrize("command", OURS)
def test_help_shows_examples_of_the_command_and_a_page_that_is_there(command, capsys):
    language = ["--lang", "en"] if command == "read" else []
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), *language, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    examples = told[told.index("\nexamples:\n") :].splitlines()[2:]
    lines = [line.strip() for line in examples if line.startswith("  ")]
    assert lines
    assert all(line.startswith(f"lightning-plates {command} ") for line in lines)
    assert (PROJECT / re.search(r"^more: (\S+)$", told, re.MULTILINE)[1]).is_file()


@pytest.mark.parametrize("command", OURS)
def test_a_wrong_option_is_one_line(command, capsys):
    language = ["--lang", "en"] if command == "read" else []
    assert main([*command.split(), *language, "--no-such-option"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error: ")


@pytest.mark.parametrize("command", OURS)
def test_examples_name_options_that_the_command_has(command, capsys):
    name = command.replace("-", "_").replace(" ", "/")
    file = next(path for path in (CLI / f"{name}.py", CLI / f"{name}_.py") if path.is_file())
    language = ["--lang", "en"] if command == "read" else []
    with pytest.raises(SystemExit):
        main([*command.split(), *language, "--help"])
    told = set(re.findall(r"(?<![\w-])--?\w[\w-]*", capsys.readouterr().out.split("\nexamples")[0]))
    docstring = re.search(r'"""(.*?)"""', file.read_text(encoding="utf-8"), re.DOTALL)[1]
    used = {
        word
        for line in parse_docstring(docstring).examples.splitlines()
        for word in shlex.split(line)
        if word.startswith("-")
    }
    assert used <= told
