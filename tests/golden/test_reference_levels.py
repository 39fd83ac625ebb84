"""Levels of real pages against an independent implementation; needs the sample folders."""

from __future__ import annotations

import pytest

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
