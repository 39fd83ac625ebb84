"""All real quote pages through the lake: sessions, dates of open interest, duplicates, identities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime

import polars as pl
import pytest

from pipelines.lake.store import Lake, opened
from pipelines.load import Loaded
from pipelines.settings import Paths
from tests.integration.spine import current, derive, land, refusals
from tests.samples import curves, needs_samples, quote_pages

pytestmark = [needs_samples, pytest.mark.samples]

D = date
# underlying, session, basis, date of open interest and its basis, by the vendor's clocks and the exchange's calendar
PAGES = {
    "2022-12-12_ndx_gflows.csv": ("NDX", D(2022, 12, 12), "header_after_close", D(2022, 12, 9)),
    "2022-12-12_rut_gflows.csv": ("RUT", D(2022, 12, 12), "header_after_close", D(2022, 12, 9)),
    "2022-12-12_spx_gflows.csv": ("SPX", D(2022, 12, 12), "header_after_close", D(2022, 12, 9)),
    "2023-04-06_spx_quotedata_88c817.csv": ("SPX", D(2023, 4, 5), "header_after_close", D(2023, 4, 4)),
    "2023-04-07_ndx_quotedata_e76162.csv": ("NDX", D(2023, 4, 6), "header_after_close", D(2023, 4, 5)),
    "2023-04-07_spx_quotedata_4f6cde.csv": ("SPX", D(2023, 4, 6), "header_after_close", D(2023, 4, 5)),
    "2023-04-11_spx_quotedata_cbf168.csv": ("SPX", D(2023, 4, 10), "header_after_close", D(2023, 4, 6)),
    "2023-04-12_spx_quotedata_cb41cb.csv": ("SPY", D(2023, 4, 11), "header_after_close", D(2023, 4, 10)),
    "2023-04-14_ndx_quotedata_906198.csv": ("NDX", D(2023, 4, 14), "header_after_close", D(2023, 4, 13)),
    "2023-04-14_qqq_quotedata_ac3a69.csv": ("QQQ", D(2023, 4, 14), "header_after_close", D(2023, 4, 13)),
    "2023-04-14_spx_quotedata_f5ab13.csv": ("SPX", D(2023, 4, 14), "header_after_close", D(2023, 4, 13)),
    "2023-04-14_spy_quotedata_12296e.csv": ("SPY", D(2023, 4, 14), "header_after_close", D(2023, 4, 13)),
    "2023-04-17_spx_quotedata_78c57a.csv": ("SPX", D(2023, 4, 14), "header_before_open", D(2023, 4, 13)),
    "2023-04-17_spy_quotedata_276874.csv": ("SPY", D(2023, 4, 14), "header_before_open", D(2023, 4, 13)),
    "2023-04-18_ndx_quotedata_c081c0.csv": ("NDX", D(2023, 4, 17), "header_after_close", D(2023, 4, 14)),
    "2023-04-18_spx_quotedata_bd033f.csv": ("SPX", D(2023, 4, 17), "header_after_close", D(2023, 4, 14)),
    "2023-05-03_spy_quotedata_4109fa.csv": ("SPY", D(2023, 4, 26), "header_before_open", D(2023, 4, 26)),
    "2023-05-15_ndx_quotedata_9915c5.csv": ("NDX", D(2023, 5, 15), "header_in_session", D(2023, 5, 12)),
    "2023-05-15_ndx_quotedata_e21ed4.csv": ("NDX", D(2023, 5, 15), "header_in_session", D(2023, 5, 12)),
    "2023-05-15_vix_quotedata_d5f9f7.csv": ("VIX", D(2023, 5, 15), "header_in_session", D(2023, 5, 12)),
    "2023-05-16_ndx_quotedata_96979d.csv": ("NDX", D(2023, 5, 15), "header_before_open", D(2023, 5, 15)),
    "2023-05-16_qqq_quotedata_4c05d2.csv": ("QQQ", D(2023, 5, 15), "header_before_open", D(2023, 5, 15)),
    "2023-06-11_spx_quotedata-1_8fd529.csv": ("SPX", D(2023, 6, 9), "header_after_close", D(2023, 6, 8)),
    "spy_2025-04-30_quotedata_edfd21.csv": ("SPY", D(2025, 4, 30), "header_after_close", D(2025, 4, 29)),
    "spy_2025-05-01_quotedata_2cdc11.csv": ("SPY", D(2025, 5, 1), "header_after_close", D(2025, 4, 30)),
    "spy_2025-05-02_quotedata_2e3c2b.csv": ("SPY", D(2025, 4, 30), "header_before_open", D(2025, 4, 30)),
    "spy_2025-05-04_quotedata_ea5f08.csv": ("SPY", D(2025, 5, 2), "header_after_close", D(2025, 5, 1)),
    "spy_2025-05-06_quotedata_21be6f.csv": ("SPY", D(2025, 5, 2), "first_expiry_cap", D(2025, 5, 1)),
}
BETWEEN_SPY_PAGES = datetime(2025, 5, 1, 12)  # after the evening page of April 30, before the one of next morning


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, list[Loaded], list[str]]]:
    with opened(Paths(tmp_path_factory.mktemp("real"))) as lake:
        loaded = land(lake, [*quote_pages(), curves()])
        yield lake, loaded, refusals(derive(lake))


@pytest.fixture(scope="module")
def lake(warehouse: tuple[Lake, list[Loaded], list[str]]) -> Lake:
    return warehouse[0]


def test_every_page_lands_at_its_session_and_underlying(warehouse: tuple[Lake, list[Loaded], list[str]]) -> None:
    pages = [one for one in warehouse[1] if one.source == "cboe_quotedata_csv"]
    assert {one.name: (one.part, one.session_date, one.session_basis) for one in pages} == {
        name: expected[:3] for name, expected in PAGES.items()
    }
    assert Counter(one.fate for one in warehouse[1]) == {"landed": 26, "duplicate_body": 3}
    assert warehouse[2] == []


def test_every_page_gives_its_open_interest_the_right_date(lake: Lake) -> None:
    names = {row["sha256"]: row["original_name"] for row in lake.catalogue.rows("select * from raw_objects")}
    found: dict[str, date] = {}
    for version in lake.catalogue.versions(["pages"]):
        rows = lake.read(version, ["raw_sha256", "open_interest_date"]).rows()
        found |= {names[sha256]: dated for sha256, dated in rows}
    assert len(found) == 25  # three pages are others under a later clock
    assert found == {name: expected[3] for name, expected in PAGES.items() if name in found}


def test_changes_of_open_interest_fit_the_volume_wherever_two_pages_are_a_session_apart(lake: Lake) -> None:
    pages = current(lake, "snapshot_quality").filter(pl.col("open_interest_evidence") == "change_within_volume")
    assert set(pages.select("part", "session_date").rows()) == {
        ("SPX", D(2023, 4, 6)), ("SPX", D(2023, 4, 10)), ("SPX", D(2023, 4, 17)), ("NDX", D(2023, 4, 17)),
        ("NDX", D(2023, 5, 15)), ("SPY", D(2025, 4, 30)), ("SPY", D(2025, 5, 1)), ("SPY", D(2025, 5, 2)),
    }  # fmt: skip
    assert pages["open_interest_evidence_share_frac"].min() >= 0.95  # type: ignore[operator]


def test_only_the_page_of_ninety_lines_is_partial(lake: Lake) -> None:
    partial = current(lake, "snapshot_quality").filter(pl.col("is_partial"))
    assert partial.select("part", "session_date").rows() == [("SPX", D(2023, 6, 9))]


def test_no_row_of_any_page_is_lost(lake: Lake) -> None:
    rows = current(lake, "snapshot_quality")
    spent = rows["rows_live"] + rows["rows_expired"] + rows["rows_quarantined"] + rows["rows_duplicate"]
    assert (rows["rows_in"] == spent).all()
    by_source = rows.select(pl.sum_horizontal(pl.col("^contracts_(solved|vendor|interpolated|none).*$")))
    assert (by_source.to_series() == rows["rows_live"]).all()


def test_the_page_before_the_open_is_the_second_version_of_the_session_before(lake: Lake) -> None:
    versions = [v for v in lake.catalogue.versions(["key_levels"]) if v.key.session_date == D(2025, 4, 30)]
    assert [(v.v, v.known_at) for v in versions] == [
        (1, datetime(2025, 5, 1, 0, 35)),
        (2, datetime(2025, 5, 1, 12, 28)),
    ]
    dates = [
        current(lake, "snapshot_quality", at).filter(pl.col("session_date") == D(2025, 4, 30))["open_interest_date"][0]
        for at in (BETWEEN_SPY_PAGES, datetime(2025, 5, 1, 13))
    ]
    assert dates == [D(2025, 4, 29), D(2025, 4, 30)]


def test_knowledge_does_not_depend_on_the_order_of_loading(lake: Lake, tmp_path: object) -> None:
    trio = [path for path in quote_pages() if path.name.startswith("spy_2025")]
    with opened(Paths(tmp_path)) as other:  # type: ignore[arg-type]
        for path in [curves(), *reversed(trio)]:
            land(other, [path])
            derive(other)
        for instant in (BETWEEN_SPY_PAGES, datetime(2025, 5, 1, 13), datetime(2025, 5, 2), datetime(2025, 5, 7)):
            for table in ("pages", "expiry_surface", "key_levels", "exposure_heatmap"):
                expected = current(lake, table, instant).filter(pl.col("session_date") >= D(2025, 4, 30))
                found = current(other, table, instant)
                if table == "exposure_heatmap":  # the first session has nothing before it here
                    expected, found = (f.filter(pl.col("session_date") > D(2025, 4, 30)) for f in (expected, found))
                assert found.drop("is_jump", strict=False).equals(expected.drop("is_jump", strict=False)), (
                    instant,
                    table,
                )


MEASURES = ("gex_usd_per_1pct", "gex_usd_per_1usd", "dex_usd", "vex_usd_per_volpt", "chex_usd_per_day")


def test_net_is_call_plus_put_and_one_percent_is_a_hundredth_of_spot_dollars_everywhere(lake: Lake) -> None:
    strikes = current(lake, "strike_exposures").join(
        current(lake, "key_levels").select("part", "snapshot_ts", "spot").unique(), on=["part", "snapshot_ts"]
    )
    for measure in MEASURES:
        summed = strikes[f"call_{measure}"].fill_null(0) + strikes[f"put_{measure}"].fill_null(0)
        size = strikes[f"call_{measure}"].fill_null(0).abs() + strikes[f"put_{measure}"].fill_null(0).abs()
        assert ((strikes[f"net_{measure}"].fill_null(0) - summed).abs() <= 1e-12 * size + 1e-9).all()
    for side in ("call", "put", "net"):
        per_percent, per_dollar = strikes[f"{side}_gex_usd_per_1pct"], strikes[f"{side}_gex_usd_per_1usd"]
        apart = (per_percent - per_dollar * strikes["spot"] * 0.01).abs()
        assert (apart <= 1e-12 * per_percent.abs() + 1e-9).fill_null(value=True).all()


def test_strikes_sum_to_the_totals_and_profiles_pass_through_them(lake: Lake) -> None:
    summary = current(lake, "exposure_summary")
    strikes = current(lake, "strike_exposures")
    expiry_day = (pl.col("expiry_date") - pl.col("session_date")).dt.total_days()
    chosen = {"all": pl.lit(value=True), "0dte": expiry_day == 0, "weekly": expiry_day <= 7, "le_30d": expiry_day <= 30}
    key = ["part", "snapshot_ts", "dealer_model"]
    for scope, is_in in chosen.items():
        totals = summary.filter((pl.col("scope") == scope) & (pl.col("scope_status") == "ok"))
        sums = strikes.filter(is_in).group_by(key).agg(pl.col(f"net_{m}").sum() for m in MEASURES)
        joined = totals.join(sums, on=key, suffix="_summed")
        assert joined.height == totals.height > 0
        for measure in MEASURES:
            apart = (joined[f"net_{measure}"] - joined[f"net_{measure}_summed"]).abs()
            size = joined[f"call_{measure}"].abs() + joined[f"put_{measure}"].abs()
            assert (apart <= 1e-9 * size + 1e-6).all(), (scope, measure)
    profiles = current(lake, "gamma_profile").join(summary, on=[*key, "scope"]).filter(pl.col("scope_status") == "ok")
    for row in profiles.iter_rows(named=True):
        middle = len(row["spot_levels"]) // 2
        assert (
            abs(row["net_gex_usd_per_1pct_curve"][middle] - row["net_gex_usd_per_1pct"])
            <= 1e-9 * row["gross_gex_usd_per_1pct"]
        )
