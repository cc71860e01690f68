"""What a plain installation can still do: import everything, and say what to install."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lightning_plates
from conversion._discovery import list_converters
from lightning_plates.cli._dispatch import list_commands
from lightning_plates.data.synthetic.scene import SceneOptions, compose
from lightning_plates.optional import EXTRA_OF
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


def run_plain(*words, folder=None):
    """Run a module as a plain installation would; ``folder`` may hold it."""
    command = [sys.executable, "-c", ONLY_REQUIREMENTS, json.dumps(hidden_modules()), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)


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
    extra = list_runtimes()[name].extra
    assert line.endswith(f"pip install 'lightning-plates[{extra}]'" if extra else ": installed")


@pytest.mark.parametrize("name", sorted(list_converters()))
def test_every_converter_is_listed_with_what_to_install(listed_converters, name):
    line = next(line for line in listed_converters if line.strip().startswith(f"{name} "))
    assert line.endswith(f"pip install 'lightning-plates[{list_converters()[name].extra}]'")


def test_a_plain_installation_reads_a_photo_with_the_finder_that_ships(tmp_path):
    scene = compose(np.random.default_rng(0), SceneOptions(plate_width=(0.25, 0.35)))
    Image.fromarray(scene.pixels).save(tmp_path / "photo.png")
    words = (str(tmp_path / "photo.png"), "--json", "--threads", "1")
    done = run_plain("lightning_plates", "read", *words)
    assert done.returncode == 0, done.stderr
    (plate,) = json.loads(done.stdout)["plates"]
    assert (plate["text"], plate["last_digit"]) == (scene.plates[0].text, 8)


def test_using_what_is_not_installed_is_one_line(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    done = run_plain("conversion.openvino", str(tmp_path / "model.onnx"), "-o", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'lightning-plates[" in done.stderr


ROOT = Path(lightning_plates.__file__).parents[1]
OUR_FILES = [*ROOT.glob("lightning_plates/**/*.py"), *ROOT.glob("conversion/**/*.py")]
IMPORT_NAMES = {
    "opencv-python-headless": ("cv2",),
    "pytorch-lightning": ("pytorch_lightning", "lightning_fabric"),
    "pillow": ("PIL",),
    "pyyaml": ("yaml",),
}
"""Of distributions that are not imported by their own names."""


def imported_names(distribution):
    return IMPORT_NAMES.get(distribution, (distribution.replace("-", "_"),))


def required_packages():
    """Importable names by extra, as this distribution states them; the empty extra is always."""
    packages = {}
    for line in importlib.metadata.requires("lightning-plates"):
        extra = re.search(r"extra == [\"'](.+?)[\"']", line)
        distribution = re.split(r"[^\w.-]", line, maxsplit=1)[0].lower()
        known = packages.setdefault(extra[1] if extra else "", set())
        known.update(imported_names(distribution))
    return packages


def top_level_imports():
    """Packages of others that our modules import by an import statement."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in OUR_FILES]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    ours = {"lightning_plates", "conversion", "runtimes", "setuptools"}
    names = {module.partition(".")[0] for module in modules}
    return names - ours - set(sys.stdlib_module_names)


def test_every_imported_package_has_an_extra_that_installs_it():
    packages = required_packages()
    assert top_level_imports() - packages[""] == set(EXTRA_OF)
    assert all(package in packages[extra] for package, extra in EXTRA_OF.items())


EVERY_HELP = """
import contextlib, importlib, io, json, sys
from lightning_plates.terminal.console import run_reporting

def run(module, words):
    try:
        return run_reporting(importlib.import_module(module).main, words)
    except SystemExit as ended:
        return ended.code or 0

for module, words in json.loads(sys.argv[1]):
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        status = run(module, [*words, "--help"])
    print(json.dumps([" ".join([module, *words]), status, said.getvalue()]))
"""


def test_every_help_is_shown_or_says_what_to_install(tmp_path):
    commands = list_commands(ROOT / "lightning_plates" / "cli")
    scripts = [file.stem for file in ROOT.glob("conversion/[!_]*.py")]
    calls = [("lightning_plates.__main__", [name]) for name in commands]
    calls += [(f"conversion.{name}", []) for name in scripts if name not in list_converters()]
    (tmp_path / "every_help.py").write_text(EVERY_HELP, encoding="utf-8")
    done = run_plain("every_help", json.dumps(calls), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(calls)
    for name, status, said in answers:
        assert (status, said) == (0, "") or (
            status == 2 and said.count("\n") == 1 and "pip install 'lightning-plates[" in said
        ), name


@pytest.mark.parametrize(
    "words",
    [
        ("lightning_plates", "fit", "--config", "configs/mobilenet_v2.yaml"),
        ("lightning_plates", "test", "x.ckpt"),
        ("lightning_plates", "validate", "x.ckpt"),
        ("lightning_plates", "calibrate-finder", "x.ckpt", "set", "-o", "y.ckpt"),
        ("conversion.hub", "x.ckpt", "-o", "m.onnx"),
    ],
)
def test_training_without_torch_is_one_line(words):
    done = run_plain(*words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("Install it with: pip install 'lightning-plates[train]'\n")
