"""Gamma over a range of spots, gamma and charm over hours and spots: ours beside NumPy at its best, in place.

NumPy here is written for speed: blocks that stay in the cache, no temporary arrays, sums by matrix products. It also is
an independent check of what ours gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from benchmarks.peers.chains import Chain, Floats, make_chain
from benchmarks.peers.measure import Size, on_one_core, progress_bar
from benchmarks.peers.ratios import Contender, Timing, interleaved
from models import engine
from models.conventions import INV_SQRT_2PI
from models.grid import repriced_grid
from models.profile import Legs, gamma_profile, make_legs

PROFILE, GRID, CORES = "gamma profile", "gamma and charm grid", "gamma and charm grid on two cores"
OURS, MERGED, NUMPY = "dealerflow", "dealerflow, calls and puts merged", "NumPy in place"
GAMMA_ONLY = "NumPy in place, gamma only"
PLAIN, NUMPY_MERGED = "dealerflow, plain", "NumPy in place, gamma only, merged"
ONE, TWO = "dealerflow, one thread", "dealerflow, two threads"
NUMPY_ONE, NUMPY_TWO = f"{GAMMA_ONLY}, one thread", f"{GAMMA_ONLY}, two threads"
_SPOTS, _TIMES, _BLOCK = 200, 100, 256
_SESSION_YEARS = 6.5 / 24 / 365
_LEAST_YEARS = 60.0 / (365 * 86400)  # METHODS 7: the last minute stands
_HOURS_A_YEAR = 8760.0


@dataclass(frozen=True, slots=True)
class Surface:
    """Evaluations of one run (contracts x spots x times), timings by name, and the greatest deviation of each from
    NumPy, as a share of the greatest figure."""

    work: int
    bases: tuple[str, ...]
    timings: dict[str, Timing]
    deviations: dict[str, float]


Surfaces = dict[str, Surface]
Way = Callable[[], tuple[Floats, ...]]


@dataclass(frozen=True, slots=True)
class Book:
    """A day's contracts with a weight each, and where they are repriced."""

    chain: Chain
    weights: Floats
    spots: Floats
    times: Floats

    @property
    def spot(self) -> float:
        """One for all contracts."""
        return float(self.chain.spot[0])

    @property
    def carry(self) -> Floats:
        """r - q."""
        return self.chain.rate - self.chain.dividend


def make_book(size: Size) -> Book:
    """The first day of the chain, calls held and puts owed, 100 units a contract."""
    chain = make_chain(size.contracts)
    day = chain.take(chain.spot == chain.spot[0])
    spots = float(day.spot[0]) * np.linspace(0.85, 1.15, _SPOTS)
    weights = day.open_interest * np.where(day.is_call, 100.0, -100.0)
    return Book(day, weights, spots, np.linspace(0.0, _SESSION_YEARS, _TIMES))


def merged(book: Book) -> Book:
    """Calls and puts of a strike as one contract: they share volatility and forward, and so gamma (not charm)."""
    is_call = book.chain.is_call
    return Book(book.chain.take(is_call), book.weights[is_call] + book.weights[~is_call], book.spots, book.times)


def one_core(size: Size) -> Surfaces:
    """Profile and grid by the processor's clock, on one core."""
    on_one_core()
    engine.set_threads(1)
    book = make_book(size)
    legs, fewer = _legs(book), _legs(merged(book))
    sizes, distance = legs.weights[0] * legs.amplitude, np.log(book.spots / book.spot)
    profile = {
        NUMPY: lambda: (numpy_bells(legs.slope, legs.offset, sizes, distance) * book.spots,),
        PLAIN: _ours(lambda: (gamma_profile(legs, book.spots, 1)[0, 0],), "plain"),
        OURS: _ours(lambda: (gamma_profile(legs, book.spots, 1)[0, 0],)),
        MERGED: _ours(lambda: (gamma_profile(fewer, book.spots, 1)[0, 0],)),
    }
    grid = {
        GAMMA_ONLY: lambda: numpy_grid(book, with_charm=False),
        NUMPY_MERGED: lambda: numpy_grid(merged(book), with_charm=False),
        PLAIN: _ours(lambda: own_grid(book), "plain"),
        OURS: _ours(lambda: own_grid(book)),
    }
    cells, gamma = book.chain.size * _SPOTS, numpy_row(book, 0.0, with_charm=False)
    return {
        PROFILE: _measured(PROFILE, profile, gamma, (OURS, MERGED), cells, 3 * size.rounds),
        GRID: _measured(GRID, grid, numpy_grid(book), (OURS,), cells * _TIMES, 1 + size.rounds // 2),
    }


def many_cores(size: Size) -> Surfaces:
    """The grid by the wall's clock, on one thread and on two."""
    book = make_book(size)
    ways = {
        NUMPY_ONE: lambda: numpy_grid(book, with_charm=False),
        NUMPY_TWO: lambda: numpy_grid(book, with_charm=False, threads=2),
        ONE: _ours(lambda: own_grid(book), threads=1),
        TWO: _ours(lambda: own_grid(book), threads=2),
    }
    work = book.chain.size * _SPOTS * _TIMES
    return {
        CORES: _measured(
            CORES, ways, numpy_grid(book, with_charm=False), (ONE, TWO), work, size.rounds, is_by_wall=True
        )
    }


def numpy_grid(book: Book, *, with_charm: bool = True, threads: int = 1) -> tuple[Floats, ...]:
    """Net gamma in USD per 1 % and, if wanted, charm in USD per hour: arrays (times, spots)."""

    def row(after: float) -> tuple[Floats, ...]:
        return numpy_row(book, after, with_charm=with_charm)

    if threads == 1:
        rows = [row(float(after)) for after in book.times]
    else:
        with ThreadPoolExecutor(threads) as pool:
            rows = list(pool.map(row, book.times.tolist()))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def numpy_row(book: Book, after: float, *, with_charm: bool) -> tuple[Floats, ...]:
    """One time: contracts that have expired are left out, forwards and discount factors move with the carry."""
    is_live = book.chain.t_years > after
    chain, weights, carry = book.chain.take(is_live), book.weights[is_live], book.carry[is_live]
    t_years = np.maximum(chain.t_years - after, _LEAST_YEARS)
    total = chain.iv_frac * np.sqrt(t_years)
    units = np.exp(-chain.dividend * t_years) * weights
    slope = 1.0 / total
    offset = (np.log(chain.spot / chain.strike) + carry * t_years) * slope + 0.5 * total
    distance = np.log(book.spots / book.spot)
    gamma = 0.01 * book.spots * numpy_bells(slope, offset, units * slope * INV_SQRT_2PI, distance)
    if not with_charm:
        return (gamma,)
    charm = np.zeros(distance.size)
    for start in range(0, chain.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        d1 = slope[part, None] * distance + offset[part, None]
        bell = INV_SQRT_2PI * np.exp(-0.5 * d1 * d1)
        decay = 0.5 / t_years[part, None]
        slid = carry[part, None] * slope[part, None] - (d1 - total[part, None]) * decay
        tail = ndtr(d1) - ~chain.is_call[part, None]
        charm += units[part] @ (chain.dividend[part, None] * tail - bell * slid)
    return gamma, book.spots * charm / _HOURS_A_YEAR


def numpy_bells(slope: Floats, offset: Floats, sizes: Floats, distance: Floats) -> Floats:
    """Sum of size exp(-(slope distance + offset)^2/2) over the contracts, at every distance."""
    sums, cells = np.zeros(distance.size), np.empty((_BLOCK, distance.size))
    for start in range(0, slope.size, _BLOCK):
        part = slice(start, min(start + _BLOCK, slope.size))
        bell = cells[: part.stop - start]
        np.multiply(slope[part, None], distance, out=bell)
        bell += offset[part, None]
        np.multiply(bell, bell, out=bell)
        bell *= -0.5
        np.exp(bell, out=bell)
        sums += sizes[part] @ bell
    return sums


def _legs(book: Book) -> Legs:
    chain = book.chain
    return make_legs(
        spot=book.spot, forward=chain.forward, strike=chain.strike, t_years=chain.t_years, iv_frac=chain.iv_frac,
        discount_factor=chain.discount_factor, weights=book.weights[None], series=np.zeros(chain.size, dtype=np.int64),
    )  # fmt: skip


def own_grid(book: Book) -> tuple[Floats, ...]:
    """Ours of the same, by the engine in use."""
    chain = book.chain
    found = repriced_grid(
        spot=book.spot, forward=chain.forward, strike=chain.strike, t_years=chain.t_years, iv_frac=chain.iv_frac,
        discount_factor=chain.discount_factor, is_call=chain.is_call, weights=book.weights, times_years=book.times,
        prices=book.spots, smooth_carry_frac=book.carry,
    )  # fmt: skip
    return found.gamma_usd_per_1pct[0], found.charm_usd_per_hour[0]


def _ours(work: Way, chosen: engine.Engine = "compiled", threads: int = 1) -> Way:
    def run() -> tuple[Floats, ...]:
        engine.use(chosen)
        engine.set_threads(threads)
        return work()

    return run


def _measured(
    title: str, ways: Mapping[str, Way], truth: tuple[Floats, ...], bases: Sequence[str], work: int, rounds: int, *,
    is_by_wall: bool = False,
) -> Surface:  # fmt: skip
    contenders = {name: Contender(name, run, work) for name, run in ways.items()}
    with progress_bar() as bar:
        task = bar.add_task(title, total=len(contenders) * (rounds + 2))

        def on_step(name: str) -> None:
            bar.update(task, description=f"{title}: {name}", advance=1)

        deviations = {}
        for name, run in ways.items():
            deviations[name] = _deviation(run(), truth)
            on_step(name)
        rivals = [contenders[name] for name in bases]
        timings = interleaved(
            list(contenders.values()), rivals, rounds=rounds, is_by_wall=is_by_wall, on_step=on_step
        )  # fmt: skip
    return Surface(work, tuple(bases), timings, deviations)


def _deviation(found: tuple[Floats, ...], truth: tuple[Floats, ...]) -> float:
    """Of the figures that both give: gamma, or gamma and charm."""
    return max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in zip(found, truth, strict=False))
