"""The gamma profile: what it is by Black's gamma, that it depends on nothing but its legs and spot, what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import engine as switch
from models.black import greeks
from models.profile import Legs, gamma_profile, make_legs, spot_grid

SPOT = 4000.0
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
pytestmark = pytest.mark.usefixtures("engine")


def chain(count: int, *, seed: int = 0, series: int = 3, models: int = 2) -> dict[str, np.ndarray]:
    """Contracts of `series` expiries from an hour to two years, in their order."""
    random = np.random.default_rng(seed)
    years = np.sort(np.exp(random.uniform(np.log(1 / 8760), np.log(2.0), series)))
    place = np.sort(random.integers(0, series, count))
    t = years[place]
    return {
        "forward": SPOT * np.exp(random.uniform(-0.03, 0.03, series)[place] * t),
        "strike": SPOT * random.uniform(0.6, 1.4, count),
        "t_years": t,
        "iv_frac": random.uniform(0.05, 1.0, count),
        "discount_factor": np.exp(-0.04 * t),
        "weights": random.normal(size=(models, count)) * 1e5,
        "series": place,
    }


def legs_of(count: int = 500, **made: int) -> Legs:
    return make_legs(spot=SPOT, **chain(count, **made))


def gross_of(legs: Legs, spots: np.ndarray) -> np.ndarray:
    """Sum of absolute exposures by model and spot."""
    return gamma_profile(replace(legs, weights=np.abs(legs.weights)), spots, int(legs.series.max()) + 1).sum(axis=1)


def by_black(contracts: dict[str, np.ndarray], spot: float) -> np.ndarray:
    """n M gamma S^2 0.01 of each contract at another spot, b = F/S and the volatility as they are."""
    own = {name: contracts[name] for name in ("strike", "t_years", "iv_frac", "discount_factor")}
    gamma = greeks(spot=spot, forward=contracts["forward"] / SPOT * spot, is_call=True, **own).gamma
    return contracts["weights"] * gamma * spot**2 * 0.01


@QUICK
@given(st.integers(0, 2**32), st.floats(0.8, 1.2))
def test_it_is_the_sum_of_blacks_gamma_at_every_spot(seed: int, ratio: float):
    contracts = chain(300, seed=seed)
    found = gamma_profile(make_legs(spot=SPOT, **contracts), [ratio * SPOT], 3)[:, :, 0]
    cells = by_black(contracts, ratio * SPOT)
    for series in range(3):
        own = cells[:, contracts["series"] == series]
        scale = np.abs(own).sum(axis=1)
        assert np.all(np.abs(found[:, series] - own.sum(axis=1)) <= 1e-11 * scale + 1e-280)


@QUICK
@given(st.integers(0, 2**32))
def test_at_the_spot_itself_it_is_net_gamma_to_the_thirteenth_digit_of_gross(seed: int):
    contracts = chain(1000, seed=seed, series=20)
    cells = by_black(contracts, SPOT)
    found = gamma_profile(make_legs(spot=SPOT, **contracts), [SPOT], 20)[:, :, 0].sum(axis=1)
    assert np.all(np.abs(found - cells.sum(axis=1)) <= 1e-13 * np.abs(cells).sum(axis=1))


def test_both_engines_agree_to_the_thirteenth_digit_of_gross():
    legs, spots = legs_of(2000, series=20, models=3), spot_grid(SPOT)
    found = {}
    for name in ("compiled", "plain"):
        switch.use(name)
        found[name] = gamma_profile(legs, spots, 20).sum(axis=1)
    assert np.all(np.abs(found["compiled"] - found["plain"]) <= 1e-13 * gross_of(legs, spots))


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_change_a_bit(threads: int):
    legs, spots = legs_of(9000, series=40), spot_grid(SPOT)
    switch.set_threads(1)
    alone = gamma_profile(legs, spots, 40)
    switch.set_threads(threads)
    assert gamma_profile(legs, spots, 40).tobytes() == alone.tobytes()


@QUICK
@given(st.integers(0, 2**32), st.lists(st.integers(1, 400), max_size=5))
def test_a_spot_has_the_same_bits_whatever_other_spots_are_asked_for(seed: int, cuts: list[int]):
    legs, spots = legs_of(200, seed=seed), spot_grid(SPOT)
    whole = gamma_profile(legs, spots, 3)
    parts = [gamma_profile(legs, part, 3) for part in np.split(spots, sorted(cuts))]
    assert np.concatenate(parts, axis=2).tobytes() == whole.tobytes()
    shuffled = np.random.default_rng(seed).permutation(spots.size)
    assert gamma_profile(legs, spots[shuffled], 3).tobytes() == whole[:, :, shuffled].tobytes()


@pytest.mark.parametrize("models", [1, 2, 5])
def test_a_dealer_model_has_the_same_figures_beside_others(models: int):
    legs, spots = legs_of(300, models=models), spot_grid(SPOT)
    together = gamma_profile(legs, spots, 3)
    for place in range(models):
        alone = gamma_profile(replace(legs, weights=legs.weights[[place]]), spots, 3)[0]
        np.testing.assert_allclose(together[place], alone, rtol=0, atol=1e-14 * gross_of(legs, spots).max())


@pytest.mark.parametrize("count", [1, 7, 8, 9, 65])
def test_a_series_has_the_same_bits_beside_others(count: int):
    legs, spots = legs_of(count), spot_grid(SPOT)
    whole = gamma_profile(legs, spots, 3)
    for series in range(3):
        own = legs.series == series
        names = ("slope", "offset", "amplitude", "series")
        alone = replace(legs, weights=legs.weights[:, own], **{name: getattr(legs, name)[own] for name in names})
        assert gamma_profile(alone, spots, 3)[:, series].tobytes() == whole[:, series].tobytes()


def test_a_series_without_legs_has_zeros():
    legs = legs_of(20, series=1)
    found = gamma_profile(replace(legs, series=legs.series + 2), spot_grid(SPOT), 5)
    assert np.all(found[:, [0, 1, 3, 4]] == 0.0)
    assert np.all(found[:, 2] == gamma_profile(legs, spot_grid(SPOT), 1)[:, 0])


def test_no_legs_give_zeros_and_no_spots_give_none():
    nothing = make_legs(spot=SPOT, **chain(0))
    assert np.array_equal(gamma_profile(nothing, spot_grid(SPOT), 2), np.zeros((2, 2, 401)))
    assert gamma_profile(legs_of(), [], 3).shape == (2, 3, 0)
    assert gamma_profile(nothing, [SPOT], 0).shape == (2, 0, 1)


def test_legs_forty_deviations_away_are_exactly_zero_and_give_no_sum_a_sign():
    one = {name: values[..., :1] for name, values in chain(1, series=1).items()}
    near_expiry = one | {"strike": np.array([SPOT]), "forward": np.array([SPOT]), "t_years": np.array([1e-6])}
    legs = make_legs(spot=SPOT, **(near_expiry | {"iv_frac": np.array([0.2])}))
    found = gamma_profile(legs, spot_grid(SPOT), 1)[0, 0]
    assert np.flatnonzero(found).size < 20
    assert found[200] != 0.0


def test_legs_without_a_price_or_a_weight_are_left_out():
    contracts = chain(40)
    spoiled = {name: values.copy() for name, values in contracts.items()}
    for place, (name, value) in enumerate(
        [("iv_frac", np.nan), ("iv_frac", 0.0), ("iv_frac", np.inf), ("t_years", 0.0), ("t_years", -1.0),
         ("forward", np.nan), ("forward", np.inf), ("strike", 0.0), ("discount_factor", np.nan)]
    ):  # fmt: skip
        spoiled[name][place] = value
    spoiled["weights"][:, 9] = 0.0
    left = {name: values[..., 10:] for name, values in contracts.items()}
    found, expected = (gamma_profile(make_legs(spot=SPOT, **c), spot_grid(SPOT), 3) for c in (spoiled, left))
    assert found.tobytes() == expected.tobytes()


def test_floats_of_half_the_size_and_strided_arrays_are_taken():
    legs, spots = legs_of(100), np.linspace(3500.0, 4500.0, 50)
    strided = replace(
        legs,
        **{name: np.repeat(getattr(legs, name), 2)[::2] for name in ("slope", "offset", "amplitude", "series")},
        weights=np.asfortranarray(legs.weights),
    )
    expected = gamma_profile(legs, spots, 3)
    assert gamma_profile(strided, np.repeat(spots, 2)[::2], 3).tobytes() == expected.tobytes()
    assert gamma_profile(legs, spots.astype(np.float32), 3).shape == expected.shape
    short = spots.astype(np.float32).astype(np.float64)
    assert np.array_equal(gamma_profile(legs, spots.astype(np.float32), 3), gamma_profile(legs, short, 3))


@pytest.mark.parametrize("name", ["forward", "strike", "t_years", "iv_frac", "discount_factor"])
@pytest.mark.parametrize("absurd", [5e-324, 1e-200, 1e200, 1.7e308])
def test_legs_of_numbers_that_nothing_can_be_are_left_out_as_they_have_no_gamma(name: str, absurd: float):
    contracts = chain(20)
    left = legs_of(20).slope.size
    contracts[name] = np.append(contracts[name][:-1], absurd)
    assert make_legs(spot=SPOT, **contracts).slope.size == left - 1


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, 1e-300, 1e300])
def test_a_spot_that_is_no_price_is_refused(bad: float):
    with pytest.raises(ValueError, match="spots"):
        gamma_profile(legs_of(), [SPOT, bad], 3)
    with pytest.raises(ValueError, match="spots"):
        gamma_profile(replace(legs_of(), spot=bad), [SPOT], 3)


def test_spots_are_one_row_of_numbers():
    with pytest.raises(ValueError, match="one dimension"):
        gamma_profile(legs_of(), [[SPOT]], 3)
    with pytest.raises(TypeError, match="spots"):
        gamma_profile(legs_of(), ["4000"], 3)


@pytest.mark.parametrize("name", ["slope", "offset", "amplitude", "weights"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_legs_that_are_no_numbers_are_refused(name: str, bad: float):
    legs = legs_of()
    spoiled = getattr(legs, name).copy()
    spoiled[..., 3] = bad
    with pytest.raises(ValueError, match="finite"):
        gamma_profile(replace(legs, **{name: spoiled}), [SPOT], 3)


@pytest.mark.parametrize("name", ["slope", "offset", "amplitude", "weights", "series"])
def test_legs_of_different_lengths_are_refused(name: str):
    legs = legs_of()
    with pytest.raises(ValueError, match="different lengths"):
        gamma_profile(replace(legs, **{name: getattr(legs, name)[..., 1:]}), [SPOT], 3)


def test_series_that_do_not_ascend_or_lie_outside_are_refused():
    legs = legs_of()
    for series, count in ((legs.series[::-1], 3), (legs.series, 2), (legs.series - 1, 3)):
        with pytest.raises(ValueError, match="ascend"):
            gamma_profile(replace(legs, series=series), [SPOT], count)
