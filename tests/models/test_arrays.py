"""Whatever array-likes are given to a public function: the same numbers come out, or one clear error, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import strategies as st

from models.arrays import aligned, flags, numbers, places
from models.black import Greeks, greeks

STRIKES = np.array([80.0, 95.0, 100.0, 105.0, 130.0, 90.0])
IS_CALL = np.array([True, False, True, True, False, False])


def of(strike: Any, is_call: Any = IS_CALL, **others: Any) -> Greeks:
    given: dict[str, Any] = {"spot": 99.0, "forward": 100.0, "t_years": 0.5, "iv_frac": 0.25, "discount_factor": 0.98}
    return greeks(**given | others, strike=strike, is_call=is_call)


def assert_same(found: Greeks, expected: Greeks) -> None:
    for name in Greeks._fields:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def unaligned(values: np.ndarray) -> np.ndarray:
    buffer = np.zeros(values.nbytes + 1, np.uint8)
    buffer[1:] = values.view(np.uint8)
    return np.frombuffer(buffer.tobytes(), dtype=values.dtype, offset=1)


def read_only(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values.flags.writeable = False
    return values


@pytest.mark.parametrize(
    "made",
    [
        list,
        tuple,
        read_only,
        unaligned,
        pl.Series,
        pd.Series,
        pd.Index,
        lambda v: np.repeat(v, 2)[::2],
        lambda v: v[::-1].copy()[::-1],
        lambda v: np.asfortranarray(np.column_stack([v, v]))[:, 0],
        lambda v: v.astype(v.dtype.newbyteorder()),
        lambda v: np.ma.masked_array(v, mask=False),
        lambda v: np.rec.fromarrays([v, v], names="a,b")["a"],
    ],
    ids=lambda made: getattr(made, "__name__", "array"),
)
def test_every_sequence_of_numbers_gives_the_same_greeks(engine, made: Callable[[np.ndarray], Any]):
    assert_same(of(made(STRIKES)), of(STRIKES))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.longdouble, np.int64, np.int8, np.uint16])
def test_other_floats_and_whole_numbers_are_numbers(engine, dtype):
    strikes = np.array([80, 96, 100, 112, 120, 90]).astype(dtype)
    assert_same(of(strikes), of(strikes.astype(np.float64)))


def test_matrices_and_higher_dimensions_keep_their_shape(engine):
    table = np.asfortranarray(STRIKES.reshape(2, 3))
    found = of(table, IS_CALL.reshape(2, 3), spot=np.array([[99.0], [99.0]]))
    assert found.delta.shape == (2, 3)
    np.testing.assert_array_equal(found.delta.ravel(), of(STRIKES).delta)
    with pytest.warns(PendingDeprecationWarning):
        given = np.asmatrix(STRIKES)
    matrix = of(given, IS_CALL[None, :])
    assert type(matrix.delta) is np.ndarray
    assert matrix.delta.shape == (1, 6)


def test_scalars_broadcast_and_come_back_without_dimensions(engine):
    found = of(100.0, True)
    assert all(values.shape == () for values in found)
    np.testing.assert_array_equal(of(STRIKES, True).delta[2], found.delta)
    grid = of(STRIKES[:, None], True, iv_frac=np.array([0.1, 0.2]))
    assert grid.vomma.shape == (6, 2)
    np.testing.assert_array_equal(grid.vomma[3, 1], of(105.0, True, iv_frac=0.2).vomma)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_nothing_gives_nothing(engine, shape: tuple[int, ...]):
    found = of(np.empty(shape), np.empty(shape, bool))
    assert all(values.shape == shape for values in found)


def test_masked_and_missing_numbers_are_nan(engine):
    expected = of(np.where(np.arange(6) == 2, np.nan, STRIKES))
    assert np.isnan(expected.price).tolist() == [False, False, True, False, False, False]
    assert_same(of(np.ma.masked_equal(STRIKES, 100.0)), expected)
    assert_same(of(np.ma.masked_equal(STRIKES.astype(np.int64), 100)), expected)
    assert_same(of(pl.Series([80.0, 95.0, None, 105.0, 130.0, 90.0])), expected)


def test_results_share_no_memory_with_what_was_given(engine):
    strikes = STRIKES.copy()
    found = of(strikes)
    assert all(not np.shares_memory(values, strikes) for values in found)
    np.testing.assert_array_equal(strikes, STRIKES)
    for values in found:
        values[:] = 0.0  # each is the caller's own
    np.testing.assert_array_equal(found.price, 0.0)


@pytest.mark.parametrize(
    "given",
    [
        ["80"] * 6,
        [None] * 6,
        np.array([80.0] * 6, object),
        IS_CALL,
        STRIKES + 1j,
        np.array(["2024-01-01"] * 6, "M8[D]"),
        {"strike": 80.0},
        pl.Series(["a"] * 6),
        np.zeros(6, "f8,f8"),
    ],
    ids=str,
)
def test_what_is_no_number_is_a_type_error_that_names_it(engine, given: Any):
    with pytest.raises(TypeError, match=r"^strike: real numbers are needed, not .*$") as caught:
        of(given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [[1, 0, 1, 1, 0, 0], ["call"] * 6, IS_CALL.astype(np.float64), np.ma.masked_array(IS_CALL), [True, None] * 3],
    ids=str,
)
def test_what_is_no_flag_is_a_type_error_that_names_it(engine, given: Any):
    with pytest.raises(TypeError, match=r"^is_call: True and False are needed"):
        of(STRIKES, given)


def test_lengths_that_do_not_fit_are_told_with_their_names(engine):
    with pytest.raises(ValueError, match=r"^arrays of different lengths: .*strike \(5,\).*is_call \(6,\)$"):
        of(STRIKES[:5])


def test_arguments_come_out_flat_contiguous_aligned_and_in_their_order():
    shape, (a, b, c) = aligned({
        "a": numbers("a", np.asfortranarray(np.arange(6.0).reshape(2, 3))),
        "b": numbers("b", 7),
        "c": flags("c", [[True], [False]]),
    })  # fmt: skip
    assert shape == (2, 3)
    assert (a.tolist(), b.tolist(), c.tolist()) == ([*range(6)], [7.0] * 6, [True] * 3 + [False] * 3)
    assert all(column.flags.c_contiguous and column.flags.aligned for column in (a, b, c))


@hypothesis.given(st.lists(st.booleans(), max_size=12))
def test_places_pick_what_flags_pick_and_are_a_slice_where_that_is_one_run(flags: list[bool]):
    chosen, values = np.array(flags, dtype=bool), np.arange(len(flags))
    found = places(chosen)
    assert values[found].tolist() == values[chosen].tolist()
    is_one_run = "01" not in "".join(str(int(flag)) for flag in flags).strip("0")
    assert isinstance(found, slice) is is_one_run
