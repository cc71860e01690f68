"""Reads many photos on all cores, in the order given, with a bounded number in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")

AHEAD = 2
"""Items a worker that may be done before they are asked for; it bounds the memory in use."""


def map_ahead(
    work: Callable[[Any], Result], items: Iterable[object], workers: int
) -> Iterator[Result]:
    """Apply ``work`` to ``items`` with ``workers`` threads; results come in their order.

    Args:
        work: What is done; it runs in several threads at a time.
        items: They may come in for days. ``None`` stands for a moment without one, in which the
            results that are ready go out.
        workers: Items at the same time, 1 or more.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for item in items:
                if item is not None:
                    pending.append(pool.submit(work, item))
                while pending and (len(pending) >= workers * AHEAD or pending[0].done()):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
