import json
import os
import stat
import sys
import venv
from pathlib import Path

import pytest

from conversion.tools import environment as module
from conversion.tools.environment import ToolEnvironment, find_python, tools_folder
from lightning_plates.errors import ConversionError, MissingDependencyError
from lightning_plates.silence import VARIABLES

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="the stub is a shell script")


@pytest.fixture
def pins(tmp_path, monkeypatch):
    """Writes the list of pins of a tool called ``tiny``."""
    folder = tmp_path / "pins"
    folder.mkdir()
    monkeypatch.setattr(module, "_PINS", folder)
    monkeypatch.setenv("LIGHTNING_PLATES_TOOLS", str(tmp_path / "tools"))

    def write(version):
        (folder / "tiny.txt").write_text(f"# why\ntiny-tool=={version}\n", encoding="utf-8")

    write("1.0")
    return write


@pytest.fixture
def installs(monkeypatch):
    """Installs ``tiny-tool`` without pip or a network; gives the list of folders it made."""
    made = []

    def install(self, python, folder):
        made.append(folder)
        venv.create(folder, with_pip=False, symlinks=sys.platform != "win32")
        [packages] = [*folder.glob("lib/python*/site-packages"), *folder.glob("Lib/site-packages")]
        version = self.pins["tiny-tool"]
        info = packages / f"tiny_tool-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: tiny-tool\nVersion: {version}\n", encoding="utf-8")
        (packages / "tiny_tool.py").write_text("print('tiny answer')\n", encoding="utf-8")

    monkeypatch.setattr(ToolEnvironment, "_install", install)
    return made


def stub_uv(tmp_path, monkeypatch, script):
    program = tmp_path / "bin" / "uv"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent) + os.pathsep + os.environ["PATH"])


def test_it_is_made_once_and_reused(pins, installs, capfd):
    tool = ToolEnvironment("tiny", (THIS_PYTHON,))
    assert tool.run(["-m", "tiny_tool"]) == "tiny answer\n"
    assert tool.run(["-m", "tiny_tool"]) == "tiny answer\n"
    assert len(installs) == 1
    assert capfd.readouterr().err == "making the tiny tool environment, once …\n"
    assert [entry.name for entry in tools_folder().iterdir()] == [tool.folder.name]


def test_other_pins_make_another_environment(pins, installs):
    tool = ToolEnvironment("tiny", (THIS_PYTHON,))
    tool.ensure()
    first = tool.folder
    pins("2.0")
    tool.ensure()
    assert tool.folder != first
    assert first.exists()
    assert len(installs) == 2


@pytest.mark.parametrize("broken", ["*/python*/site-packages/*/METADATA", "bin/python*"])
@posix_only
def test_a_broken_one_is_made_again(pins, installs, broken):
    tool = ToolEnvironment("tiny", (THIS_PYTHON,))
    tool.ensure()
    for file in tool.folder.glob(broken):
        file.unlink()
    assert tool.run(["-m", "tiny_tool"]) == "tiny answer\n"
    assert len(installs) == 2


def test_our_packages_do_not_reach_the_tool(pins, installs, tmp_path, monkeypatch):
    (tmp_path / "ours.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    tool = ToolEnvironment("tiny", (THIS_PYTHON,))
    with pytest.raises(ConversionError, match="No module named 'ours'"):
        tool.run(["-c", "import ours"])
    with pytest.raises(ConversionError, match="No module named 'numpy'"):
        tool.run(["-c", "import numpy"])


WRITES_AT_HOME = """
import json, os, pathlib, tempfile
pathlib.Path("~/left").expanduser().touch()
tempfile.mkstemp()
print(json.dumps(dict(os.environ)))
"""


def test_a_tool_reports_nothing_and_what_it_leaves_is_thrown_away(pins, installs):
    tool = ToolEnvironment("tiny", (THIS_PYTHON,))
    environment = json.loads(tool.run(["-c", WRITES_AT_HOME]))
    assert {name: environment[name] for name in VARIABLES} == {
        name: os.environ[name] for name in VARIABLES
    }
    assert environment["HOME"] not in {os.environ["HOME"], ""}
    assert not Path(environment["HOME"]).exists()


def test_a_failing_tool_ends_with_its_last_line(pins, installs):
    tool = ToolEnvironment("tiny", (THIS_PYTHON,))
    with pytest.raises(ConversionError, match=r"tiny tool failed: ValueError: no such layer \("):
        tool.run(["-c", "raise ValueError('no such layer')"])
    with pytest.raises(ConversionError, match="it said nothing"):
        tool.run(["-c", "raise SystemExit(3)"])


@posix_only
def test_without_a_network_one_line_says_what_to_do(pins, tmp_path, monkeypatch):
    stub_uv(tmp_path, monkeypatch, "echo 'error: could not reach the index' >&2; exit 2\n")
    tool = ToolEnvironment("tiny", (THIS_PYTHON,))
    with pytest.raises(MissingDependencyError) as caught:
        tool.ensure()
    message = str(caught.value)
    assert "could not reach the index" in message
    assert f"copy {tool.folder} here, or set LIGHTNING_PLATES_TOOLS" in message
    assert not list(tools_folder().iterdir())


@posix_only
def test_an_installation_that_lacks_a_package_is_not_kept(pins, tmp_path, monkeypatch):
    stub_uv(tmp_path, monkeypatch, "exit 0\n")
    with pytest.raises(MissingDependencyError, match="incomplete after its installation"):
        ToolEnvironment("tiny", (THIS_PYTHON,)).ensure()
    assert not list(tools_folder().iterdir())


@posix_only
def test_an_interrupted_installation_leaves_nothing(pins, monkeypatch):
    def interrupt(self, python, folder):
        folder.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(ToolEnvironment, "_install", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ToolEnvironment("tiny", (THIS_PYTHON,)).ensure()
    assert not list(tools_folder().iterdir())


@posix_only
def test_a_python_is_looked_for(tmp_path, monkeypatch):
    shims, pyenv = tmp_path / "shims", tmp_path / "pyenv"
    answers = {
        shims / "python9.8": "exit 127",  # as a pyenv shim whose version is not chosen
        pyenv / "versions" / "9.8.3" / "bin" / "python": "echo 9.8",
        shims / "python9.7": "echo 9.7",
    }
    for file, script in answers.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(shims))
    monkeypatch.setenv("PYENV_ROOT", str(pyenv))
    assert find_python(("9.8",)) == str(pyenv / "versions" / "9.8.3" / "bin" / "python")
    assert find_python(("9.7",)) == str(shims / "python9.7")
    assert find_python(("9.6",)) == sys.executable
    assert find_python((THIS_PYTHON,)) == sys.executable


def test_the_folder_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTNING_PLATES_TOOLS", str(tmp_path))
    assert tools_folder() == tmp_path
    monkeypatch.delenv("LIGHTNING_PLATES_TOOLS")
    assert tools_folder().parts[-2:] == ("lightning-plates", "tools")


def test_every_list_pins_exactly(project_dir):
    files = sorted((project_dir / "conversion" / "tools").glob("*.txt"))
    assert files
    for file in files:
        pins = ToolEnvironment(file.stem, ()).pins
        assert all(version and " " not in version for version in pins.values()), json.dumps(pins)
