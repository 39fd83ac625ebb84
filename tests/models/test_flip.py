"""The gamma flip against closed forms, and every reason why there may be none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.flip import Curve, Flip, exposure_function, exposure_slope, find_flip, sign_changes
from models.profile import Legs, gamma_profile, make_legs, spot_grid
from models.repricing import SpotGrid
from tests.models.chains import contracts_of, quoted
from tests.models.test_exposures import exposed

SPOT = 100.0
pytestmark = pytest.mark.usefixtures("engine")


def book(strikes, weights, *, years=0.1, vol=0.2, basis=0.0, spot=SPOT) -> Legs:
    count = len(strikes)
    return make_legs(
        spot=spot, forward=np.full(count, spot * np.exp(basis * years)), strike=np.array(strikes, dtype=float),
        t_years=np.full(count, years), iv_frac=np.broadcast_to(vol, count).astype(float),
        discount_factor=np.full(count, 0.99), weights=np.array([weights], dtype=float),
        series=np.zeros(count, dtype=np.int64),
    )  # fmt: skip


def curve_of(legs: Legs, spot: float = SPOT) -> Curve:
    def on_grid(first: int, end: int) -> np.ndarray:
        return gamma_profile(legs, spot_grid(spot)[first:end], 1)[0, 0]

    return Curve(legs, 0, np.ones(legs.slope.size, dtype=bool), on_grid)


def flip_of(legs: Legs, bumped: tuple[Legs, ...] = (), spot: float = SPOT) -> Flip:
    return find_flip(curve_of(legs, spot), [curve_of(leg, spot) for leg in bumped], spot_grid(spot), spot)


@settings(deadline=None)
@given(st.floats(88, 99), st.floats(101, 112), st.floats(0.02, 0.5), st.floats(0.1, 0.5), st.floats(-0.05, 0.05))
def test_two_strikes_of_equal_size_flip_at_their_geometric_mean(low, high, years, vol, basis):
    flip = flip_of(book([low, high], [-1.0, 1.0], years=years, vol=vol, basis=basis))
    expected = np.sqrt(low * high) * np.exp(-(vol**2) * years / 2) / np.exp(basis * years)
    if not 0.81 * SPOT < expected < 1.19 * SPOT:
        return
    assert flip.nearest is not None
    assert flip.nearest.level == pytest.approx(expected, rel=1e-11)
    assert flip.status == "ok"


@settings(deadline=None, max_examples=200)
@given(st.integers(85, 99), st.integers(101, 115), st.floats(0.1, 0.5))
def test_a_flip_that_lies_on_a_point_of_the_grid_is_found(low, high, vol):
    years = 0.1
    basis = (np.log(np.sqrt(low * high) / SPOT) - vol**2 * years / 2) / years
    flip = flip_of(book([low, high], [-1.0, 1.0], years=years, vol=vol, basis=basis))
    assert flip.nearest is not None
    assert flip.nearest.level == pytest.approx(SPOT, rel=1e-10)


def test_the_bracket_holds_the_flip_and_is_one_step_of_the_grid():
    flip = flip_of(book([95, 105], [-1, 1]))
    assert flip.nearest is not None
    assert flip.nearest.low <= flip.nearest.level <= flip.nearest.high
    assert flip.nearest.high - flip.nearest.low == pytest.approx(0.001 * SPOT)


def test_the_slope_is_the_derivative_of_the_profile_at_the_flip():
    legs = book([95, 105], [-1, 1])
    value, level = exposure_function(curve_of(legs)), 99.5
    difference = (value(level + 1e-4) - value(level - 1e-4)) / 2e-4
    assert exposure_slope(curve_of(legs), level) == pytest.approx(difference, rel=1e-7)


def test_all_zeros_are_found_and_the_nearest_is_published():
    flip = flip_of(book([88, 97, 106], [1, -1, 1], vol=0.1))
    assert (flip.status, len(flip.roots)) == ("several", 2)
    assert flip.nearest is not None
    distances = [abs(root.level - SPOT) for root in flip.roots]
    assert abs(flip.nearest.level - SPOT) == min(distances)


def test_short_dealers_never_flip():
    assert flip_of(book([95, 105], [-1, -1])) == Flip("no_sign_change", (), None, None, None)


def test_the_band_spans_the_flips_of_the_four_bumps():
    bumps = [{"vol": 0.21}, {"vol": 0.19}, {"basis": 0.01}, {"basis": -0.01}]
    moved = [flip_of(book([95, 105], [-1, 1], **bump)).nearest for bump in bumps]
    levels = [root.level for root in moved if root is not None]
    flip = flip_of(book([95, 105], [-1, 1]), tuple(book([95, 105], [-1, 1], **bump) for bump in bumps))
    assert flip.nearest is not None
    levels.append(flip.nearest.level)
    assert flip.band == pytest.approx((min(levels), max(levels)), rel=1e-12)


def test_a_bump_without_a_flip_leaves_no_band():
    flip = flip_of(book([95, 105], [-1, 1]), (book([95, 105], [-1, -1]),))
    assert flip.nearest is not None
    assert flip.band is None


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.floats(75, 125), st.sampled_from([-3.0, -1.0, 1.0, 2.0])), min_size=2, max_size=9),
    st.lists(st.sampled_from([-3.0, -1.0, 1.0, 2.0]), min_size=9, max_size=9),
    st.sampled_from([1e-6, 1e-4, 0.01, 0.1]),
)
def test_the_zero_of_a_bump_is_the_nearest_of_the_whole_grid_though_only_its_surroundings_are_priced(
    held, moved, years
):
    strikes, weights = zip(*held, strict=True)
    flip = flip_of(book(strikes, weights, years=years))
    if flip.nearest is None:
        return
    bumped = book(strikes, moved[: len(strikes)], years=years)
    band = flip_of(book(strikes, weights, years=years), (bumped,)).band
    of_all = find_flip(curve_of(bumped), (), spot_grid(SPOT), flip.nearest.level).nearest
    levels = [flip.nearest.level, *([] if of_all is None else [of_all.level])]
    assert band == (None if of_all is None else (min(levels), max(levels)))


def test_only_the_surroundings_of_the_flip_are_priced_where_the_zero_is_there():
    legs, asked = book([95, 105], [-1, 1]), []

    def on_grid(first: int, end: int) -> np.ndarray:
        asked.append(end - first)
        return curve_of(legs).on_grid(first, end)

    find_flip(curve_of(legs), [replace(curve_of(legs), on_grid=on_grid)], spot_grid(SPOT), SPOT)
    assert asked
    assert max(asked) < 100


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 401), st.integers(0, 401)).map(sorted), min_size=1, max_size=6))
def test_a_grid_knows_the_same_bits_in_whatever_order_it_is_asked(windows):
    legs = book([88, 97, 106], [1, -1, 1])
    spots = spot_grid(SPOT)
    grid, whole = SpotGrid(legs, spots, 1), gamma_profile(legs, spots, 1)
    for first, end in windows:
        assert grid.over(first, end).tobytes() == whole[:, :, first:end].tobytes()


def test_a_zero_on_the_grid_itself_is_stepped_over():
    changes = sign_changes(np.array([1.0, 2.0, 3.0, 4.0]), np.array([-1.0, 0.0, 2.0, 0.0]))
    assert changes == [(1.0, 3.0, -1.0, 2.0)]


@pytest.mark.parametrize("held", [[], [4000.0]])
def test_fewer_than_two_held_strikes_are_insufficient(held: list[float]):
    contracts = contracts_of(quoted(30))
    count = pl.when(pl.col("strike").is_in(held)).then(10.0).otherwise(0.0)
    levels = exposed(contracts.with_columns(open_interest=count)).key_levels
    rows = levels.filter(pl.col("scope") == "all")
    assert rows["gamma_flip_status"].to_list() == ["insufficient_data"] * 2
    assert rows["gamma_flip"].to_list() == rows["gamma_flip_root_count"].to_list() == [None, None]


def test_published_flip_columns_hang_together():
    counts = pl.when(pl.col("option_type") == "call").then(pl.col("strike") - 3000).otherwise(5000 - pl.col("strike"))
    levels = exposed(contracts_of(quoted(30)).with_columns(open_interest=counts)).key_levels
    row = levels.filter(pl.col("scope") == "all").row(0, named=True)
    assert row["gamma_flip_status"] == "ok"
    assert row["gamma_flips"] == [row["gamma_flip"]]
    assert row["gamma_flip_low"] <= row["gamma_flip"] <= row["gamma_flip_high"]
    assert row["gamma_flip_bracket_low"] <= row["gamma_flip"] <= row["gamma_flip_bracket_high"]
    assert (row["gamma_flip_search_low"], row["gamma_flip_search_high"]) == pytest.approx((3200, 4800))
    assert row["distance_to_flip_pct"] == pytest.approx(100 * (4000 / row["gamma_flip"] - 1))
