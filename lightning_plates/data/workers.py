"""Work on all cores, in fresh processes, so that Ctrl-C and a dying worker end in one line.

A worker ends with the process that started it, even where that was killed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import TypeVar

from lightning_plates.errors import PlatesError

Item = TypeVar("Item")
Result = TypeVar("Result")

ITEMS_PER_WORKER = 4
"""Below this a fresh process (about 0.3 s) costs more than it brings."""


def core_count() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_on_cores(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None = None
) -> Iterator[Result]:
    """Apply a function to all items and yield the results in their order.

    Args:
        function: Defined at the top of a module, so that a fresh process can import it.
        items: Small and picklable: paths rather than pixels.
        workers: Processes; by default one a core. One runs everything here.

    Raises:
        PlatesError: A worker died, usually for want of memory.
    """
    count = min(workers or core_count(), len(items) // ITEMS_PER_WORKER)
    if count <= 1:
        yield from map(function, items)
        return
    pool = fresh_processes(count)
    try:
        with _interrupts_ignored():
            futures = [pool.submit(function, item) for item in items]
        for future in futures:
            yield future.result()
    except BrokenProcessPool as error:
        raise PlatesError(
            "a worker process died (out of memory?); run again with --workers 1"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def fresh_processes(count: int) -> ProcessPoolExecutor:
    """A pool of ``count`` processes that end with this one."""
    # spawn: the same on every system, and no threads of OpenCV or torch are forked half-way.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """Watch the parent: a worker that waits for its next item would never learn of its end."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_leave_after, args=(parent.sentinel,), daemon=True).start()


def _leave_after(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start processes that leave Ctrl-C to their parent: they inherit that it is ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
