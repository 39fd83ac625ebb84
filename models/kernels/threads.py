"""Work in pieces over threads. Pieces write to places of their own, so results are the same for any number of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from models.engine import threads


def spread(task: Callable[[int, int], None], size: int, *, piece: int) -> None:
    """Call `task(start, end)` for all of [0, size): at once, or in pieces of `piece` on as many threads as are allowed.

    `task` must not depend on where it is cut. The first exception of any piece is raised, after all have ended.
    """
    count = min(threads(), -(-size // piece))
    if count <= 1:
        if size:
            task(0, size)
        return
    begun = [_pool(threads()).submit(task, start, min(start + piece, size)) for start in range(0, size, piece)]
    for future in begun:
        future.exception()
    for future in begun:
        future.result()


@lru_cache(maxsize=1)
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="kernel")
