"""What one process measures, with its threads limited before NumPy, numba, Polars or Rust could start theirs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.peers import accuracy
from benchmarks.peers.accuracy import Corner, Deviation
from benchmarks.peers.adapters import OWN, installed
from benchmarks.peers.chains import Chain, make_chain, solvable
from benchmarks.peers.peer import Peer
from benchmarks.peers.ratios import Contender, Timing, interleaved
from benchmarks.peers.truth import as_columns, truth_rows

_LIMITS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS",
    "NUMBA_NUM_THREADS",
)  # fmt: skip
_SCALAR_SHARE = 100  # one contract a call is tried on every hundredth contract
Kind = Literal["implied_vol", "greeks"]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    contracts: int = 400_000
    truths: int = 3_000
    rounds: int = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate in one comparison. `errors` by group of contracts or by greek; corners for volatility only."""

    name: str
    version: str
    licence: str
    takes: str
    differs: str
    outputs: int
    timing: Timing
    errors: dict[str, Deviation]
    corners: list[Corner] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All candidates of one kind, ours first, and how many contracts were worked through."""

    rows: list[Row]
    contracts: int


def apart(function: Callable[..., Any], threads: int, *arguments: Any) -> Any:
    """`function` in a process of its own, on so many threads at most; what it gives."""
    with _limited(threads), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def on_one_core() -> None:
    """Tie this process to one core, so that no candidate has a second one even if it ignores its limits."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def compare(kind: Kind, size: Size) -> Comparison:
    """Accuracy on a sample and speed on the chain of every installed candidate."""
    on_one_core()
    chain = make_chain(size.contracts)
    with progress_bar() as bar:
        candidates = [*OWN, *(peer for peer in installed() if getattr(peer, kind))]
        sample = accuracy.sample_of(chain, size.truths)
        exact = truth_rows(sample, with_volatility=kind == "implied_vol")
        truth = as_columns(list(bar.track(exact, total=sample.size, description=f"{kind}: truth in sixty digits")))
        task = bar.add_task(f"{kind}: accuracy", total=len(candidates))
        errors, corners = {}, {}
        for peer in candidates:
            bar.update(task, description=f"{kind}: accuracy of {peer.name}")
            make = getattr(peer, kind)
            measured = accuracy.implied_vol_errors if kind == "implied_vol" else accuracy.greek_errors
            errors[peer.name] = measured(make, sample, truth)
            corners[peer.name] = accuracy.corner_answers(make, raises=peer.raises) if kind == "implied_vol" else []
            bar.advance(task)
        timed = solvable(chain) if kind == "implied_vol" else chain
        timings = _timings(kind, candidates, timed, size.rounds, bar)
    rows = []
    for peer in candidates:
        measured_of = (timings[peer.name], errors[peer.name], corners[peer.name])
        rows.append(Row(peer.name, peer.version, peer.licence, peer.takes, peer.differs, peer.outputs, *measured_of))
    return Comparison(rows, timed.size)


def progress_bar() -> Progress:
    """On stderr, for stdout carries the tables."""
    columns = (TextColumn("{task.description:<52}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _timings(kind: Kind, candidates: list[Peer], chain: Chain, rounds: int, bar: Progress) -> dict[str, Timing]:
    part = chain.take(slice(_SCALAR_SHARE // 2, None, _SCALAR_SHARE))
    contenders = []
    for peer in candidates:
        used = part if peer.is_scalar else chain
        contenders.append(Contender(peer.name, getattr(peer, kind)(used).run, used.size))
    task = bar.add_task(f"{kind}: speed", total=len(contenders) * (rounds + 1))

    def on_step(name: str) -> None:
        bar.update(task, description=f"{kind}: speed of {name}", advance=1)

    return interleaved(contenders, contenders[: len(OWN)], rounds=rounds, on_step=on_step)


@contextmanager
def _limited(threads: int) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _LIMITS}
    os.environ.update(dict.fromkeys(_LIMITS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
