"""Work in pieces over threads. Pieces write to places of their own, so results are the same for any number of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from models.engine import threads


def spread(task: Callable[[int, int], None], size: int, *, piece: int) -> None:
    """Call `task(start, end)` for all of [0, size): at once, or in equal pieces of at most `piece` over the threads.

    `task` must not depend on where it is cut. The first exception of any piece is raised, after all have ended.
    """
    workers = min(threads(), -(-size // piece))
    if workers <= 1:
        if size:
            task(0, size)
        return
    rounds = -(-size // (workers * piece))
    step = -(-size // (workers * rounds))
    pool = _pool(threads(), os.getpid())
    begun = [pool.submit(task, start, min(start + step, size)) for start in range(0, size, step)]
    for future in begun:
        future.exception()
    for future in begun:
        future.result()


@lru_cache(maxsize=1)
def _pool(count: int, _process: int) -> ThreadPoolExecutor:
    """Of this process: a forked one inherits the pool of its parent without its threads."""
    return ThreadPoolExecutor(count, thread_name_prefix="kernel")
