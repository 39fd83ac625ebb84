"""The forward ladder, rung by rung, the spot it checks and the carry it smooths."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.forwards import NoSpot, carry_to_store
from models.parity import parity_forward, weighted_lower_median
from tests.models.chains import FLAT_RATE, marks, quoted, without_quotes

YEAR = 365


def forward_at(days: int, carry: float, spot: float = 4000.0) -> float:
    return spot * np.exp((FLAT_RATE - carry) * days / YEAR)


def test_quotes_of_calls_and_puts_give_back_the_forward_they_were_made_with():
    forwards, mark = marks(pl.concat([quoted(5), quoted(40), quoted(200)]))
    assert forwards["forward_source"].to_list() == ["parity"] * 3
    assert forwards["forward"].to_list() == pytest.approx([forward_at(d, 0.015) for d in (5, 40, 200)], rel=1e-9)
    assert forwards["carry_frac"].to_list() == pytest.approx([0.015] * 3, abs=1e-7)
    assert forwards["parity_pairs"].to_list()[1:] == [11, 11]
    assert mark.spot_source == "underlying_last"


def test_an_expiry_without_quotes_takes_the_carry_of_its_neighbours():
    near, far = quoted(20, carry=0.01), quoted(60, carry=0.03)
    forwards, _ = marks(pl.concat([near, without_quotes(quoted(40)), far, without_quotes(quoted(300))]))
    assert forwards["forward_source"].to_list() == ["parity", "carry", "parity", "carry"]
    assert forwards["carry_frac"].to_list() == pytest.approx([0.01, 0.02, 0.03, 0.03], abs=1e-7)
    assert forwards["forward"][1] == pytest.approx(forward_at(40, 0.02), rel=1e-9)


def test_carry_of_the_last_days_is_not_spread_when_longer_expiries_have_quotes():
    chain = pl.concat([quoted(2, carry=0.2), quoted(40, carry=0.015), without_quotes(quoted(3))])
    forwards, _ = marks(chain)
    assert forwards["carry_frac"][1] == pytest.approx(0.015, abs=1e-7)


def test_carry_of_the_last_days_is_used_when_there_is_no_other():
    forwards, _ = marks(pl.concat([quoted(2, carry=0.02), without_quotes(quoted(40))]))
    assert forwards["carry_frac"][1] == pytest.approx(0.02, abs=1e-6)


def test_without_any_parity_the_carry_of_an_earlier_session_is_taken():
    stored = (np.array([10 / YEAR, 50 / YEAR]), np.array([0.01, 0.03]))
    chain = pl.concat([without_quotes(quoted(30)), without_quotes(quoted(90))])
    forwards, mark = marks(chain, stored_carry=stored)
    assert forwards["forward_source"].to_list() == ["stored", "stored"]
    assert forwards["carry_frac"].to_list() == pytest.approx([0.02, 0.03])
    assert mark.parity_spot is None


def test_without_any_parity_and_history_the_declared_carry_is_taken():
    forwards, mark = marks(without_quotes(quoted(30)), stored_carry=None)
    assert forwards["forward_source"].to_list() == ["default"]
    assert forwards["forward"][0] == pytest.approx(forward_at(30, 0.01), rel=1e-12)
    assert (mark.smooth_carry_source, mark.smooth_carry_frac) == ("default", pytest.approx(FLAT_RATE - 0.01))


def test_two_pairs_are_too_few_for_parity():
    forwards, _ = marks(quoted(30, strikes=np.array([3900.0, 4000.0])))
    assert forwards["forward_source"].to_list() == ["default"]
    assert forwards["parity_pairs"].to_list() == [2]


def test_one_stale_quote_does_not_move_the_forward():
    chain = quoted(30).with_columns(
        bid=pl.when((pl.col("strike") == 4100) & (pl.col("option_type") == "call")).then(300.0).otherwise("bid"),
        ask=pl.when((pl.col("strike") == 4100) & (pl.col("option_type") == "call")).then(301.0).otherwise("ask"),
    )
    assert marks(chain)[0]["forward"][0] == pytest.approx(forward_at(30, 0.015), rel=1e-9)


def with_dearer_puts(chain: pl.DataFrame, usd: float) -> pl.DataFrame:
    is_put = pl.col("option_type") == "put"
    return chain.with_columns(
        pl.when(is_put).then(pl.col(side) + usd).otherwise(side).alias(side) for side in ("bid", "ask")
    )


@pytest.mark.parametrize("american_quotes", ["european", "de_americanised"])
def test_quotes_that_say_a_forward_below_zero_say_none(american_quotes):
    chain = with_dearer_puts(quoted(20, exercise="american"), 9000.0)
    forwards, mark = marks(pl.concat([chain, quoted(60)]), american_quotes=american_quotes)
    assert forwards["forward_source"].to_list() == ["carry", "parity"] and (forwards["forward"] > 0.0).all()
    assert (mark.spot, mark.spot_source) == (4000.0, "underlying_last")
    with pytest.raises(NoSpot, match="no last price"):
        marks(chain, spot_last=None, american_quotes=american_quotes)


def test_crossed_and_one_sided_quotes_are_not_usable():
    is_kept = pl.col("strike").is_in([3800.0, 3900.0, 4000.0])
    chain = quoted(30).with_columns(ask=pl.when(is_kept).then("ask").otherwise(0.0))
    assert marks(chain)[0]["parity_pairs"].to_list() == [3]


def test_series_that_are_not_standard_have_no_parity():
    forwards, _ = marks(quoted(30).with_columns(is_standard=pl.lit(False)))
    assert forwards["forward_source"].to_list() == ["default"]


def test_expired_series_are_left_out_and_roots_of_one_date_stay_apart():
    chain = pl.concat([quoted(-1), quoted(30), quoted(30, root="SPX", carry=0.02)])
    forwards, mark = marks(chain)
    assert forwards["root"].to_list() == ["SPX", "SPXW"]
    assert forwards["carry_frac"].to_list() == pytest.approx([0.02, 0.015], abs=1e-7)
    assert mark.expiries_live == 1


@pytest.mark.parametrize(("last", "source"), [(4007.0, "underlying_last"), (4009.0, "parity_spot")])
def test_the_vendors_last_stands_until_parity_contradicts_it_by_more_than_twenty_basis_points(last: float, source: str):
    _, mark = marks(pl.concat([quoted(d) for d in (5, 30, 60, 90)]), spot_last=last)
    assert mark.spot_source == source
    assert mark.parity_spot == pytest.approx(4000.0, rel=1e-9)
    assert mark.spot == pytest.approx(last if source == "underlying_last" else 4000.0, rel=1e-9)


def test_a_vendor_spot_is_never_overruled_where_options_follow_their_own_futures():
    _, mark = marks(quoted(20), spot_last=3000.0, spot_rule="vendor", has_smooth_carry=False)
    assert (mark.spot, mark.spot_source) == (3000.0, "underlying_last")
    assert (mark.smooth_carry_frac, mark.smooth_carry_source) == (0.0, "none")


def test_parity_stands_in_for_a_missing_last_and_nothing_for_both():
    _, mark = marks(quoted(20), spot_last=None)
    assert mark.spot_source == "parity_spot"
    with pytest.raises(NoSpot, match="no last price"):
        marks(without_quotes(quoted(20)), spot_last=None)


def test_a_missing_last_has_no_stand_in_where_options_follow_their_own_futures():
    with pytest.raises(NoSpot, match="does not give the spot"):
        marks(quoted(20), spot_last=None, spot_rule="vendor", has_smooth_carry=False)


def test_the_smooth_carry_is_the_slope_of_forwards_from_three_weeks_to_a_year():
    chain = pl.concat([quoted(d) for d in (1, 30, 60, 120, 300)] + [quoted(600, carry=0.3)])
    _, mark = marks(chain)
    assert mark.smooth_carry_source == "parity_slope"
    assert mark.smooth_carry_frac == pytest.approx(FLAT_RATE - 0.015, abs=1e-8)


def test_without_a_curve_rates_are_zero():
    forwards, mark = marks(without_quotes(quoted(30)), curve=None, default_carry_frac=0.0)
    assert mark.discount_source == "none"
    assert forwards.select("discount_factor", "forward").row(0) == (1.0, 4000.0)


def test_carry_to_store_holds_the_parity_expiries_from_a_week_on():
    forwards, mark = marks(pl.concat([quoted(2), quoted(30), without_quotes(quoted(60))]))
    stored = carry_to_store(forwards, spot=mark.spot, parity_spot=mark.parity_spot)
    assert stored is not None
    assert stored[0].tolist() == pytest.approx([30 / YEAR])
    assert carry_to_store(marks(without_quotes(quoted(30)))[0], spot=4000.0, parity_spot=None) is None


def test_a_stored_carry_does_not_hold_the_error_of_its_sessions_last_price():
    chain = pl.concat([quoted(d) for d in (10, 30, 60, 90)])
    forwards, mark = marks(chain, spot_last=4006.0)
    stored = carry_to_store(forwards, spot=mark.spot, parity_spot=mark.parity_spot)
    assert mark.spot_source == "underlying_last"
    assert stored is not None
    assert stored[1].tolist() == pytest.approx([0.015] * 4, abs=1e-6)


def test_the_weighted_median_is_the_lowest_value_with_half_the_weight():
    assert weighted_lower_median(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0])) == 2.0
    assert weighted_lower_median(np.array([1.0, 2.0]), np.array([1.0, 1.0])) == 1.0
    assert weighted_lower_median(np.array([1.0, 2.0]), np.array([1.0, 1.5])) == 2.0


def test_parity_looks_at_the_eleven_strikes_around_its_centre_and_prefers_the_lower():
    strikes = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 9.0, 10.0, 11.0, 100.0, 101.0, 102.0])
    difference = np.where(strikes == 6.0, 0.0, 6.0 - strikes)
    difference[strikes > 50] = 500.0
    forward, pairs = parity_forward(strikes, difference, np.zeros(13), np.ones(13), 1.0)
    assert (forward, pairs) == (6.0, 11)
    tied = parity_forward(np.array([1.0, 2.0, 3.0, 4.0]), np.array([9.0, 0.5, 0.5, 9.0]), np.zeros(4), np.ones(4), 1.0)
    assert tied == (3.5, 4)
