"""Results of pure functions, remembered while the versions of a partition follow one another.

A partition's versions are cumulative over the snapshots of its session: each later one would compute the earlier
snapshots again, from the same frames.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


def remembered(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """`function(*args, **kwargs)`, computed once for the same contents. Nobody may change what it returns."""
    result: _R = _computed(function, pickle.dumps((args, kwargs), protocol=5))
    return result


@lru_cache(maxsize=256)
def _computed(function: Callable[..., Any], contents: bytes) -> Any:
    args, kwargs = pickle.loads(contents)  # noqa: S301 - our own bytes, of a moment ago
    return function(*args, **kwargs)
