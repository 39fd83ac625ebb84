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
    """How many times as long as the base, per unit of work: median of the rounds, the least and the greatest."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Units of work a second (median), and the ratio to each base by its name."""

    rate: float
    ratios: dict[str, Ratio]


def interleaved(
    contenders: Sequence[Contender],
    bases: Sequence[Contender],
    *,
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    on_step: Callable[[str], None] = lambda _: None,
) -> dict[str, Timing]:
    """Time all contenders against all bases. Each runs once before, so that nothing compiles while it is timed.

    The clock is that of the processor, which does not run while another process has the core; work on several threads
    wants `time.perf_counter`.
    """
    everyone = [*bases, *(contender for contender in contenders if contender not in bases)]
    for contender in everyone:
        on_step(contender.name)
        _seconds(contender, clock)
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    ratios: dict[str, dict[str, list[float]]] = {name: {base.name: [] for base in bases} for name in seconds}
    for _ in range(rounds):
        for contender in contenders:
            beside = {base.name: _seconds(base, clock) for base in bases}
            taken = beside[contender.name] if contender.name in beside else _seconds(contender, clock)
            seconds[contender.name].append(taken)
            for name, base_taken in beside.items():
                ratios[contender.name][name].append(taken / base_taken)
            on_step(contender.name)
    return {
        name: Timing(1.0 / statistics.median(taken), {base: _ratio(found) for base, found in ratios[name].items()})
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


def _ratio(found: list[float]) -> Ratio:
    return Ratio(statistics.median(found), min(found), max(found))
