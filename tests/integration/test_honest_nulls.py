"""Feeds without open interest or without a last price: null stays null, and what needs it says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake.store import Lake
from pipelines.sources import cboe_quotedata_csv
from pipelines.sources.page import ChainPage, Declared
from pipelines.stages import parsed
from tests.integration.spine import current, derive, land, refusals

Change = Callable[[ChainPage], ChainPage]
NO_COUNTS = pl.lit(None, dtype=pl.Float64)


def change_pages(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """From here on pages are read as a feed would write them that knows less."""
    read = cboe_quotedata_csv.pages

    def pages(data: bytes, declared: Declared) -> list[ChainPage]:
        return [change(page) for page in read(data, declared)]

    monkeypatch.setattr(cboe_quotedata_csv, "pages", pages)
    monkeypatch.setitem(parsed._PARSERS, cboe_quotedata_csv.NAME, pages)


def pages_of(market: list[Path], *names: str) -> list[Path]:
    return [path for path in market if any(name in path.name for name in ("treasury", *names))]


def without_open_interest(page: ChainPage) -> ChainPage:
    return replace(page, rows=page.rows.with_columns(open_interest=NO_COUNTS))


def without_calls_below_the_money(page: ChainPage) -> ChainPage:
    lost = (pl.col("option_type") == "call") & (pl.col("strike") < (page.underlying_last or 0))
    kept = [pl.when(~lost).then(name).alias(name) for name in ("open_interest", "volume")]
    return replace(page, rows=page.rows.with_columns(kept))


def test_a_feed_without_open_interest_gives_a_whole_surface_and_no_exposures(
    lake: Lake, market: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_pages(monkeypatch, without_open_interest)
    land(lake, pages_of(market, "spy_quotedata"))
    assert refusals(derive(lake)) == []
    options, quality = current(lake, "option_snapshots"), current(lake, "snapshot_quality")
    assert options["open_interest"].null_count() == options.height > 0
    assert options["iv_frac"].null_count() == (options["iv_source"] == "none").sum()
    assert current(lake, "expiry_surface")["atm_iv_frac"].null_count() == 0
    assert quality["open_interest_date"].null_count() == quality.height
    assert set(quality["open_interest_evidence"]) == {"none"}
    for table in ("strike_exposures", "exposure_heatmap", "opex_rolloff"):
        assert current(lake, table).is_empty()
    summary, levels = current(lake, "exposure_summary"), current(lake, "key_levels")
    assert "no_open_interest" in set(summary["scope_status"])
    assert "ok" not in set(summary["scope_status"])
    assert summary["net_gex_usd_per_1pct"].null_count() == summary.height
    live = levels.filter(pl.col("scope_status") == "no_open_interest")
    assert set(live["gamma_flip_status"]) == {"insufficient_data"}
    assert live["max_pain"].null_count() == live.height


def test_a_session_without_open_interest_is_no_basis_for_the_changes_of_the_next(
    lake: Lake, market: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled = datetime(2024, 6, 21, 22, 34)
    change_pages(monkeypatch, lambda page: page if page.header_ts != pulled else without_open_interest(page))
    land(lake, pages_of(market, "spy_quotedata"))
    assert refusals(derive(lake)) == []
    heatmap = current(lake, "exposure_heatmap").filter(pl.col("scope") == "all")
    without = current(lake, "exposure_summary").filter(pl.col("scope_status") == "no_open_interest")
    [bare] = set(without["snapshot_ts"])
    assert bare not in {*heatmap["snapshot_ts"], *heatmap["previous_snapshot_ts"]}
    after = heatmap.filter(pl.col("snapshot_ts") > bare).sort("snapshot_ts")
    assert after["previous_snapshot_ts"][0] == heatmap.filter(pl.col("snapshot_ts") < bare)["snapshot_ts"].max()


def test_contracts_without_open_interest_are_counted_apart_and_every_account_balances(
    lake: Lake, market: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_pages(monkeypatch, without_calls_below_the_money)
    land(lake, pages_of(market, "spy_quotedata"))
    assert refusals(derive(lake)) == []
    options = current(lake, "option_snapshots")
    whole = current(lake, "exposure_summary").filter(
        (pl.col("scope") == "all") & (pl.col("dealer_model") == "short_all") & (pl.col("scope_status") == "ok")
    )
    lost = options.filter(pl.col("open_interest").is_null() | pl.col("iv_frac").is_null()).height
    assert whole["contracts_not_counted"].sum() == lost > 0
    assert whole["put_open_interest"].sum() == options.filter(pl.col("option_type") == "put")["open_interest"].sum()
    strikes = current(lake, "strike_exposures")
    assert strikes["call_gex_usd_per_1pct"].null_count() > 0
    assert strikes["call_volume"].null_count() > 0


def test_without_a_last_price_parity_gives_the_spot_at_any_distance(
    lake: Lake, market: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_pages(monkeypatch, lambda page: replace(page, underlying_last=None))
    land(lake, pages_of(market, "spx_quotedata_2024-06-17"))
    assert refusals(derive(lake)) == []
    quality = current(lake, "snapshot_quality")
    assert set(quality["spot_source"]) == {"parity_spot"}
    assert quality["underlying_last"].null_count() == quality.height
    assert quality["spot"].to_list() == quality["parity_spot"].to_list()


def test_a_snapshot_without_any_spot_is_refused_and_the_others_of_its_session_go_on(
    lake: Lake, market: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_noon, at_close = (datetime(2024, 6, 21, 16, 30), datetime(2024, 6, 21, 20))

    def change(page: ChainPage) -> ChainPage:
        if page.header_ts is None or page.header_ts > at_close:
            return page
        return replace(page, underlying_last=None, rows=page.rows.with_columns(bid=pl.lit(0.0), ask=pl.lit(0.0)))

    change_pages(monkeypatch, change)
    land(lake, pages_of(market, "spx_quotedata_2024-06-21_1245", "spx_quotedata_2024-06-21_1831"))
    assert refusals(derive(lake)) == ["no_spot"]
    [row] = lake.catalogue.rows("select stage, reason from refusals")
    assert row["stage"] == "landing"
    assert f"{at_noon}: the page states no last price" in row["reason"]
    assert current(lake, "key_levels")["snapshot_ts"].unique().to_list() == [at_close]
