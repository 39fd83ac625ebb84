"""Whether a page is whole, and whether its clock can be believed."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from models.clock import header_clock_offset_days
from models.partial import partial_reason
from tests.models.chains import CURVE, SNAPSHOT, quoted, without_quotes


def offset(chain: pl.DataFrame, days_late: float = 0.0, last: float | None = 4000.0) -> float:
    return header_clock_offset_days(
        chain, snapshot_ts=SNAPSHOT + timedelta(days=days_late), spot_last=last, curve=CURVE, default_carry_frac=0.01
    )


@pytest.mark.parametrize(
    ("strikes", "rows", "earlier", "reason"),
    [
        ([3800.0, 4200.0], 100, [], None),
        ([3801.0, 4200.0], 100, [], "strikes_do_not_span_spot"),
        ([3800.0, 4199.0], 100, [], "strikes_do_not_span_spot"),
        ([3800.0, 4200.0], 49, [100, 90, 110], "few_rows"),
        ([3800.0, 4200.0], 50, [100, 90, 110], None),
    ],
)
def test_a_page_is_partial_by_its_nearest_expiry_or_by_its_rows(strikes, rows, earlier, reason):
    chain = pl.concat([quoted(5, strikes=np.array(strikes)), quoted(30)])
    assert partial_reason(chain, spot=4000.0, rows_in=rows, earlier_rows_in=earlier) == reason


def test_a_page_without_live_contracts_is_partial():
    assert partial_reason(quoted(5).clear(), spot=4000.0, rows_in=9, earlier_rows_in=[]) == "no_live_contracts"


@pytest.mark.parametrize("days_late", [0.0, 2.0, -3.0])
def test_a_wrong_clock_shows_as_many_days_as_it_is_wrong(days_late: float):
    chain = pl.concat([quoted(d, strikes=np.arange(3800.0, 4201.0, 10.0)) for d in (10, 20, 30, 45)])
    assert offset(chain, days_late) == pytest.approx(days_late, abs=0.05)


def test_a_clock_cannot_be_tested_without_quotes_or_vendor_volatilities_or_near_expiries():
    unstated = quoted(20).with_columns(vendor_iv_frac=pl.lit(0.0))
    assert np.isnan(offset(without_quotes(quoted(20)), last=None))
    assert all(np.isnan(offset(chain)) for chain in (without_quotes(quoted(20)), unstated, quoted(90)))
