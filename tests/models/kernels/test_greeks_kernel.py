"""The kernel of the greeks: its own formulas, and the same bits however its work is cut."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from models import domain
from models.conventions import Floats
from models.engine import set_threads
from models.kernels import greeks, lognormal
from models.kernels.compiled import Numbers, Out, kernel
from tests.models import truth
from tests.models.option_samples import contracts

mills, beyond, BEYOND = lognormal.mills, lognormal.beyond, lognormal.BEYOND
OUTPUTS = 10


@kernel
def _mills(count: int, x: Numbers, y: Numbers, at_x: Out, slope: Out) -> None:
    for i in range(count):
        at_x[i], slope[i] = mills(x[i], y[i])


@kernel
def _is_beyond(count: int, x: Numbers, out: Out) -> None:
    for i in range(count):
        out[i] = 1.0 if (beyond(x[i]) & BEYOND) != 0 else 0.0


def filled(columns: list[np.ndarray], part: slice | np.ndarray, is_delta_of_forward: bool = False) -> Floats:
    """Bits of all outputs, for the part of the contracts."""
    given = [column[part] for column in columns]
    out = np.full((OUTPUTS, given[0].size), 7.0)
    greeks.fill_greeks(*given, is_delta_of_forward, tuple(out))
    return out.view(np.int64)


def some_contracts(count: int) -> list[np.ndarray]:
    """With every kind of nonsense between them, and their columns in the order of the kernel."""
    rng = np.random.default_rng(11)
    options = contracts(rng, count)
    order = ("spot", "forward", "strike", "t_years", "iv_frac", "discount_factor", "smooth_carry_frac", "is_call")
    columns = [options[name].copy() for name in order]
    for column in columns[:-1]:
        column[rng.random(count) < 0.03] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-310, 1e300])
    return columns


def true_mills(x: float) -> mp.mpf:
    return mp.exp(mp.mpf(x) ** 2 / 2) * truth.normal_tail(-mp.mpf(x))


def test_both_tails_and_what_lies_between_them_are_true_however_near_they_are():
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(-0.01, 3, 150), rng.uniform(0, 38, 150), [-0.01, 0.0, 0.0, 0.0]])
    apart = np.concatenate([10 ** rng.uniform(-15, 1.5, 300), [1e-14, 1e-14, 1.0, 38.0]])
    y = np.maximum(x + apart, np.nextafter(x, np.inf))
    at_x, slope = np.empty_like(x), np.empty_like(x)
    _mills(x.size, x, y, at_x, slope)
    with mp.workdps(truth.DIGITS):
        for i, (near, far) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
            value = true_mills(near)
            assert abs(at_x[i] / value - 1) < 2e-15
            assert abs(slope[i] / ((value - true_mills(far)) / (mp.mpf(far) - mp.mpf(near))) - 1) < 2e-13


def test_the_domain_is_told_by_bits_as_by_comparisons():
    edges = [domain.LEAST, domain.LIMIT, 1e-323, 2.2e-308, 1.0, 1.7e308]
    x = np.array([*edges, *(np.nextafter(e, s) for e in edges for s in (0.0, np.inf)), 0.0, np.inf, np.nan])
    x = np.concatenate([x, -x, np.random.default_rng(5).integers(-(2**63), 2**63, 10_000).view(np.float64)])
    found = np.empty_like(x)
    _is_beyond(x.size, x, found)
    np.testing.assert_array_equal(found != 0.0, ~((x >= domain.LEAST) & (x < domain.LIMIT)))


@pytest.mark.parametrize("is_delta_of_forward", [False, True])
def test_every_length_and_offset_gives_the_same_bits(is_delta_of_forward: bool):
    columns = some_contracts(120)
    whole = filled(columns, slice(None), is_delta_of_forward)
    for length in range(1, 41):
        for start in (0, 1, 2, 3, 5, 8, 13, 79):
            part = slice(start, start + length)
            np.testing.assert_array_equal(filled(columns, part, is_delta_of_forward), whole[:, part])


def test_every_order_gives_the_same_bits():
    columns = some_contracts(997)
    order = np.random.default_rng(3).permutation(997)
    np.testing.assert_array_equal(filled(columns, order), filled(columns, slice(None))[:, order])


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("piece", [1, 17, 64, 1000])
def test_every_number_of_threads_and_every_cut_gives_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, count: int, piece: int
):
    columns = some_contracts(997)
    whole = filled(columns, slice(None))
    monkeypatch.setattr(greeks, "_PIECE", piece)
    set_threads(count)
    np.testing.assert_array_equal(filled(columns, slice(None)), whole)


def test_inputs_that_lie_over_each_other_and_over_outputs_give_the_same_bits():
    columns = some_contracts(100)
    columns[1] = columns[0]  # the forward is the spot, in the same memory
    expected = filled(columns, slice(None))
    out = np.full((OUTPUTS, 100), 7.0)
    columns[4] = out[9]
    columns[4][:] = some_contracts(100)[4]
    greeks.fill_greeks(*columns, False, tuple(out))
    np.testing.assert_array_equal(out.view(np.int64), expected)


def test_nothing_beside_the_outputs_is_written():
    columns = some_contracts(33)
    before = [column.copy() for column in columns]
    room = np.full((OUTPUTS, 60), 7.0)
    greeks.fill_greeks(*columns, False, tuple(row[10:43] for row in room))
    assert (room[:, :10] == 7.0).all()
    assert (room[:, 43:] == 7.0).all()
    for column, same in zip(columns, before, strict=True):
        np.testing.assert_array_equal(column, same)
