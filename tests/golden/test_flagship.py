"""SPX 2022-12-12 under conventions that others have published; needs the sample folders."""

from __future__ import annotations

from datetime import date, datetime, time

import numpy as np
import polars as pl
import pytest

from models.black import greeks
from models.conventions import SECONDS_PER_YEAR
from models.exposures import exposures
from models.flip import Curve, find_flip
from models.positioning import dealer_quantity
from models.profile import gamma_profile, make_legs, spot_grid
from pipelines.calendar import new_york_to_utc
from tests.golden.pages import GOLDEN, SAMPLES, find_sample, read_page

pytestmark = [
    pytest.mark.samples,
    pytest.mark.skipif(not (SAMPLES and GOLDEN), reason="DEALERFLOW_SAMPLES and DEALERFLOW_GOLDEN are not set"),
]
SESSION = date(2022, 12, 12)


def naive_levels(snapshot_ts: datetime, *, is_all_pm: bool) -> tuple[float, float]:
    """Net GEX and flip with every contract's own vendor volatility and r = q = 0."""
    page = read_page(find_sample("2022-12-12_spx_gflows.csv"), snapshot_ts, SESSION)
    chain = page.chain
    if is_all_pm:
        afternoon = [new_york_to_utc(day, time(16)) for day in chain["expiry_date"]]
        chain = chain.with_columns(expiry_ts=pl.Series(afternoon, dtype=pl.Datetime("us")))
    chain = chain.filter((pl.col("expiry_ts") > snapshot_ts) & (pl.col("vendor_iv_frac") > 0))
    years = chain.select((pl.col("expiry_ts") - snapshot_ts).dt.total_seconds() / SECONDS_PER_YEAR).to_series()
    spot, is_call = page.underlying_last, (chain["option_type"] == "call").to_numpy()
    held = dealer_quantity(chain["open_interest"].to_numpy(), is_call, "calls_long_puts_short")
    leg = {
        "forward": np.full(chain.height, spot), "strike": chain["strike"].to_numpy(), "t_years": years.to_numpy(),
        "iv_frac": chain["vendor_iv_frac"].to_numpy(), "discount_factor": np.ones(chain.height),
    }  # fmt: skip
    found = greeks(spot=spot, is_call=is_call, **leg)
    named = {"gamma": found.gamma, "delta": found.delta, "vanna_per_volpt": found.vanna, "charm_per_day": found.charm}
    net = exposures(held, np.full(chain.height, 100.0), spot, named)["gex_usd_per_1pct"].sum()
    legs = make_legs(spot=spot, weights=held[None, :] * 100, series=np.zeros(chain.height, dtype=np.int64), **leg)
    everything, spots = np.ones(legs.slope.size, dtype=bool), spot_grid(spot)
    profile = gamma_profile(legs, spots, 1)[0, 0]
    flip = find_flip(Curve(legs, 0, everything, lambda first, end: profile[first:end]), (), spots, spot)
    assert flip.nearest is not None
    return float(net), flip.nearest.level


def test_at_the_close_without_rates_the_page_shows_minus_2_95_bn_and_4005_9():
    net, flip = naive_levels(datetime(2022, 12, 12, 21), is_all_pm=False)
    assert (round(net / 1e9, 2), round(flip, 1)) == (-2.95, 4005.9)


def test_at_the_readers_clock_with_afternoon_expiries_it_shows_the_published_convention():
    net, flip = naive_levels(datetime(2022, 12, 13, 1, 30), is_all_pm=True)
    assert net / 1e9 == pytest.approx(-2.858, abs=5e-4)
    assert flip == pytest.approx(4005.18, abs=5e-3)
