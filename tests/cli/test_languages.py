"""What an operator reads is in the operator's language."""

import ast
import inspect
import os
import re
import string
import subprocess
import sys

import pytest

from lightning_plates import optional
from lightning_plates.__main__ import main
from lightning_plates.cli import _arguments, _originals, _read_options, _read_output, read
from lightning_plates.cli._dispatch import SPEAKS_ENGLISH
from lightning_plates.finding import shipped
from lightning_plates.languages import locale_language, speak, translated
from lightning_plates.reading import calibration
from lightning_plates.reading.ocr import _discovery as engines
from lightning_plates.reading.rules import config_file, formats, schedules
from lightning_plates.spanish import SPANISH
from lightning_plates.terminal import console
from runtimes import _discovery as runtimes


@pytest.fixture(autouse=True)
def _english_again():
    yield
    speak("en")


@pytest.fixture
def spanish():
    speak("es")


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "es"),
        ({"LANG": "C.UTF-8"}, "es"),
        ({"LANG": "POSIX"}, "es"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "es_CR.UTF-8"}, "es"),
        ({"LANG": "es"}, "es"),
        ({"LANG": "de_DE@euro"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "es_CR.UTF-8"}, "es"),
        ({"LC_ALL": "en_GB", "LC_MESSAGES": "es_CR.UTF-8", "LANG": "es_ES"}, "en"),
        ({"LC_ALL": "", "LANG": "en_GB"}, "en"),
    ],
)
def test_the_locale_chooses_the_language(variables, language):
    assert locale_language(variables) == language


def test_the_option_comes_before_the_locale(monkeypatch, capsys):
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert main(["read"]) == 2
    assert "nothing to read" in capsys.readouterr().err
    for words in (["--lang", "es"], ["--lang=es"], ["--la", "es"]):
        assert main(["read", *words]) == 2
        assert "nada que leer" in capsys.readouterr().err
    monkeypatch.setenv("LC_ALL", "es_CR.UTF-8")
    assert main(["read", "--lang", "en"]) == 2
    assert "nothing to read" in capsys.readouterr().err
    assert main(["read"]) == 2
    assert "nada que leer" in capsys.readouterr().err


def test_a_command_after_one_in_spanish_speaks_english(capsys):
    assert main(["read"]) == 2
    assert main(["predict", "gone.onnx", "gone.jpg"]) == 2
    assert "gone.jpg: no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--look", "0"], ["--look", "x"], ["--look"], ["--lang", "fr"], ["--lang"], ["--nothing"],
        ["--re", "x"], ["--json=yes"], ["--ocr", "none"], ["--fps", "-1"], ["--timeout", "0"],
        ["--min-confidence", "2"], ["--at", "noon"], ["--at", "2026-12-31"], ["x", "--resume"],
        ["x", "--country", "atlantis"], ["x", "--country", ","], ["x", "--rules", "atlantis"],
        ["x", "--rules", "gone.yaml"], ["--save", "a", "--redact", "a", "x"], ["x", "y.mp4"], [],
        ["x", "--model", "gone.onnx"],
        ["x", "--model", __file__], ["x", "--runtime", "none"],
    ],
)  # fmt: skip
def test_every_wrong_argument_is_one_line_in_spanish(capsys, words):
    assert (
        main(["read", *words, "--lang", "en"] if "--lang" not in words else ["read", *words]) == 2
    )
    english = capsys.readouterr().err
    assert main(["read", *words]) == 2
    spanish = capsys.readouterr().err
    assert spanish.count("\n") == 1
    assert spanish.startswith("error: ")
    if "--lang" not in words:
        assert spanish != english
    assert not re.search(r"\b(expected|the|got|choose|argument|no such|with|not)\b", spanish)


def test_the_help_of_read_is_spanish(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["read", "--help"])
    text = capsys.readouterr().out
    assert text.startswith("uso: ")
    assert SPEAKS_ENGLISH not in text
    assert "ejemplos:\n  lightning-plates read --sample" in text
    assert "más: docs/reading.md" in text
    assert not re.search(r"^(examples|more):", text, re.MULTILINE)
    parser = _read_options._parser("es", read.__doc__)
    texts = [parser.description, *(group.title for group in parser._action_groups)]
    texts += [action.help for action in parser._actions]
    texts += [a.metavar for a in parser._actions if a.metavar and len(a.metavar) > 1]
    assert [one for one in texts if one and one not in SPANISH] == []


def test_translated_help_keeps_its_values():
    fields = re.compile(r"%\(\w+\)\w")
    for source, words in SPANISH.items():
        assert fields.findall(words) == fields.findall(source)


@pytest.mark.parametrize("command", [["predict"], ["check"], ["data", "synthesise"]])
def test_the_other_commands_say_that_they_speak_english(capsys, command):
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--help"])
    assert capsys.readouterr().out.count(SPEAKS_ENGLISH) == 1


def test_parts_of_a_message_that_are_names_stay_as_they_are(spanish):
    assert translated(
        "output: No space left on device; free some space and run the command again"
    ) == ("output: no queda espacio en el disco; libere espacio y repita la orden")
    assert translated("reading: no such file") == "reading: no existe ese archivo"
    assert translated("a line 3: b: lacks c: d") == "a línea 3: b: falta c: d"
    assert translated("{0}: no such file") == "{0}: no existe ese archivo"
    assert translated("nobody said this") == "nobody said this"


def _templates_of(module):
    """Every message that ``module`` raises, with ``{}`` for what is filled in."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name.endswith("Error") or name == "error":
            yield from filter(None, [_template(node.args[0])])


def _template(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(getattr(part, "value", "§") if isinstance(part, ast.Constant) else "§"
                       for part in node.values)  # fmt: skip
    return None


@pytest.mark.parametrize(
    "module",
    [_read_options, _arguments, _originals, _read_output, config_file, formats, schedules,
     calibration, shipped, engines, runtimes, optional],
    ids=lambda module: module.__name__,
)  # fmt: skip
def test_every_message_that_read_may_end_with_is_in_the_catalogue(spanish, module):
    messages = [m for m in _templates_of(module) if "must define exactly one" not in m]
    assert messages or module in {calibration}
    assert [message for message in messages if translated(message) == message] == []


def test_translations_fill_in_what_the_message_says():
    for source, words in SPANISH.items():
        holes = source.count("{}") + source.count("{*}")
        used = [field for _, field, _, _ in string.Formatter().parse(words) if field is not None]
        assert len(used) <= holes, source
        assert all(not field or int(field) < holes for field in used), source


def test_ends_of_a_command_are_said_in_its_language(capsys, spanish):
    for message in ("interrupted; what was finished is kept", "out: Permission denied"):
        console.report_failure(message, 2)
    assert capsys.readouterr().err == (
        "error: interrumpido; lo terminado se conserva\nerror: out: permiso denegado\n"
    )


def test_the_process_takes_its_language_from_the_environment(tmp_path):
    command = [sys.executable, "-m", "lightning_plates", "read"]
    for locale, words in (("es_CR.UTF-8", "nada que leer"), ("en_US.UTF-8", "nothing to read")):
        environment = {**os.environ, "LC_ALL": locale}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert words in done.stderr
