"""The kernel of the grids: the same bits however the work is cut, and how true its tail is."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from models import engine as switch
from models.grid import Grid, repriced_grid
from models.kernels import grid as compiled
from models.kernels.bell import BELL_SCALE, bell
from models.kernels.compiled import Numbers, Out, kernel

SPOT = 4000.0
TIMES, PRICES = np.linspace(0.0, 0.02, 7), SPOT * np.linspace(0.87, 1.13, 101)


def grid_of(times: np.ndarray = TIMES, prices: np.ndarray = PRICES) -> Grid:
    random = np.random.default_rng(5)
    t = np.repeat(np.exp(random.uniform(-6, 0.5, 9)), 33)
    return repriced_grid(
        spot=SPOT, forward=SPOT * np.exp(0.03 * t), strike=SPOT * random.uniform(0.7, 1.3, t.size), t_years=t,
        iv_frac=random.uniform(0.05, 0.9, t.size), discount_factor=np.exp(-0.04 * t),
        is_call=random.random(t.size) < 0.5, smooth_carry_frac=0.01, weights=random.normal(size=(3, t.size)),
        times_years=times, prices=prices,
    )  # fmt: skip


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(threads: int):
    alone = grid_of()
    switch.set_threads(threads)
    for together, grid in zip(grid_of(), alone, strict=True):
        np.testing.assert_array_equal(together, grid)


@pytest.mark.parametrize("cut", [1, 3, 7, 8, 16, 33, 100])
def test_any_cut_of_prices_and_times_gives_the_same_bits(cut: int):
    parts = (grid_of(prices=part) for part in (PRICES[:cut], PRICES[cut:]))
    for whole, *pieces in zip(grid_of(), *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate(pieces, axis=2), whole)
    for whole, first, rest in zip(grid_of(), grid_of(TIMES[: cut % 7]), grid_of(TIMES[cut % 7 :]), strict=True):
        np.testing.assert_array_equal(np.concatenate([first, rest], axis=1), whole)


@kernel
def _tails(count: int, d: Numbers, out: Out) -> None:
    for i in range(count):
        z = d[i] * BELL_SCALE
        out[i] = compiled_tail(z, bell(z))


compiled_tail = compiled._tail


def test_the_tail_is_true_to_sixty_digits():
    d = np.concatenate([np.linspace(-9.0, 9.0, 4001), -np.geomspace(1e-12, 37.0, 200), [0.0]])
    found = np.empty_like(d)
    _tails(d.size, d, found)
    with mp.workdps(60):
        for x, tail in zip(d.tolist(), found.tolist(), strict=True):
            true = mp.ncdf(mp.mpf(x))
            assert abs(tail - true) <= 3e-15
            assert abs(tail - true) <= (4e-12 if x > -5.0 else 3e-10) * true


def test_far_tails_end_in_exact_zero_and_one():
    d = np.array([-1e30, -40.0, 40.0, 1e30])
    found = np.empty_like(d)
    _tails(d.size, d, found)
    np.testing.assert_array_equal(found, [0.0, 0.0, 1.0, 1.0])
