"""What a candidate is, and how calls are made of what it takes: one side, one expiry or one contract at a time."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.peers.chains import Chain, Floats

Greeks = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Call:
    """`run` is timed; `read` makes of what it gives the numbers in our units and in the order of the chain."""

    run: Callable[[], Any]
    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """A package as its index names it, what it needs besides price, strike and time, and how its units differ."""

    name: str
    module: str
    takes: str
    implied_vol: Callable[[Chain], Call] | None = None
    greeks: Callable[[Chain], Call] | None = None
    outputs: int = 0  # numbers that `greeks` computes for a contract, also those not compared
    is_scalar: bool = False  # one contract a call: timed on a part of the chain
    raises: bool = False  # raises where others give NaN; the loops here catch that
    differs: str = ""

    @property
    def is_installed(self) -> bool:
        """False where its group was not installed, or has no wheel for this Python."""
        return find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """As installed."""
        return importlib.metadata.version(self._distribution)

    @property
    def licence(self) -> str:
        """In the package's own words."""
        told = importlib.metadata.metadata(self._distribution)
        classes = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if "License" in line]
        stated = [*told.get_all("License-Expression", []), *told.get_all("License", []), " or ".join(classes)]
        return next((words for words in stated if words), "not stated")

    @property
    def _distribution(self) -> str:
        return self.name.partition(",")[0]


def by_side(chain: Chain, call: Callable[[Chain, bool], Any]) -> Call:
    """For peers that take one side a call."""
    rows = {side: np.flatnonzero(chain.is_call == side) for side in (True, False)}
    parts = {side: chain.take(rows[side]) for side in rows if rows[side].size}

    def read(found: Sequence[Any]) -> Any:
        out = np.full((len(found[0]), chain.size) if isinstance(found[0], tuple) else chain.size, np.nan)
        for side, values in zip(parts, found, strict=True):
            out[..., rows[side]] = values
        return out

    runs = [call(part, side) for side, part in parts.items()]
    return Call(lambda: [run() for run in runs], read)


def by_run(chain: Chain, call: Callable[[Chain], Callable[[], Any]], *, outputs: int = 1) -> Call:
    """For peers that take forward, rates, time or side as one number: a call for each expiry and side."""
    runs = [call(chain.take(part)) for part in chain.runs()]

    def read(found: list[Any]) -> Any:
        return np.concatenate(found) if outputs == 1 else np.concatenate([np.array(row) for row in found], axis=1)

    return Call(lambda: [run() for run in runs], read)


def one_by_one(function: Callable[..., float], rows: Iterable[tuple[Any, ...]]) -> Call:
    """For peers that take a contract a call, and raise where there is no answer."""
    listed = list(rows)

    def run() -> list[float]:
        out = []
        for row in listed:
            try:
                out.append(function(*row))
            except Exception:  # noqa: BLE001 - each peer has its own exceptions, and no common parent
                out.append(np.nan)
        return out

    return Call(run, lambda found: np.array(found, dtype=np.float64))


def listed(*columns: Any) -> Iterable[tuple[Any, ...]]:
    """Rows of Python's own numbers, which scalar functions take fastest."""
    return zip(*(np.asarray(column).tolist() for column in columns), strict=True)
