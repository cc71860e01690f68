"""What a plain installation can still do: import everything, and say what to install."""

import importlib.metadata
import json
import re
import subprocess
import sys

import pytest

from conversion._discovery import list_converters
from runtimes import list_runtimes

ONLY_REQUIREMENTS = """
import importlib.machinery, json, runpy, sys
hidden = set(json.loads(sys.argv[1]))

class Hiding(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            return None
        return super().find_spec(name, path, target)

sys.meta_path = [
    Hiding if finder is importlib.machinery.PathFinder else finder for finder in sys.meta_path
]
module, sys.argv = sys.argv[2], sys.argv[2:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def hidden_modules():
    """Importable names of every installed package but ours and what it requires without extras."""
    wanted, found = {"lightning-plates"}, set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # of another system or Python
            continue
        plain = [line for line in lines if "extra ==" not in line]
        names = {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in plain}
        wanted |= {other.replace("_", "-") for other in names} - found
    modules = importlib.metadata.packages_distributions()
    ours = {"lightning_plates", "conversion", "runtimes"}
    return sorted(
        module
        for module, owners in modules.items()
        if module not in ours and not {o.lower().replace("_", "-") for o in owners} & found
    )


def run_plain(*words):
    command = [sys.executable, "-c", ONLY_REQUIREMENTS, json.dumps(hidden_modules()), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def listed_runtimes():
    done = run_plain("runtimes")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def listed_converters():
    done = run_plain("conversion", "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", sorted(list_runtimes()))
def test_every_runtime_is_listed_with_what_to_install(listed_runtimes, name):
    line = next(line for line in listed_runtimes if line.startswith(f"{name} "))
    assert line.endswith(f"pip install 'lightning-plates[{list_runtimes()[name].extra}]'")


@pytest.mark.parametrize("name", sorted(list_converters()))
def test_every_converter_is_listed_with_what_to_install(listed_converters, name):
    line = next(line for line in listed_converters if line.strip().startswith(f"{name} "))
    assert line.endswith(f"pip install 'lightning-plates[{list_converters()[name].extra}]'")


def test_using_what_is_not_installed_is_one_line(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    done = run_plain("conversion.openvino", str(tmp_path / "model.onnx"), "-o", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'lightning-plates[" in done.stderr
