"""What the numerics make of the sample market, against the truth that it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from models.discount import zero_curve
from models.forwards import SnapshotMark, mark_snapshot
from models.surface import build_surface
from pipelines.markets import root_of
from pipelines.simulate import SimulatedMarket, SimulatedPage
from pipelines.sources import cboe_quotedata_csv, treasury_par_csv
from tests.pipelines.simulated import small_market

RATES = "simulated_daily_treasury_rates.csv"
DEFAULT_CARRY_FRAC = 0.015  # not the carry of the simulation: the fallback must be visibly worse than parity


@dataclass(frozen=True)
class Computed:
    page: SimulatedPage
    forwards: pl.DataFrame
    mark: SnapshotMark
    contracts: pl.DataFrame
    truth: pl.DataFrame


def compute(market: SimulatedMarket, page: SimulatedPage) -> Computed:
    (curve,) = [c for c in treasury_par_csv.parse(market.files[RATES]).curves if c.curve_date == page.curve_date]
    months = np.array(sorted(curve.percent_by_months))
    zero = zero_curve(months / 12, np.array([curve.percent_by_months[m] / 100 for m in months]))
    rows, truth = cboe_quotedata_csv.parse(market.files[page.file_name]).rows, market.truth[page]
    roots = [root_of(root) for root in rows["root"]]
    chain = rows.with_columns(
        expiry_ts=truth["expiry_ts"],
        exercise=pl.Series([root.exercise for root in roots]),
        settlement=pl.Series([root.settlement for root in roots]),
        multiplier=pl.lit(100.0),
        is_standard=pl.lit(value=True),
    )
    forwards, mark = mark_snapshot(
        chain,
        snapshot_ts=page.snapshot_ts,
        spot_last=page.header_last,
        curve=(zero["tenor_years"].to_numpy(), zero["zero_rate_frac"].to_numpy()),
        default_carry_frac=DEFAULT_CARRY_FRAC,
    )
    contracts, _ = build_surface(chain, forwards, mark, session_date=page.session_date)
    return Computed(page, forwards, mark, contracts, truth.filter("is_live"))


@pytest.fixture(scope="module")
def computed() -> list[Computed]:
    market = small_market()
    return [compute(market, page) for page in market.pages if page.repeats is None]


def quoted(computed: list[Computed]) -> list[Computed]:
    return [one for one in computed if not one.page.is_zeroed]


def test_parity_finds_the_true_forward_of_every_expiry(computed: list[Computed]) -> None:
    for one in quoted(computed):
        truth = one.truth.select("root", "expiry_ts", true_forward="forward").unique()
        joined = one.forwards.join(truth, on=["root", "expiry_ts"])
        assert joined.height == one.forwards.height == truth.height
        assert set(joined["forward_source"]) == {"parity"}
        error = (joined["forward"] / joined["true_forward"] - 1).abs()
        assert (error < 0.2e-4).all()


def test_the_treasury_file_finds_the_true_discount_factor(computed: list[Computed]) -> None:
    for one in computed:
        truth = one.truth.select("root", "expiry_ts", true_factor="discount_factor").unique()
        joined = one.forwards.join(truth, on=["root", "expiry_ts"])
        # Yields are published to 0.01 %, which is worth 0.5 bp over half a year.
        assert ((joined["discount_factor"] / joined["true_factor"] - 1).abs() < 0.5e-4).all()


def test_parity_overrules_a_price_from_another_hour_and_only_that(computed: list[Computed]) -> None:
    for one in computed:
        is_overruled = one.page.header_last != one.page.spot
        assert one.mark.spot_source == ("parity_spot" if is_overruled else "underlying_last")
        assert one.mark.spot == pytest.approx(one.page.spot, rel=0.3e-4)
    assert any(one.mark.spot_source == "parity_spot" for one in computed)


def test_solved_volatilities_are_the_true_ones_within_the_quotes(computed: list[Computed]) -> None:
    for one in quoted(computed):
        truth = one.truth.select("contract_id", true_iv_frac="iv_frac")
        solved = one.contracts.filter(pl.col("iv_source") == "solved_mid").join(truth, on="contract_id")
        error = (solved["iv_frac"] - solved["true_iv_frac"]).abs()
        assert solved.height > 500
        assert float(error.median() or 1.0) < 1e-4  # type: ignore[arg-type]
        assert float(error.max() or 1.0) < 0.02  # type: ignore[arg-type]


def test_without_quotes_the_vendors_volatilities_carry_the_page(computed: list[Computed]) -> None:
    (zeroed,) = [one for one in computed if one.page.is_zeroed]
    assert set(zeroed.forwards["forward_source"]) == {"default"}
    share = (zeroed.contracts["iv_source"] == "vendor").mean()
    assert share is not None
    assert float(share) > 0.5  # type: ignore[arg-type]
