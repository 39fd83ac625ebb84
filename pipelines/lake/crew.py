"""Who computes: threads at first, processes once there is enough work to repay their start.

A small partition is mostly Python, which threads of one process only share; a process takes seconds to import what it
needs. Forking after Polars has started hangs, so processes are spawned. They stay until this process ends.

A task alone lets the kernels of `models` use every core; tasks side by side share the cores among them.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from models import engine
from pipelines.settings import kernel_engine

_P = ParamSpec("_P")
_R = TypeVar("_R")
_log = logging.getLogger(__name__)
BY_THREADS_FIRST = 40  # tasks


class Crew:
    """`count` workers. A task is a function of a module and arguments that can be sent to another process.

    `threads_first`: after so many tasks processes begin; 0 where each task is heavy enough to repay their start.
    """

    def __init__(self, count: int, *, threads_first: int | None = None) -> None:
        self._count, self._given = count, 0
        self._threads_first = BY_THREADS_FIRST if threads_first is None else threads_first
        self._threads = ThreadPoolExecutor(count)
        self._at_work = 0
        self._counting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def submit(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        self._given += 1
        if self._count == 1 or self._given <= self._threads_first:
            return self._threads.submit(self._here, function, *args, **kwargs)
        return self._threads.submit(_in_a_process, self._count, function, *args, **kwargs)

    def _here(self, function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        self._count_task(1)
        try:
            return function(*args, **kwargs)
        finally:
            self._count_task(-1)

    def _count_task(self, step: int) -> None:
        with self._counting:
            self._at_work += step
            engine.set_threads(max(1, self._count // max(1, self._at_work)))


def _in_a_process(count: int, function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """The result of a worker process. One that dies (out of memory) takes its pool with it: then by this thread."""
    try:
        return _processes(count).submit(function, *args, **kwargs).result()
    except BrokenProcessPool:
        _log.warning("a worker process died; its task is computed without it")
        _processes.cache_clear()
        return function(*args, **kwargs)


@lru_cache(maxsize=1)
def _processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """In a new worker, before it imports Polars: one core each; no life beyond the parent's; Ctrl-C is the parent's."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    engine.use(kernel_engine())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
