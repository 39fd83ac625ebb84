"""Who computes the heavy formulas: compiled kernels, or the same formulas in plain NumPy; and on how many threads.

One switch for all of them. The plain versions are the reference of the tests and stand in where nothing can be
compiled; both fill the same arrays, so nobody above this module knows which one ran.
"""

from __future__ import annotations

from importlib import import_module
from operator import index
from typing import Any, Literal

Engine = Literal["compiled", "plain"]
ENGINES: tuple[Engine, ...] = ("compiled", "plain")
_ROOMS: dict[Engine, str] = {"compiled": "models.kernels", "plain": "models.plain"}
_chosen: Engine = "compiled"
_threads = 1


def use(engine: Engine) -> None:
    """From now on `engine` computes, in this process. ValueError for another name."""
    if engine not in ENGINES:
        raise ValueError(f"{engine!r} is not an engine; there are {' and '.join(ENGINES)}")
    global _chosen  # noqa: PLW0603 - the one switch
    _chosen = engine


def engine() -> Engine:
    """The one that computes now."""
    return _chosen


def set_threads(count: int) -> None:
    """How many threads a call of a compiled kernel may use at most; results do not depend on it. 1 until said.

    TypeError for what is no whole number, ValueError for less than one.
    """
    count = index(count)
    if count < 1:
        raise ValueError(f"at least one thread is needed, not {count}")
    global _threads  # noqa: PLW0603 - a setting of the process
    _threads = count


def threads() -> int:
    """How many threads a call may use now."""
    return _threads


def implementation(module: str) -> Any:
    """The module of that name in the room of the engine; it is imported, and numba with it, on the first use."""
    return import_module(f"{_ROOMS[_chosen]}.{module}")
