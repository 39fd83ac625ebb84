"""Levels of real pages against an independent implementation; needs the sample folders."""

from __future__ import annotations

import polars as pl
import pytest

from models.exposures import MEASURES
from tests.golden.compare_levels import computed, differences, reference_rows
from tests.golden.pages import GOLDEN, SAMPLES

pytestmark = [
    pytest.mark.samples,
    pytest.mark.skipif(not (SAMPLES and GOLDEN), reason="DEALERFLOW_SAMPLES and DEALERFLOW_GOLDEN are not set"),
]
FILES = list(reference_rows()) if SAMPLES and GOLDEN else []


@pytest.mark.parametrize("file", FILES)
def test_every_number_of_a_page_agrees_with_the_independent_implementation(file: str):
    outside = [d for d in differences(file) if not d.is_within]
    assert outside == []


@pytest.mark.parametrize("file", FILES)
def test_agreement_is_far_closer_than_two_implementations_need(file: str):
    amounts = [d for d in differences(file) if d.quantity.startswith(("net_", "gross_", "gamma_flip", "spot"))]
    assert max(d.size for d in amounts) < 1e-7


@pytest.mark.parametrize("file", FILES)
def test_scopes_without_a_reference_row_have_no_live_contracts(file: str):
    stated = {(row["dealer_model"], row["scope"]) for row in reference_rows()[file]}
    levels = computed(file).exposures.key_levels
    zero_dte = levels.filter((levels["scope"] == "0dte") & (levels["dealer_model"] == "calls_long_puts_short"))
    has_row = ("calls_long_puts_short", "0dte") in stated
    assert (zero_dte["scope_status"][0] == "ok") is has_row


@pytest.mark.parametrize("file", FILES)
def test_identities_hold_on_real_pages(file: str):
    result = computed(file)
    strikes, summary = result.exposures.strike_exposures, result.exposures.exposure_summary
    days = (pl.col("expiry_date") - result.page.session_date).dt.total_days()
    member = {"all": days >= 0, "0dte": days == 0, "weekly": days <= 7, "le_30d": days <= 30}
    known = summary.filter(pl.col("scope").is_in(list(member)) & (pl.col("scope_status") == "ok"))
    for row in known.iter_rows(named=True):
        own = strikes.filter((pl.col("dealer_model") == row["dealer_model"]) & member[row["scope"]])
        for name in MEASURES:
            scale = 1e-12 * (own[f"call_{name}"].abs().sum() + own[f"put_{name}"].abs().sum())
            assert row[f"net_{name}"] == pytest.approx(row[f"call_{name}"] + row[f"put_{name}"], abs=scale)
            assert row[f"net_{name}"] == pytest.approx(own[f"net_{name}"].sum(), abs=scale)
        per_usd = row["net_gex_usd_per_1usd"] * result.mark.spot * 0.01
        assert row["net_gex_usd_per_1pct"] == pytest.approx(per_usd, abs=1e-12 * row["gross_gex_usd_per_1pct"])


@pytest.mark.parametrize("file", FILES)
def test_the_profile_at_spot_is_the_net_gamma_of_real_pages(file: str):
    exposures = computed(file).exposures
    for total, row in zip(
        exposures.exposure_summary.iter_rows(named=True), exposures.gamma_profile.iter_rows(named=True), strict=True
    ):
        if total["scope_status"] == "ok":
            middle = row["net_gex_usd_per_1pct_curve"][200]
            assert middle == pytest.approx(total["net_gex_usd_per_1pct"], abs=1e-10 * total["gross_gex_usd_per_1pct"])
