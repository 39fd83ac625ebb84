"""Market makers' share of cleared volume, and the positions that it scales."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clearing import clearing_adjusted_quantity, market_maker_shares
from models.conventions import DEALER_MODELS, REPORT_MODELS, SCOPES
from models.positioning import dealer_quantity
from models.snapshot import SnapshotExposures, expose
from tests.models.chains import SESSION, contracts_of, quoted

FRAMES = ("strike_exposures", "exposure_summary", "key_levels", "gamma_profile", "opex_rolloff")


def cleared(*rows: tuple[str, float], underlying: str = "XMPL", option_type: str = "call") -> pl.DataFrame:
    return pl.DataFrame(
        [(underlying, option_type, account, contracts) for account, contracts in rows],
        schema=["underlying", "option_type", "account_type", "cleared_contracts"],
        orient="row",
    )


def test_the_share_is_that_of_market_makers_among_customers_firms_and_market_makers() -> None:
    one, other = cleared(("customer", 60.0), ("market_maker", 20.0)), cleared(("firm", 20.0), ("other", 900.0))
    (found,) = market_maker_shares(pl.concat([one, other])).to_dicts()
    assert found == {
        "underlying": "XMPL", "option_type": "call", "customer_contracts": 60.0, "firm_contracts": 20.0,
        "market_maker_contracts": 20.0, "other_contracts": 900.0, "market_maker_share_frac": 0.2,
    }  # fmt: skip


def test_sides_and_underlyings_stand_apart() -> None:
    frames = [
        cleared(("market_maker", 1.0)), cleared(("customer", 1.0), option_type="put"),
        cleared(("other", 5.0), underlying="ABC"),
    ]  # fmt: skip
    found = market_maker_shares(pl.concat(frames)).select("underlying", "option_type", "market_maker_share_frac")
    assert found.rows() == [("ABC", "call", None), ("XMPL", "call", 1.0), ("XMPL", "put", 0.0)]


@given(st.floats(0, 1), st.floats(0, 1))
def test_positions_are_those_of_the_heuristic_times_the_share_of_their_side(call: float, put: float) -> None:
    interest, is_call = np.array([5.0, 7.0, np.nan]), np.array([True, False, True])
    found = clearing_adjusted_quantity(interest, is_call, call_share_frac=call, put_share_frac=put)
    np.testing.assert_array_equal(found, np.array([5.0 * call, -7.0 * put, np.nan]))


def book(seed: int = 3) -> pl.DataFrame:
    contracts = contracts_of(pl.concat([quoted(5), quoted(35), quoted(200)]))
    random = np.random.default_rng(seed)
    interest = random.integers(0, 5000, contracts.height).astype(float)
    return contracts.with_columns(open_interest=pl.Series(interest))


def exposed(contracts: pl.DataFrame, **also: object) -> SnapshotExposures:
    return expose(
        contracts, session_date=SESSION, spot=4000.0, monthly_expiries=[SESSION + timedelta(days=35)],
        has_expired_session_contracts=False, **also,
    )  # type: ignore[arg-type]  # fmt: skip


def with_reports(contracts: pl.DataFrame, call: float, put: float) -> pl.DataFrame:
    adjusted = clearing_adjusted_quantity(
        contracts["open_interest"].fill_null(float("nan")).to_numpy(), (contracts["option_type"] == "call").to_numpy(),
        call_share_frac=call, put_share_frac=put,
    )  # fmt: skip
    held = np.random.default_rng(1).integers(-900, 900, contracts.height).astype(float)
    return contracts.with_columns(
        pl.Series("clearing_adjusted_quantity", adjusted, nan_to_null=True), pl.Series("open_close_quantity", held)
    )


ALSO = {
    "dealer_models": (*DEALER_MODELS, *REPORT_MODELS),
    "positions": {model: f"{model}_quantity" for model in REPORT_MODELS},
}


def of(frame: pl.DataFrame, model: str) -> pl.DataFrame:
    return frame.filter(pl.col("dealer_model") == model).drop("dealer_model")


def test_with_a_share_of_one_everything_is_as_under_the_heuristic() -> None:
    frames = exposed(with_reports(book(), 1.0, 1.0), **ALSO)
    for name in FRAMES:
        frame = getattr(frames, name)
        assert of(frame, "clearing_adjusted").equals(of(frame, "calls_long_puts_short"))


def test_each_side_is_scaled_by_its_own_share() -> None:
    summary = exposed(with_reports(book(), 0.5, 0.25), **ALSO).exposure_summary
    found, naive = (of(summary, model) for model in ("clearing_adjusted", "calls_long_puts_short"))
    np.testing.assert_allclose(found["call_dex_usd"], naive["call_dex_usd"] * 0.5, rtol=1e-12)
    np.testing.assert_allclose(found["put_dex_usd"], naive["put_dex_usd"] * 0.25, rtol=1e-12)


def test_models_of_open_interest_do_not_notice_those_of_reports() -> None:
    contracts = book()
    alone, beside = exposed(contracts), exposed(with_reports(contracts, 0.3, 0.7), **ALSO)
    for name in FRAMES:
        kept = getattr(beside, name).filter(pl.col("dealer_model").is_in(DEALER_MODELS))
        assert kept.equals(getattr(alone, name))


def test_without_open_interest_files_of_an_exchange_still_tell_positions() -> None:
    contracts = book().with_columns(open_interest=pl.lit(None, pl.Float64))
    frames = exposed(with_reports(contracts, 0.3, 0.7), **ALSO)
    for model, status in (("clearing_adjusted", "no_open_interest"), ("open_close", "ok")):
        found = of(frames.exposure_summary, model).filter(pl.col("scope") == "all")
        assert found["scope_status"].to_list() == [status]


@pytest.mark.parametrize("model", REPORT_MODELS)
def test_nothing_is_made_up_for_a_model_without_positions(model: str) -> None:
    summary = exposed(book(), dealer_models=(model,)).exposure_summary
    assert summary["scope"].to_list() == list(SCOPES)
    assert summary["net_gex_usd_per_1pct"].null_count() == len(SCOPES)


def test_a_heuristic_is_asked_only_for_what_it_knows() -> None:
    for model in REPORT_MODELS:
        with pytest.raises(KeyError):
            dealer_quantity(np.ones(1), np.array([True]), model)
