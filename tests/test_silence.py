"""What reports home is silenced by the first import of any of our packages."""

import json
import os
import re
import subprocess
import sys

import pytest

from lightning_plates.silence import REPORTERS, VARIABLES

REPORT = """
import importlib, json, os, sys
importlib.import_module(sys.argv[1])
from lightning_plates.silence import REPORTERS, VARIABLES
print(json.dumps([{name: os.environ.get(name) for name in VARIABLES},
                  {name: name in sys.modules and sys.modules[name] is None for name in REPORTERS}]))
"""


def after_import(package, project, **variables):
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    words = [sys.executable, "-c", REPORT, package]
    done = subprocess.run(
        words, cwd=project, env={**environment, **variables}, capture_output=True, timeout=60,
        check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("package", ["lightning_plates", "runtimes", "conversion"])
def test_importing_a_package_of_ours_silences_what_reports(package, project_dir):
    variables, hidden = after_import(package, project_dir)
    assert variables == VARIABLES
    assert hidden == dict.fromkeys(REPORTERS, True)


def test_whoever_set_a_variable_is_obeyed(project_dir):
    variables, _ = after_import("lightning_plates", project_dir, ORT_DISABLE_TELEMETRY="0")
    assert variables == {**VARIABLES, "ORT_DISABLE_TELEMETRY": "0"}


def test_a_reporter_that_is_already_imported_stays(tmp_path, project_dir):
    (tmp_path / "openvino_telemetry.py").touch()
    script = "import openvino_telemetry as t, lightning_plates, sys; " \
        "assert sys.modules['openvino_telemetry'] is t"  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{project_dir}"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_package_imports_nothing_of_others(project_dir):
    script = "import sys; before = set(sys.modules); import lightning_plates; " \
        "print(*sorted(set(sys.modules) - before))"  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=project_dir, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    names = {name.partition(".")[0] for name in done.stdout.split()}
    assert names - set(sys.stdlib_module_names) == {"lightning_plates", *REPORTERS}


def test_make_sets_the_same_variables(project_dir):
    text = (project_dir / "Makefile").read_text(encoding="utf-8")
    assert VARIABLES.items() <= dict(re.findall(r"^export (\w+) \?= (\S+)$", text, re.M)).items()
