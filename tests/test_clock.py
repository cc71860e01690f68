import time

from lightning_plates.clock import Timer


def test_wall_time_passes_while_sleeping_and_processor_time_does_not():
    timer = Timer()
    time.sleep(0.05)
    span = timer.read()
    assert span.wall_ms >= 50
    assert span.cpu_ms < 25


def test_processor_time_counts_this_process_at_work():
    timer = Timer()
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert timer.read().cpu_ms >= 49


def test_a_timer_runs_on_after_it_was_read():
    timer = Timer()
    first = timer.read()
    time.sleep(0.01)
    assert timer.read().wall_ms >= first.wall_ms + 10
