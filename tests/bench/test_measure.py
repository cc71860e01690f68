import time

from lightning_plates.bench.measure import (
    describe_machine,
    measure,
    measure_yardstick,
    summarise_spans,
)
from lightning_plates.clock import Span


def test_percentiles_and_mean_processor_time():
    timing = summarise_spans([Span(float(wall), 2.0 * wall) for wall in range(1, 102)])
    assert timing.runs == 101
    assert timing.wall_p50_ms == 51
    assert timing.wall_p90_ms == 91
    assert timing.wall_p99_ms == 100
    assert timing.cpu_ms == 102


def test_the_first_runs_are_not_counted():
    naps = [0.4]

    def work():
        time.sleep(naps.pop() if naps else 0.002)

    timing = measure(work, warm_up_s=0.0, at_least_s=0.02)
    assert timing.wall_p99_ms < 300
    assert timing.wall_p50_ms >= 2


def test_work_is_repeated_for_the_stated_time():
    timing = measure(lambda: time.sleep(0.001), warm_up_s=0.0, at_least_s=0.05)
    assert 2 <= timing.runs <= 50


def test_work_that_takes_longer_is_counted_once():
    assert measure(lambda: time.sleep(0.01), warm_up_s=0.0, at_least_s=0.0).runs == 1


def test_the_yardstick_takes_time_on_one_core():
    timing = measure_yardstick(at_least_s=0.05)
    assert 0.5 < timing.cpu_ms < 500


def test_the_machine_is_described_on_one_line():
    assert "cores" in describe_machine()
    assert "\n" not in describe_machine()
