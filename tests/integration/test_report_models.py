"""The two dealer models by reports: where they are there, what they rest on, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from models.conventions import DEALER_MODELS, REPORT_MODELS
from pipelines.lake.store import Lake, opened
from pipelines.load import Arrival, load_arrivals, load_files
from pipelines.materialise import bring_up_to_date
from pipelines.settings import Paths
from pipelines.sources.page import Declared
from pipelines.stages.exposures import EXPOSURE_TABLES
from pipelines.stages.spine import ON_REPORTS, REPORTED
from tests.integration.spine import current, derive, land, refusals
from tests.pipelines.open_close_files import filled, written

MONDAY, TUESDAY, THURSDAY = (date(2024, 6, day) for day in (17, 18, 20))  # the 19th is a holiday
MORNING_AFTER = {MONDAY: datetime(2024, 6, 18, 10, 30), TUESDAY: datetime(2024, 6, 20, 10, 30)}
HELD = {"C": ("SPY", "2024-07-19", "540", 900, 200), "P": ("SPY", "2024-07-19", "530", 10, 400)}


def cleared(folder: Path, day: date, *, makers: int = 300, name: str = "") -> Path:
    """Calls: makers of 1,000 sides; puts: 250 of 1,000. Of another underlying the same."""
    rows = [
        f"{count},{symbol},{symbol},{account},{side},CBOE,{day:%m/%d/%Y}"
        for symbol in ("QQQ", "SPY")
        for side, of_makers in (("C", makers), ("P", 250))
        for account, count in (("C", 900 - of_makers), ("F", 100), ("M", of_makers), ("Q", 50))
    ]
    path = folder / f"{name}{day}.cleared.csv"
    path.write_text("\n".join(["quantity,underlying,symbol,actype,porc,exchange,actdate", *rows, ""]))
    return path


def open_close(folder: Path, day: date, calls: tuple[int, int] = (900, 200), name: str = "") -> Path:
    rows = [
        filled(
            *(calls if side == "C" else (10, 400)), quote_date=day, underlying_symbol="SPY", option_symbol=root,
            expiration_date=expiry, strike_price=strike, call_put_flag=side, open_interest=0,
        )
        for side, (root, expiry, strike, *_) in HELD.items()
    ]  # fmt: skip
    path = folder / f"{name}{day}.oc.csv"
    path.write_bytes(written(rows))
    return path


def report(lake: Lake, files: Iterable[Path]) -> None:
    for path in files:
        (loaded,) = load_files(
            lake, [path], declared=Declared(exchange="C1" if ".oc." in path.name else None), progress=lambda _: None
        )
        assert loaded.fate == "landed", loaded.reason


def of(frame: pl.DataFrame, model: str, day: date) -> pl.DataFrame:
    return frame.filter((pl.col("dealer_model") == model) & (pl.col("session_date") == day))


@pytest.fixture(scope="module")
def pages(market: list[Path]) -> list[Path]:
    return [p for p in market if any(f"spy_quotedata_2024-06-{day}" in p.name for day in (17, 18, 20))]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, pages: list[Path]) -> dict[str, dict[str, pl.DataFrame]]:
    """The frames of three sessions before any report was loaded, and after."""
    folder = tmp_path_factory.mktemp("reports")
    with opened(Paths(folder / "data")) as lake:
        land(lake, pages)
        assert refusals(derive(lake)) == []
        tables = (*EXPOSURE_TABLES, "exposure_heatmap")
        before = {table: current(lake, table) for table in tables}
        report(lake, [open_close(folder, MONDAY), open_close(folder, TUESDAY), cleared(folder, MONDAY)])
        assert refusals(derive(lake)) == []
        assert not any(one.written for one in derive(lake))
        stages = ("open_close_positions", "clearing_shares", "option_snapshots")
        after = {table: current(lake, table) for table in (*tables, *stages)}
    return {"before": before, "after": after}


def test_without_reports_there_are_the_models_of_open_interest_alone(whole) -> None:
    for frame in whole["before"].values():
        assert set(frame["dealer_model"]) == set(DEALER_MODELS)
    summary = whole["before"]["exposure_summary"]
    assert summary["positions_ts"].null_count() == summary["history_complete_share_frac"].null_count() == summary.height


def test_the_models_of_open_interest_do_not_notice_the_reports(whole) -> None:
    for table, before in whole["before"].items():
        after = whole["after"][table].filter(pl.col("dealer_model").is_in(DEALER_MODELS))
        assert after.equals(before), table


def test_a_model_is_there_from_the_session_after_its_report(whole) -> None:
    summary = whole["after"]["exposure_summary"].filter(pl.col("scope") == "all")
    days = {model: set(of_model["session_date"]) for (model,), of_model in summary.group_by("dealer_model")}
    assert days == {model: {MONDAY, TUESDAY, THURSDAY} for model in DEALER_MODELS} | {
        model: {TUESDAY, THURSDAY} for model in REPORT_MODELS
    }


def test_rows_are_known_no_earlier_than_their_reports_and_say_when_positions_were_held(whole) -> None:
    for table in (*EXPOSURE_TABLES, "exposure_heatmap"):
        for model in REPORT_MODELS:
            found = of(whole["after"][table], model, TUESDAY)
            assert found.height
            assert found["known_at"].min() >= MORNING_AFTER[MONDAY]
    summary = whole["after"]["exposure_summary"]
    assert of(summary, "open_close", THURSDAY)["positions_ts"].unique().to_list() == [datetime(2024, 6, 18, 20)]
    assert of(summary, "clearing_adjusted", THURSDAY)["positions_ts"].unique().to_list() == [None]


def test_open_close_holds_what_market_makers_bought_less_what_they_sold(whole) -> None:
    strikes = whole["after"]["strike_exposures"].filter(pl.col("dealer_model") == "open_close")
    for day, sessions in ((TUESDAY, 1), (THURSDAY, 2)):
        held = strikes.filter((pl.col("session_date") == day) & (pl.col("expiry_date") == date(2024, 7, 19)))
        calls = held.filter(pl.col("strike") == 540)["call_dealer_quantity"].unique().to_list()
        puts = held.filter(pl.col("strike") == 530)["put_dealer_quantity"].unique().to_list()
        assert (calls, puts) == ([700.0 * sessions], [-390.0 * sessions])
        other = held.filter(~pl.col("strike").is_in([530.0, 540.0]))
        assert set(other["call_dealer_quantity"]) | set(other["put_dealer_quantity"]) == {0.0}


def test_the_complete_share_is_that_of_contracts_seen_from_the_beginning(whole) -> None:
    summary = of(whole["after"]["exposure_summary"], "open_close", THURSDAY).filter(pl.col("scope") == "all")
    shares = summary.select("snapshot_ts", "history_complete_share_frac")
    ids = ["SPY240719C00540000", "SPY240719P00530000"]
    interest = pl.col("open_interest")
    truth = (
        whole["after"]["option_snapshots"]
        .filter(pl.col("session_date") == THURSDAY)
        .group_by("snapshot_ts")
        .agg(share=interest.filter(pl.col("contract_id").is_in(ids)).sum() / interest.sum())
    )
    both = shares.join(truth, on="snapshot_ts")
    assert both.height == summary.height > 0
    assert (both["history_complete_share_frac"] - both["share"]).abs().max() < 1e-12
    assert both["share"].min() > 0


def test_clearing_adjusted_is_the_heuristic_times_each_sides_share(whole) -> None:
    key = ["session_date", "snapshot_ts", "expiry_ts", "root", "strike"]
    strikes = whole["after"]["strike_exposures"]
    adjusted, naive = (strikes.filter(pl.col("dealer_model") == m) for m in ("clearing_adjusted", DEALER_MODELS[0]))
    both = adjusted.join(naive, on=key, suffix="_naive")
    assert both.height == adjusted.height > 0
    for side, share in (("call", 0.3), ("put", 0.25)):
        difference = pl.col(f"{side}_dealer_quantity") - share * pl.col(f"{side}_dealer_quantity_naive")
        assert both.select(difference.abs().max()).item() < 1e-9
    shares = whole["after"]["clearing_shares"].filter(pl.col("underlying") == "SPY")
    assert shares.select("underlying", "option_type", "other_contracts", "sessions_counted").rows() == [
        ("SPY", "call", 25.0, 1), ("SPY", "put", 25.0, 1)
    ]  # fmt: skip


def test_changes_of_a_model_are_from_a_snapshot_that_has_it(whole) -> None:
    heat = of(whole["after"]["exposure_heatmap"], "open_close", TUESDAY).filter(pl.col("scope") == "all")
    first = heat.filter(pl.col("snapshot_ts") == pl.col("snapshot_ts").min())
    assert first["net_gex_change_usd_per_1pct"].null_count() == first.height
    assert first["previous_snapshot_ts"].null_count() == first.height
    later = of(whole["after"]["exposure_heatmap"], "open_close", THURSDAY).filter(pl.col("scope") == "all")
    assert later["previous_snapshot_ts"].null_count() == 0


def test_positions_older_than_a_session_and_shares_older_than_five_are_left_out(
    lake: Lake, market: list[Path], tmp_path: Path
) -> None:
    land(lake, [p for p in market if any(f"spy_quotedata_2024-06-{day}" in p.name for day in (20, 25))])
    before = date(2024, 6, 14)
    report(lake, [open_close(tmp_path, before), cleared(tmp_path, before)])
    assert refusals(derive(lake)) == []
    summary = current(lake, "exposure_summary")
    assert set(summary.filter(pl.col("session_date") == THURSDAY)["dealer_model"]) == {
        *DEALER_MODELS, "clearing_adjusted"
    }  # fmt: skip
    assert set(summary.filter(pl.col("session_date") == date(2024, 6, 25))["dealer_model"]) == set(DEALER_MODELS)


def test_shares_of_one_side_only_are_no_model(lake: Lake, pages: list[Path], tmp_path: Path) -> None:
    land(lake, [p for p in pages if "06-18" in p.name])
    path = cleared(tmp_path, MONDAY)
    path.write_text(
        "".join(line for line in path.read_text().splitlines(keepends=True) if not ("SPY" in line and ",P," in line))
    )
    report(lake, [path])
    assert refusals(derive(lake)) == []
    assert set(current(lake, "exposure_summary")["dealer_model"]) == set(DEALER_MODELS)


POSITIONS = ["session_date", "contract_id", "position_contracts", "is_history_complete", "first_session_date"]


def reports_derived(lake: Lake) -> None:
    assert refusals(bring_up_to_date(lake, (*REPORTED, *ON_REPORTS))) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_positions_are_the_same_in_whatever_order_files_came(lake: Lake, tmp_path: Path, order: tuple[int]) -> None:
    days = (MONDAY, TUESDAY, THURSDAY)
    files = [open_close(tmp_path, day, calls=(100 * place, 5)) for place, day in enumerate(days)]
    for place in order:
        report(lake, [files[place]])
        reports_derived(lake)
    found = current(lake, "open_close_positions").filter(pl.col("contract_id") == "SPY240719C00540000")
    assert found["position_contracts"].to_list() == [-5.0, 90.0, 285.0]
    assert found["is_history_complete"].to_list() == [True, True, True]
    assert found["known_at"].to_list() == [*MORNING_AFTER.values(), datetime(2024, 6, 21, 10, 30)]
    early = current(lake, "open_close_positions", MORNING_AFTER[TUESDAY])
    assert set(early["session_date"]) == {MONDAY, TUESDAY}


def test_a_missing_session_shows_until_its_file_comes(lake: Lake, tmp_path: Path) -> None:
    report(lake, [open_close(tmp_path, MONDAY), open_close(tmp_path, THURSDAY)])
    reports_derived(lake)
    last = pl.col("session_date") == THURSDAY
    assert not current(lake, "open_close_positions").filter(last)["is_history_complete"].any()
    report(lake, [open_close(tmp_path, TUESDAY)])
    reports_derived(lake)
    found = current(lake, "open_close_positions").filter(last)
    assert found["is_history_complete"].all()
    assert found["position_contracts"].sort().to_list() == [3 * -390.0, 3 * 700.0]


def fetched(lake: Lake, path: Path, at: datetime) -> None:
    arrival = Arrival(path.name, path.read_bytes, captured_at=at)
    (loaded,) = load_arrivals(lake, [arrival], declared=Declared(exchange="C1"), progress=lambda _: None)
    assert loaded.fate == "landed", loaded.reason


def test_a_restated_file_moves_the_sessions_after_it_from_when_it_was_fetched(lake: Lake, tmp_path: Path) -> None:
    restated_at = datetime(2024, 6, 21, 15)
    fetched(lake, open_close(tmp_path, MONDAY), MORNING_AFTER[MONDAY])
    fetched(lake, open_close(tmp_path, TUESDAY), MORNING_AFTER[TUESDAY])
    reports_derived(lake)
    fetched(lake, open_close(tmp_path, MONDAY, calls=(0, 1), name="x"), restated_at)
    reports_derived(lake)

    def calls(known_at: datetime) -> pl.DataFrame:
        found = current(lake, "open_close_positions", known_at)
        return found.filter(pl.col("contract_id") == "SPY240719C00540000")

    assert calls(MORNING_AFTER[TUESDAY])["position_contracts"].to_list() == [700.0, 1400.0]
    assert calls(restated_at)["position_contracts"].to_list() == [-1.0, 699.0]
    assert calls(restated_at)["known_at"].to_list() == [restated_at, restated_at]


def shares_of_calls(lake: Lake) -> pl.DataFrame:
    return current(lake, "clearing_shares").filter(pl.col("underlying") == "SPY", pl.col("option_type") == "call")


def test_shares_are_of_the_newest_sessions_and_move_with_a_restatement(lake: Lake, tmp_path: Path) -> None:
    report(lake, [cleared(tmp_path, MONDAY), cleared(tmp_path, THURSDAY, makers=500)])
    reports_derived(lake)
    calls = shares_of_calls(lake)
    assert calls["market_maker_share_frac"].to_list() == [0.3, 0.4]
    assert calls["sessions_counted"].to_list() == [1, 2]
    assert calls["first_session_date"].to_list() == [MONDAY, MONDAY]
    assert calls["last_session_date"].to_list() == [MONDAY, THURSDAY]
    report(lake, [cleared(tmp_path, TUESDAY, makers=700)])
    reports_derived(lake)
    calls = shares_of_calls(lake)
    assert calls["market_maker_share_frac"].to_list() == [0.3, 0.5, 0.5]
