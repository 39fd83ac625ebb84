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
    told = runs([gap("deltaneutral_eod", day) for day in days])
    assert [run.days for run in told] == ["2024-06-14 to 2024-06-20", "2024-06-24"]


def test_of_a_market_that_never_closes_days_follow_one_another_at_weekends_too() -> None:
    days = [date(2024, 6, 14), date(2024, 6, 15), date(2024, 6, 17)]
    coins = [gap("deribit_chain", day, reason="144 of 144 snapshots missing", market="crypto") for day in days]
    shares = [gap("cboe_delayed_json", days[0])]
    told = runs([*coins, *shares])
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
        ]
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
    (run,) = runs([one])
    assert advice in run.advice


def test_an_empty_lake_has_no_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[object] = []
    monkeypatch.setattr(gap_report.console, "print", printed.append)
    show_gaps(Paths(tmp_path), DUE)
    assert printed == ["No gaps: every session and report that was due is there."]
