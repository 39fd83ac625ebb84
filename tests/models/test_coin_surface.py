"""Volatilities and greeks of coin-settled chains, against Black's formula, its differences and both kinds of hedger."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.black import black_price
from models.coin_surface import coin_surface
from models.surface import build_surface
from tests.models.chains import contracts_of, marks, quoted

SNAPSHOT = datetime(2026, 1, 14, 10, 10)
DAY = date(2026, 1, 14)
STRIKES = (80_000.0, 85_000.0, 90_000.0, 95_000.0, 100_000.0)
GREEKS = ["delta", "gamma", "vega_usd_per_volpt", "theta_usd_per_day", "vanna_per_volpt", "charm_per_day"]
SHIFTED = st.floats(0.85, 1.15)


def chain(
    *, days: float = 30, forward: float | None = 90_000.0, spot: float = 90_000.0, vol: float = 0.45,
    strikes: tuple[float, ...] = STRIKES, is_inverse: bool = True, snapshot: datetime = SNAPSHOT, root: str = "BTC",
) -> pl.DataFrame:  # fmt: skip
    """Calls and puts of one expiry in one snapshot, marked at Black's price."""
    expiry = snapshot + timedelta(days=days)
    rows = []
    for strike in strikes:
        for side in ("call", "put"):
            at = forward or spot
            usd = float(
                black_price(
                    forward=np.array(at), strike=np.array(strike), t_years=np.array(days / 365),
                    iv_frac=np.array(vol), discount_factor=np.array(1.0), is_call=np.array(side == "call"),
                )
            )  # fmt: skip
            price = usd / at if is_inverse else usd
            rows.append(
                {
                    "snapshot_ts": snapshot, "source": "made", "contract_id": f"{root}-{expiry:%d%b%y}-{strike}-{side}",
                    "root": root, "expiry_date": expiry.date(), "expiry_ts": expiry, "strike": strike,
                    "option_type": side, "is_inverse": is_inverse, "bid": price * 0.99, "ask": price * 1.01,
                    "last": price, "mark": price, "volume": 1.0, "open_interest": 10.0, "vendor_iv_frac": vol,
                    "forward": forward, "spot": spot,
                }
            )  # fmt: skip
    schema = {"snapshot_ts": pl.Datetime("us"), "expiry_ts": pl.Datetime("us"), "forward": pl.Float64()}
    return pl.DataFrame(rows, schema_overrides=schema)


def contracts_at(**made: object) -> pl.DataFrame:
    return coin_surface(chain(**made), session_date=DAY)[0]  # type: ignore[arg-type]


def at_the_money(**made: object) -> dict[str, float]:
    """The call struck at 90,000."""
    is_it = (pl.col("strike") == 90_000) & (pl.col("option_type") == "call")
    return contracts_at(**made).row(by_predicate=is_it, named=True)


def changed(frame: pl.DataFrame, where: pl.Expr, **values: float | None) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(where).then(pl.lit(v, dtype=pl.Float64)).otherwise(name).alias(name) for name, v in values.items()
    )


def test_a_hundred_coins_at_the_money_have_the_exposures_of_the_method():
    found = at_the_money()
    assert found["gamma"] == pytest.approx(3.428762e-5, rel=1e-6)
    assert 100 * found["gamma"] * 90_000 == pytest.approx(308.59, abs=0.005)
    assert 100 * found["gamma"] * 90_000**2 * 0.01 == pytest.approx(277_729.70, abs=0.01)
    assert 100 * found["charm_per_day"] == pytest.approx(-0.0428, abs=5e-5)
    assert 100 * found["vanna_per_volpt"] == pytest.approx(0.0571, abs=5e-5)


def test_a_basis_scales_gamma_by_the_forward_over_the_spot():
    spot = 90_000 / 1.05
    found = at_the_money(spot=spot)
    up, down = (at_the_money(spot=spot * b, forward=90_000 * b) for b in (1.0001, 0.9999))
    per_1pct = 100 * found["gamma"] * spot**2 * 0.01
    assert per_1pct == pytest.approx(264_504.48, abs=0.01)
    assert per_1pct == pytest.approx(100 * (up["delta"] - down["delta"]) / 0.0002 * spot * 0.01, rel=1e-6)


@given(SHIFTED, st.floats(0.9, 1.1), st.floats(1, 300), st.floats(0.2, 1.2))
@settings(max_examples=12)
def test_charm_vanna_vega_and_theta_are_the_differences_of_delta_and_value(shift, basis, days, vol):
    forward, spot = 90_000 * shift, 90_000 * shift / basis

    def valued(dt: float = 0.0, d_vol: float = 0.0) -> pl.DataFrame:
        made = chain(days=days, forward=forward, spot=spot, vol=vol + d_vol)
        later = made.with_columns(pl.col("snapshot_ts") + pl.duration(microseconds=round(dt * 86_400e6)))
        found = coin_surface(later, session_date=DAY)[0]
        priced = black_price(
            forward=found["forward"].to_numpy(), strike=found["strike"].to_numpy(), t_years=found["t_years"].to_numpy(),
            iv_frac=found["iv_frac"].to_numpy(), discount_factor=np.array(1.0),
            is_call=(found["option_type"] == "call").to_numpy(),
        )  # fmt: skip
        return found.with_columns(value=pl.Series(priced))

    def slope(name: str, up: pl.DataFrame, down: pl.DataFrame, step: float) -> np.ndarray:
        return ((up[name] - down[name]) / (2 * step)).to_numpy()

    here, h = valued(), days * 1e-3
    after, before = valued(dt=h), valued(dt=-h)
    np.testing.assert_allclose(here["charm_per_day"], slope("delta", after, before, h), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(here["theta_usd_per_day"], slope("value", after, before, h), rtol=1e-3, atol=1e-2)
    above, below = valued(d_vol=1e-4), valued(d_vol=-1e-4)
    np.testing.assert_allclose(here["vanna_per_volpt"], slope("delta", above, below, 1e-2), rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(here["vega_usd_per_volpt"], slope("value", above, below, 1e-2), rtol=1e-4, atol=1e-4)


@given(SHIFTED, st.floats(1, 300), st.floats(0.2, 1.2))
@settings(max_examples=12)
def test_hedgers_in_dollars_and_in_coins_trade_the_same_dollars_per_cent(shift, days, vol):
    forward = 90_000 * shift

    def coin_neutral_hedge(at: float) -> np.ndarray:
        """Dollars of futures that keep the value in coins unchanged: (delta - value in coins) x F."""
        found = contracts_at(days=days, forward=at, spot=at, vol=vol)
        return (found["delta"].to_numpy() - found["mark"].to_numpy() / at) * at

    step = forward * 1e-3 * vol * np.sqrt(days / 365)
    per_dollar = (coin_neutral_hedge(forward + step) - coin_neutral_hedge(forward - step)) / (2 * step)
    inverse = contracts_at(days=days, forward=forward, spot=forward, vol=vol)
    np.testing.assert_allclose(per_dollar, inverse["gamma"].to_numpy() * forward, rtol=1e-4, atol=1e-6)
    linear = contracts_at(days=days, forward=forward, spot=forward, vol=vol, is_inverse=False)
    assert linear.select(GREEKS).equals(inverse.select(GREEKS))


def test_inverse_prices_become_dollars_at_the_rows_own_forward_and_linear_ones_stay():
    inverse, linear = contracts_at(spot=88_000.0), contracts_at(spot=88_000.0, is_inverse=False)
    for price in ("bid", "ask", "mid", "last", "mark"):
        np.testing.assert_allclose(inverse[price], linear[price], rtol=1e-12)
    assert inverse["is_quote_usable"].all()
    no_quote = changed(chain(), pl.col("option_type") == "put", bid=0.0, ask=None)
    sides = coin_surface(no_quote, session_date=DAY)[0].group_by("option_type").agg(pl.col("is_quote_usable").all())
    assert dict(sides.iter_rows()) == {"call": True, "put": False}
    crossed = coin_surface(changed(chain(), pl.col("strike") == 80_000, bid=0.9), session_date=DAY)[0]
    assert set(crossed.filter("is_crossed")["strike"]) == {80_000.0}


def test_columns_and_types_are_those_of_the_surface_of_a_page():
    stocks, by_expiry = contracts_of(quoted(30)), expiries_of_a_page()
    contracts, expiries = coin_surface(chain(), session_date=DAY)
    kept = ["snapshot_ts", "source"]
    extra = ["mark", "is_inverse"]
    assert contracts.columns == [*kept, *stocks.columns, *extra]
    assert contracts.drop(*kept, *extra).schema == stocks.schema
    assert expiries.drop(*kept).schema == by_expiry.schema
    assert contracts.select("settlement", "exercise", "multiplier", "is_standard", "spot_source").row(0) == (
        "utc_0800", "european", 1.0, True, "index",
    )  # fmt: skip
    assert expiries.select("forward_source", "carry_frac", "parity_pairs", "discount_factor").row(0) == (
        "venue", None, 0, 1.0,
    )  # fmt: skip


def expiries_of_a_page() -> pl.DataFrame:
    page = quoted(30)
    expiry_forwards, mark = marks(page)
    return build_surface(page, expiry_forwards, mark, session_date=date(2023, 4, 14))[1]


def test_a_row_keeps_its_own_forward_and_volatility_and_the_expiry_has_their_median():
    is_call = pl.col("option_type") == "call"
    made = changed(chain(), is_call & (pl.col("strike") == 90_000), forward=90_300.0, vendor_iv_frac=0.5)
    contracts, expiries = coin_surface(made, session_date=DAY)
    row = contracts.row(by_predicate=is_call & (pl.col("strike") == 90_000), named=True)
    assert (row["forward"], row["iv_frac"], row["iv_source"]) == (90_300.0, 0.5, "vendor")
    other = contracts.row(by_predicate=~is_call & (pl.col("strike") == 90_000), named=True)
    assert (other["forward"], other["iv_frac"]) == (90_000.0, 0.45)
    assert expiries["forward"].to_list() == [90_000.0]


def test_a_row_without_a_forward_takes_the_median_of_its_expiry():
    missing = changed(chain(), pl.col("strike") == 85_000, forward=float("nan"))
    missing = changed(missing, pl.col("strike") == 95_000, forward=0.0)
    whole, found = (coin_surface(made, session_date=DAY) for made in (chain(), missing))
    assert found[0].equals(whole[0])
    assert found[1].equals(whole[1])


def test_an_expiry_without_any_forward_is_shown_with_nulls():
    both = pl.concat([chain(), chain(days=60, forward=None)])
    contracts, expiries = coin_surface(both, session_date=DAY)
    bare = contracts.filter(pl.col("forward").is_null())
    assert bare.height == 10
    assert set(bare["iv_source"]) == {"none"}
    nulls = bare.select(*GREEKS, "iv_frac", "bid", "ask", "mark")
    assert nulls.null_count().row(0) == (10,) * nulls.width
    assert not bare["is_quote_usable"].any()
    assert expiries.select("forward", "forward_source", "atm_iv_frac", "contracts_none").row(1) == (
        None, "none", None, 10,
    )  # fmt: skip
    linear = coin_surface(chain(forward=None, is_inverse=False), session_date=DAY)[0]
    assert linear["mark"].null_count() == 0


@pytest.mark.parametrize("missing", [None, 0.0, 0.02, float("nan")])
def test_a_volatility_at_the_vendors_floor_is_that_of_the_other_side(missing: float | None):
    here = (pl.col("strike") == 85_000) & (pl.col("option_type") == "put")
    made = changed(chain(), here, vendor_iv_frac=missing)
    made = changed(made, (pl.col("strike") == 85_000) & (pl.col("option_type") == "call"), vendor_iv_frac=0.61)
    row = coin_surface(made, session_date=DAY)[0].row(by_predicate=here, named=True)
    assert (row["iv_frac"], row["iv_source"]) == (0.61, "interpolated")


HOLES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.booleans()), max_size=30)


@given(HOLES, st.lists(st.floats(0.1, 2.0), min_size=30, max_size=30), st.floats(78_000, 104_000))
@settings(max_examples=25)
def test_gaps_are_filled_linearly_in_total_variance_within_their_expiry_and_snapshot(holes, vols, forward):
    snapshots = (SNAPSHOT, SNAPSHOT, SNAPSHOT + timedelta(minutes=10))
    parts = [chain(days=d, snapshot=s, forward=forward) for d, s in zip((1, 30, 30), snapshots, strict=True)]
    given_vols = np.array(vols).reshape(3, 10)
    for series, strike, is_put in holes:
        given_vols[series, 2 * strike + is_put] = np.nan
    parts = [p.with_columns(vendor_iv_frac=pl.Series(v)) for p, v in zip(parts, given_vols, strict=True)]
    contracts, expiries = coin_surface(pl.concat(parts).sample(fraction=1, shuffle=True, seed=7), session_date=DAY)
    money = np.log(np.array(STRIKES) / forward)
    for series in range(3):
        found = contracts[10 * series : 10 * series + 10]
        call, put = given_vols[series, ::2], given_vols[series, 1::2]
        outer = np.where(money >= 0, call, put)
        chosen = np.where(np.isnan(outer), np.where(money >= 0, put, call), outer)
        known = np.isfinite(chosen)
        if not known.any():
            assert set(found["iv_source"]) == {"none"}
            assert expiries["atm_iv_frac"][series] is None
            continue
        curve = np.sqrt(np.interp(money, money[known], chosen[known] ** 2))
        expected = np.where(np.isnan(given_vols[series]), np.repeat(curve, 2), given_vols[series])
        np.testing.assert_allclose(found["iv_frac"].to_numpy(), expected, rtol=1e-12)
        at = np.sqrt(np.interp(0.0, money[known], chosen[known] ** 2))
        assert expiries["atm_iv_frac"][series] == pytest.approx(float(at), rel=1e-12)
        counted = expiries.row(series, named=True)
        assert counted["contracts_vendor"] == np.isfinite(given_vols[series]).sum()
        assert counted["contracts_vendor"] + counted["contracts_interpolated"] == counted["contracts_live"] == 10


def test_expired_contracts_are_left_out_and_nothing_is_no_error():
    late = SNAPSHOT + timedelta(days=1)
    made = pl.concat([chain(days=1), chain(days=1).with_columns(snapshot_ts=pl.lit(late, dtype=pl.Datetime("us")))])
    contracts, expiries = coin_surface(made, session_date=DAY)
    assert set(contracts["snapshot_ts"]) == {SNAPSHOT}
    nothing, none = coin_surface(made.clear(), session_date=DAY)
    assert (nothing.schema, none.schema) == (contracts.schema, expiries.schema)
    assert nothing.height == none.height == 0


def test_a_spot_that_is_no_index_is_not_shown_as_the_last_of_the_underlying():
    made = chain().with_columns(spot_source=pl.lit("forward"))
    found = coin_surface(made, session_date=DAY)[0]
    assert found["underlying_last"].null_count() == found.height
    assert set(found["spot_source"]) == {"forward"}
    assert at_the_money()["underlying_last"] == 90_000.0
    without = coin_surface(changed(chain(), pl.lit(value=True), spot=None), session_date=DAY)[0]
    assert without["gamma"].null_count() == without.height
    assert without["delta"].null_count() == 0


@pytest.mark.parametrize("seconds", [0.5, 60.0])
def test_the_last_seconds_of_a_contract_still_have_greeks(seconds: float):
    found = coin_surface(chain(days=seconds / 86_400), session_date=DAY)[0]
    assert found["t_years"][0] == pytest.approx(seconds / 86_400 / 365, rel=1e-9)
    assert found["gamma"].null_count() == 0
