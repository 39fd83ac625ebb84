"""Open gaps are told as runs of sessions, each with what to do."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from pipelines.daily import gap_report
from pipelines.daily.gap_ledger import Gap
from pipelines.daily.gap_report import runs, show_gaps
from pipelines.settings import Paths

DUE = datetime(2024, 7, 1)


def gap(
    source: str, day: date, status: str = "missing", reason: str | None = None, part: str = "SPX", market: str = "us"
) -> Gap:
    return Gap(source, part, day, DUE, status, reason, market)


def test_sessions_in_a_row_are_told_together_across_weekends_and_holidays() -> None:
    days = [date(2024, 6, 14), date(2024, 6, 17), date(2024, 6, 18), date(2024, 6, 20), date(2024, 6, 24)]
    told = runs([gap("deltaneutral_eod", day) for day in days], DUE)
    assert [run.days for run in told] == ["2024-06-14 to 2024-06-20", "2024-06-24"]


def test_of_a_market_that_never_closes_days_follow_one_another_at_weekends_too() -> None:
    days = [date(2024, 6, 14), date(2024, 6, 15), date(2024, 6, 17)]
    coins = [gap("deribit_chain", day, reason="144 of 144 snapshots missing", market="crypto") for day in days]
    shares = [gap("cboe_delayed_json", days[0])]
    told = runs([*coins, *shares], DUE)
    assert [(run.market, run.days) for run in told] == [
        ("us", "2024-06-14"),
        ("crypto", "2024-06-14 to 2024-06-15"),
        ("crypto", "2024-06-17"),
    ]


def test_other_parts_statuses_and_reasons_stand_apart_and_filled_ones_are_left_out() -> None:
    first, second = date(2024, 6, 17), date(2024, 6, 18)
    told = runs(
        [
            gap("deltaneutral_eod", first),
            gap("deltaneutral_eod", second, "refused", "cut short"),
            gap("deltaneutral_eod", second, part="SPY"),
            gap("optionsdx_eod", first, "filled", "by mapped_chain"),
        ],
        DUE,
    )
    assert [(run.part, run.status) for run in told] == [("SPX", "missing"), ("SPX", "refused"), ("SPY", "missing")]


@pytest.mark.parametrize(
    ("one", "advice"),
    [
        (gap("treasury_par_csv", date(2024, 6, 17), part="_all"), "dealerflow fetch treasury 2024"),
        (gap("cboe_delayed_json", date(2024, 6, 17)), "keeps no history"),
        (gap("cboe_datashop_eod", date(2024, 6, 17)), "dealerflow backfill"),
        (gap("cboe_datashop_eod", date(2024, 6, 17), "refused", "cut short"), "mend or replace"),
        (gap("deribit_chain", date(2024, 6, 16), market="crypto", part="BTC"), "an archive (Tardis options_chain)"),
        (
            gap("deribit_trades", date(2024, 6, 16), market="crypto", part="BTC"),
            "dealerflow fetch deribit BTC --trades-from 2024-06-16 --trades-to 2024-06-16",
        ),
    ],
)
def test_each_gap_says_what_to_do(one: Gap, advice: str) -> None:
    (run,) = runs([one], DUE)
    assert advice in run.advice


def report_gap(source: str, *days: date, part: str = "_all") -> list[Gap]:
    return [gap(source, day, part=part) for day in days]


def test_weeks_and_halves_in_a_row_are_told_together() -> None:
    fridays = [date(2024, 3, 22), date(2024, 3, 29), date(2024, 4, 12)]
    halves = [date(2024, 2, 29), date(2024, 3, 15), date(2024, 4, 15)]
    of_weeks, of_halves = report_gap("finra_weekly", *fridays, part="T1.ATS_W_SMBL"), report_gap("sec_fails", *halves)
    told = runs([*of_weeks, *of_halves], DUE)
    assert [run.days for run in told] == [
        "2024-03-22 to 2024-03-29", "2024-04-12", "2024-02-29 to 2024-03-15", "2024-04-15",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("gaps", "advice"),
    [
        (
            report_gap("finra_short_volume", date(2024, 6, 17), date(2024, 6, 18), part="CNMS"),
            "dealerflow fetch finra-short-volume CNMS:2024-06-17 CNMS:2024-06-18",
        ),
        (report_gap("finra_short_volume", date(2024, 6, 17), part="NQBX"), "dealerflow backfill FILES"),
        (report_gap("finra_weekly", date(2024, 5, 31), part="T1.ATS_W_SMBL"), "finra-weekly T1:ATS_W_SMBL:2024-05-27"),
        (report_gap("finra_weekly", date(2023, 5, 26), part="T1.ATS_W_SMBL"), "served from 2023-07-02 on only"),
        (report_gap("finra_short_interest", date(2024, 5, 31)), "dealerflow fetch finra-short-interest 2024-05-31"),
        (report_gap("occ_totals", date(2024, 5, 30), date(2024, 5, 31)), "dealerflow fetch occ-totals 2024-05"),
        (report_gap("sec_fails", date(2024, 5, 31)), "dealerflow fetch sec-fails 2024-05b"),
        (report_gap("occ_open_interest", date(2024, 6, 17), part="SPX"), "shows the last session only"),
        (report_gap("occ_volume", date(2022, 6, 30)), "served from 2022-07-02 on only"),
        (
            report_gap("occ_volume", date(2022, 7, 1), date(2022, 7, 5)),
            "dealerflow fetch occ-volume 2022-07-05 (those before 2022-07-02 can no longer be had)",
        ),
        (report_gap("open_close_volume", date(2024, 6, 17), part="SPX"), "dealerflow backfill FILES"),
    ],
)
def test_each_gap_of_a_report_says_what_its_vendor_still_serves(gaps: list[Gap], advice: str) -> None:
    (run,) = runs(gaps, DUE)
    assert advice in run.advice


def test_a_long_run_of_a_report_names_its_first_and_its_last_items() -> None:
    days = [date(2024, 6, day) for day in (3, 4, 5, 6, 7, 10)]
    (run,) = runs(report_gap("occ_volume", *days), DUE)
    assert run.advice == "dealerflow fetch occ-volume 2024-06-03 2024-06-04 2024-06-05 ... 2024-06-10"


def test_an_empty_lake_has_no_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[object] = []
    monkeypatch.setattr(gap_report.console, "print", printed.append)
    show_gaps(Paths(tmp_path), DUE)
    assert printed == ["No gaps: every session and report that was due is there."]
