"""The directions of import that pyproject.toml states."""

import subprocess
import sys
from pathlib import Path


def test_imports_go_downwards(project_dir):
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(program), "--no-cache"], cwd=project_dir, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout
