import math
import os

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


def test_there_is_a_core():
    assert core_count() >= 1
