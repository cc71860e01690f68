import math
import os
import subprocess
import sys

import pytest

from lightning_plates.data.workers import core_count, map_on_cores
from lightning_plates.errors import PlatesError


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers):
    squares = [float(n * n) for n in range(40)]
    assert list(map_on_cores(math.sqrt, squares, workers)) == [float(n) for n in range(40)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_is_the_callers(workers):
    with pytest.raises(ValueError, match="math domain"):
        list(map_on_cores(math.sqrt, [4.0] * 9 + [-1.0], workers))


def test_a_dying_worker_is_one_line():
    with pytest.raises(PlatesError, match="a worker process died"):
        list(map_on_cores(os._exit, [9] * 10, 2))


def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\n"
        "from lightning_plates.data.workers import map_on_cores\n"
        "if __name__ == '__main__':\n"
        "    for _ in map_on_cores(time.sleep, [0.05] * 10_000, 2):\n"
        "        print('at work', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"at work\n"
        parent.kill()
        # The workers hold the pipe, too: it ends when the last of them has ended.
        parent.communicate(timeout=20)


def test_there_is_a_core():
    assert core_count() >= 1
