"""Interleaved timing: every round times ours right beside each candidate, so that a slow minute slows both."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Contender:
    """Something that can be run, and how many contracts (or evaluations) a run works through."""

    name: str
    run: Callable[[], Any]
    work: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long as the base, per unit of work, and the least and the greatest of the rounds."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Units of work a second, and the ratio to each base by its name."""

    rate: float
    ratios: dict[str, Ratio]


def interleaved(
    contenders: Sequence[Contender],
    bases: Sequence[Contender],
    *,
    rounds: int,
    is_by_wall: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
) -> dict[str, Timing]:
    """Time all contenders against all bases. Each runs once before, so that nothing compiles while it is timed.

    The clock is that of the processor, which does not run while another process has the core, and medians of the rounds
    count. Work on several threads is timed by the wall's clock; there the fastest round of each counts, for what other
    processes take is not its own.
    """
    clock = time.perf_counter if is_by_wall else time.process_time
    everyone = [*bases, *(contender for contender in contenders if contender not in bases)]
    for contender in everyone:
        on_step(contender.name)
        _seconds(contender, clock)
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    beside: dict[str, dict[str, list[float]]] = {name: {base.name: [] for base in bases} for name in seconds}
    for _ in range(rounds):
        for contender in contenders:
            of_bases = {base.name: _seconds(base, clock) for base in bases}
            own = of_bases.get(contender.name)
            seconds[contender.name].append(_seconds(contender, clock) if own is None else own)
            for name, taken in of_bases.items():
                beside[contender.name][name].append(taken)
            on_step(contender.name)
    typical = min if is_by_wall else statistics.median
    return {
        name: Timing(
            1.0 / typical(taken),
            {base: _ratio(taken, found, is_of_fastest=is_by_wall) for base, found in beside[name].items()},
        )
        for name, taken in seconds.items()
    }


def _seconds(contender: Contender, clock: Callable[[], float]) -> float:
    """Per unit of work."""
    gc.disable()
    try:
        with np.errstate(all="ignore"):
            begun = clock()
            contender.run()
            return (clock() - begun) / contender.work
    finally:
        gc.enable()


def _ratio(taken: list[float], base: list[float], *, is_of_fastest: bool) -> Ratio:
    rounds = [own / other for own, other in zip(taken, base, strict=True)]
    value = min(taken) / min(base) if is_of_fastest else statistics.median(rounds)
    return Ratio(value, min(rounds), max(rounds))
