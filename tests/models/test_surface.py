"""Where each volatility comes from, and what is known of every contract."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.surface import build_surface
from tests.models.chains import SESSION, contracts_of, marks, quoted, without_quotes


def smile(strikes: np.ndarray) -> np.ndarray:
    return 0.2 - 0.1 * np.log(strikes / 4000.0)


def sources(contracts: pl.DataFrame, strike: float) -> set[str]:
    return set(contracts.filter(pl.col("strike") == strike)["iv_source"])


def without_side(chain: pl.DataFrame, strike: float, side: str, **changed: float) -> pl.DataFrame:
    here = (pl.col("strike") == strike) & (pl.col("option_type") == side)
    return chain.with_columns(pl.when(here).then(pl.lit(v)).otherwise(name).alias(name) for name, v in changed.items())


def test_quoted_strikes_give_back_the_smile_shared_by_call_and_put():
    contracts = contracts_of(quoted(60, vol=smile, spread=0.002)).filter(pl.col("bid") > 0)
    assert set(contracts["iv_source"]) == {"solved_mid"}
    np.testing.assert_allclose(contracts["iv_frac"], smile(contracts["strike"].to_numpy()), rtol=1e-5)
    assert contracts.group_by("strike").agg(pl.col("iv_frac").n_unique())["iv_frac"].max() == 1


def test_the_inner_side_is_solved_where_the_outer_has_no_bid_and_exercise_is_european():
    chain = without_side(quoted(60), 3800.0, "put", bid=0.0)
    assert sources(contracts_of(chain), 3800.0) == {"solved_pair"}
    american = chain.with_columns(exercise=pl.lit("american"))
    assert sources(contracts_of(american), 3800.0) == {"vendor"}


def test_an_inner_side_whose_time_value_drowns_in_its_spread_is_not_solved():
    chain = without_side(quoted(60, spread=30.0, vol=0.1), 3700.0, "put", bid=0.0)
    assert sources(contracts_of(chain), 3700.0) == {"vendor"}


def test_without_quotes_the_vendor_speaks_outer_side_first():
    chain = without_side(without_quotes(quoted(60)), 3500.0, "put", vendor_iv_frac=0.31)
    chain = without_side(chain, 3500.0, "call", vendor_iv_frac=0.27)
    contracts = contracts_of(chain)
    assert contracts.filter(pl.col("strike") == 3500.0)["iv_frac"].to_list() == [0.31, 0.31]
    missing = contracts_of(without_side(chain, 3500.0, "put", vendor_iv_frac=0.02))
    assert missing.filter(pl.col("strike") == 3500.0)["iv_frac"].to_list() == [0.27, 0.27]


def test_gaps_are_filled_linearly_in_total_variance_and_flat_outside():
    chain = without_quotes(quoted(60, vol=smile))
    is_gap = pl.col("strike").is_in([3000.0, 4100.0, 5000.0])
    contracts = contracts_of(chain.with_columns(vendor_iv_frac=pl.when(is_gap).then(0.0).otherwise("vendor_iv_frac")))
    found = dict(contracts.select("strike", "iv_frac").unique().iter_rows())
    weight = np.log(4100 / 4000) / np.log(4200 / 4000)
    between = np.sqrt((1 - weight) * smile(np.array(4000.0)) ** 2 + weight * smile(np.array(4200.0)) ** 2)
    assert found[4100.0] == pytest.approx(float(between), rel=1e-12)
    assert (found[3000.0], found[5000.0]) == (found[3100.0], found[4900.0])
    assert sources(contracts, 4100.0) == {"interpolated"}


def test_a_series_without_any_volatility_is_shown_with_nulls():
    chain = without_quotes(quoted(60)).with_columns(vendor_iv_frac=pl.lit(0.0))
    contracts = contracts_of(chain)
    assert contracts.height == chain.height
    assert set(contracts["iv_source"]) == {"none"}
    greeks = contracts.select("iv_frac", "delta", "gamma", "vega_usd_per_volpt", "theta_usd_per_day", "charm_per_day")
    assert greeks.null_count().row(0) == (chain.height,) * 6


def test_a_series_with_another_deliverable_gets_no_volatility():
    contracts = contracts_of(pl.concat([quoted(60), quoted(60, root="1SPX").with_columns(is_standard=pl.lit(False))]))
    assert set(contracts.filter(pl.col("root") == "1SPX")["iv_source"]) == {"none"}


def test_a_mid_without_a_bid_is_never_inverted():
    contracts = contracts_of(quoted(5, spread=2.0).with_columns(vendor_iv_frac=pl.lit(0.5)))
    unbid = contracts.filter((pl.col("bid") == 0) & (pl.col("strike") > 4400) & (pl.col("option_type") == "call"))
    assert unbid.height > 0
    assert set(unbid["iv_source"]) == {"vendor"}
    assert unbid["mid"].null_count() == unbid.height


def test_the_expiry_surface_counts_every_contract_and_reads_the_money_volatility():
    chain = pl.concat([quoted(60, vol=smile, spread=0.002), without_quotes(quoted(90))])
    forwards, mark = marks(chain)
    _, surface = build_surface(chain, forwards, mark, session_date=SESSION)
    counts = [f"contracts_{s}" for s in ("solved_mid", "solved_pair", "vendor", "interpolated", "none")]
    assert surface.select(pl.sum_horizontal(counts)).to_series().to_list() == surface["contracts_live"].to_list()
    assert surface["atm_iv_frac"][0] == pytest.approx(float(smile(np.array(surface["forward"][0]))), rel=1e-4)
    assert surface["days_to_expiry"].to_list() == [60, 90]


def test_the_order_of_rows_does_not_change_a_bit():
    chain = pl.concat([quoted(5), quoted(60, vol=smile), without_quotes(quoted(90))])
    mixed = chain.sample(fraction=1.0, shuffle=True, seed=3)
    for ours, theirs in zip(
        build_surface(chain, *marks(chain), session_date=SESSION),
        build_surface(mixed, *marks(mixed), session_date=SESSION),
        strict=True,
    ):
        assert ours.equals(theirs)


def test_a_page_of_expired_contracts_has_no_surface():
    contracts, surface = build_surface(quoted(-1), *marks(quoted(-1)), session_date=SESSION)
    assert (contracts.height, surface.height) == (0, 0)
    assert contracts.columns == contracts_of(quoted(30)).columns


def test_crossed_quotes_are_marked_and_not_used():
    chain = without_side(quoted(60), 4200.0, "call", ask=0.01)
    row = contracts_of(chain).filter((pl.col("strike") == 4200.0) & (pl.col("option_type") == "call"))
    assert row.select("is_crossed", "is_quote_usable", "mid").row(0) == (True, False, None)


def test_no_column_holds_a_nan():
    silent = without_quotes(quoted(90)).with_columns(vendor_iv_frac=pl.lit(0.0))
    unreadable = quoted(30).with_columns(bid=pl.lit(float("nan")), ask=pl.lit(float("nan")))
    contracts = contracts_of(pl.concat([quoted(60), silent, unreadable])).drop("bid", "ask")
    floats = contracts.select(pl.col(pl.Float64).is_nan().any())
    assert not any(value for value in floats.row(0) if value is not None)
