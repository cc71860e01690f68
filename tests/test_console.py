import errno
import importlib
import os
import signal
import subprocess
import sys

import pytest

from lightning_plates.__main__ import main
from lightning_plates.errors import InputError, MissingDependencyError
from lightning_plates.optional import require
from lightning_plates.terminal.console import run_reporting


def raising(error):
    def command(argv):
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (InputError("photo.jpg: no\n  such file\n"), 2, "error: photo.jpg: no such file\n"),
        (InputError("a  b\x1b[31m\x85c\u2028d\0"), 2, "error: a  b\\x1b[31m c d\\x00\n"),
        (InputError("a" * 600 + "b" * 600), 2, f"error: {'a' * 500} … {'b' * 500}\n"),
        (KeyboardInterrupt(), 130, "error: interrupted; what was finished is kept\n"),
        (OSError(errno.ENOSPC, "No space left on device", "out.csv"), 2,
         "error: out.csv: No space left on device; free some space and run the command again\n"),
        (OSError(errno.EACCES, "Permission denied", "out"), 2,
         "error: out: Permission denied; check the permissions or choose another folder\n"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line(capsys, error, status, text):
    assert run_reporting(raising(error), []) == status
    assert capsys.readouterr().err == text


def test_a_name_that_no_file_can_hold_is_one_line(capsys):
    error = UnicodeEncodeError(
        "utf-8", "x" * 99 + "caf\udce9.jpg" + "x" * 99, 102, 103, "surrogate"
    )
    assert run_reporting(raising(error), []) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: a name that is not UTF-8 cannot be written to this file ('xx")
    assert r"caf\udce9.jpg" in line


def killed(argv):
    os.kill(os.getpid(), signal.SIGTERM)
    return 0


def test_sigterm_ends_a_command_as_ctrl_c_does(capsys):
    done = []

    def command(argv):
        try:
            return killed(argv)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # asked again amid the clean-up
            done.append("cleaned up")

    assert run_reporting(command, []) == 143
    assert capsys.readouterr().err == "error: terminated; what was finished is kept\n"
    assert done == ["cleaned up"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_who_ignores_sigterm_is_obeyed():
    earlier = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert run_reporting(killed, []) == 0
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, earlier)


def test_unknown_errors_are_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        run_reporting(raising(ZeroDivisionError()), [])


@pytest.mark.parametrize(("package", "extra"), [("torch", "train"), ("matplotlib", "data")])
def test_a_package_of_an_extra_that_an_import_misses_is_one_line(
    capsys, monkeypatch, package, extra
):
    monkeypatch.setitem(sys.modules, package, None)
    assert run_reporting(lambda argv: bool(importlib.import_module(package)), []) == 2
    assert capsys.readouterr().err == (
        f"error: {package} is not installed. "
        f"Install it with: pip install 'lightning-plates[{extra}]'\n"
    )


@pytest.mark.parametrize("name", ["lightning_plates.gone", "torch.gone", "nobodys", None])
def test_a_module_that_no_extra_brings_is_not_reported_as_missing(name):
    with pytest.raises(ModuleNotFoundError):
        run_reporting(raising(ModuleNotFoundError("No module", name=name)), [])


def test_an_unknown_command_lists_the_known(capsys):
    assert main(["juggle"]) == 2
    assert "unknown command 'juggle'" in (err := capsys.readouterr().err)
    assert "predict" in err


def test_a_misspelled_command_is_asked_about(capsys):
    assert main(["fitt"]) == 2
    assert capsys.readouterr().err == (
        "error: unknown command 'fitt'; did you mean: lightning-plates fit\n"
    )


def test_every_listed_command_has_a_description(capsys):
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out.partition("commands:\n")[2].splitlines()
    assert listed
    assert all(len(line.split(maxsplit=1)) == 2 for line in listed)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from lightning_plates.__main__ import main; main(['--help']);"
        "heavy = {'torch', 'numpy', 'PIL', 'cv2', 'onnxruntime'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_package_names_the_extra():
    with pytest.raises(MissingDependencyError, match=r"pip install 'lightning-plates\[video\]'"):
        require("no_such_package_at_all", extra="video")


def test_a_broken_package_is_not_reported_as_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import another_missing_one")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="another_missing_one") as caught:
        require("broken_package", extra="x")
    assert not isinstance(caught.value, MissingDependencyError)
