"""Trades of US options by a mapping, from their bytes to positions and flow, beside chains of the same underlying."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from pipelines.lake.store import Lake, opened
from pipelines.load import load_files
from pipelines.settings import Paths
from pipelines.sources.page import Declared
from tests.integration.spine import current, derive, refusals
from tests.integration.test_mapped_files import CHAIN, CHAIN_MAPPING

FRIDAY, MONDAY, TUESDAY, THURSDAY = (date(2024, 6, day) for day in (14, 17, 18, 20))  # Wednesday is a holiday
MAPPING = """
kind = "trades"
market = "us"
flow_class = "screen"
iv_unit = "percent"
expiry_format = "%Y-%m-%d"
[columns]
root = "root"
expiry = "expiry"
strike = "strike"
type = "cp"
price = "px"
quantity = "size"
bid = "bb"
ask = "bo"
iv = "iv"
index_price = "spot"
trade_seq = "seq"
[time]
column = "when"
format = "%Y-%m-%d %H:%M:%S%.f"
zone = "America/New_York"
[coverage]
complete = "days"
"""
HEADER = "when,root,expiry,strike,cp,px,size,bb,bo,iv,spot,seq"
TRADES = """\
2024-06-14 10:00:00,XMPL,2024-07-19,100,C,2.75,10,2.65,2.75,21,100.5,1
2024-06-14 16:59:59.999,XMPL,2024-07-19,100,C,2.65,4,2.65,2.75,21,100.5,2
2024-06-14 17:00:00,XMPL,2024-07-19,100,C,2.74,7,2.65,2.75,21,100.5,3
2024-06-16 20:15:00,XMPL,2024-06-17,100,C,0.80,20,0.70,0.80,30,100.5,1
2024-06-17 09:30:02,XMPL,2024-07-19,100,C,2.66,3,2.65,2.75,21,100.0,4
2024-06-17 09:31:40.5,XMPL,2024-07-19,95,P,0.77,25,0.72,0.82,,100.0,1
2024-06-17 15:00:00,XMPL,2024-06-17,100,C,0.30,6,0.30,0.40,25,100.0,2
2024-06-17 17:00:01,XMPL,2024-07-19,95,P,0.82,5,0.72,0.82,22,100.0,2
2024-06-18 18:30:00,XMPL,2024-07-19,95,P,0.72,8,0.72,0.82,22,100.0,3
2024-06-20 10:00:00,XMPL,2024-07-19,100,C,2.75,1,2.65,2.75,21,100.0,6
"""
SIDES = ["buy", "sell", "buy", "buy", "sell", "unknown", "sell", "buy", "sell", "buy"]
SESSIONS = [FRIDAY, FRIDAY, MONDAY, MONDAY, MONDAY, MONDAY, MONDAY, TUESDAY, THURSDAY, THURSDAY]
CALL, PUT = "XMPL240719C00100000", "XMPL240719P00095000"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    folder = tmp_path_factory.mktemp("us")
    with opened(Paths(folder / "data")) as lake:
        for name, text, mapping in (
            ("trades.csv", f"{HEADER}\n{TRADES}", MAPPING), ("chain.csv", CHAIN, CHAIN_MAPPING)
        ):  # fmt: skip
            (folder / name).write_text(text)
            (loaded,) = load_files(lake, [folder / name], declared=Declared(mapping=mapping), progress=lambda _: None)
            assert (loaded.fate, loaded.rows_quarantined) == ("landed", 0)
        assert refusals(derive(lake)) == []
        yield lake


def test_a_trade_counts_towards_the_session_that_ends_after_it_and_the_quote_tells_its_side(lake: Lake) -> None:
    trades = current(lake, "option_trades").sort("trade_ts")
    assert trades["session_date"].to_list() == SESSIONS
    assert trades["taker_side"].to_list() == SIDES
    assert set(trades["part"]) == {"XMPL.trades"}
    assert set(trades["underlying"]) == {"XMPL"}


def test_coverage_is_that_of_the_days_with_trades_cut_at_each_sessions_end(lake: Lake) -> None:
    spans = current(lake, "trade_coverage").sort("from_ts").select("session_date", "from_ts", "until_ts").rows()
    # Friday's word reaches over the weekend, Tuesday's over the holiday, Thursday's to midnight: hours of New York + 4.
    assert spans == [
        (FRIDAY, datetime(2024, 6, 14, 4), datetime(2024, 6, 14, 21)),
        (MONDAY, datetime(2024, 6, 14, 21), datetime(2024, 6, 17, 21)),
        (TUESDAY, datetime(2024, 6, 17, 21), datetime(2024, 6, 18, 21)),
        (THURSDAY, datetime(2024, 6, 18, 21), datetime(2024, 6, 20, 21)),
        (date(2024, 6, 21), datetime(2024, 6, 20, 21), datetime(2024, 6, 21, 4)),
    ]


def test_positions_go_on_from_session_to_session_and_end_at_expiry(lake: Lake) -> None:
    held = current(lake, "dealer_inventory").filter(dealer_model="taker_flow")
    assert set(held["quantity_unit"]) == {"contracts"}
    assert held.filter(pl.col("bucket_ts") >= pl.col("expiry_ts")).is_empty()
    closes = held.sort("bucket_ts").unique(["session_date", "contract_id"], keep="last").sort("session_date")
    found = {
        name: [rows.filter(session_date=day)["inventory_quantity"].to_list() for day in sorted({*SESSIONS})]
        for (name,), rows in closes.group_by("contract_id")
    }
    assert found == {
        CALL: [[-6.0], [-10.0], [-10.0], [-11.0]],
        PUT: [[], [0.0], [-5.0], [3.0]],
        "XMPL240617C00100000": [[], [-14.0], [], []],
    }
    first = held.filter(session_date=MONDAY, contract_id=CALL).sort("bucket_ts").row(0, named=True)
    assert (first["bucket_ts"], first["inventory_quantity"]) == (datetime(2024, 6, 14, 21, 10), -13.0)
    last = held.filter(contract_id=CALL).sort("bucket_ts").row(-1, named=True)
    assert (last["is_history_complete"], last["trades_missing"], last["open_interest"]) == (False, 1, None)
    assert held.filter(contract_id=PUT)["trades_of_unknown_side"].unique().to_list() == [1]
    assert current(lake, "trade_holes").select("session_date", "contract_id", "from_seq", "to_seq").rows() == [
        (THURSDAY, CALL, 5, 5)
    ]


def test_premium_is_of_a_hundred_shares_a_contract_and_that_of_the_day_only_of_what_expires_then(lake: Lake) -> None:
    flow = current(lake, "premium_flow")
    by_side = dict(flow.group_by("taker_side").agg(pl.col("premium_usd").sum()).iter_rows())
    assert by_side["buy"] == pytest.approx(100 * (2.75 * 10 + 2.74 * 7 + 0.80 * 20 + 0.82 * 5 + 2.75))
    assert by_side["unknown"] == pytest.approx(100 * 0.77 * 25)
    same_day = current(lake, "zero_dte_flow").sort("minute_ts")
    assert same_day.select("session_date", "minute_ts", "taker_side", "premium_usd").rows() == [
        (MONDAY, datetime(2024, 6, 17, 0, 15), "buy", pytest.approx(1600.0)),
        (MONDAY, datetime(2024, 6, 17, 19), "sell", pytest.approx(180.0)),
    ]
    # Delta of the trade's own volatility, forward and spot alike.
    years = (datetime(2024, 6, 17, 20) - datetime(2024, 6, 17, 19)) / timedelta(days=365)
    width = 0.25 * np.sqrt(years)
    assert same_day["delta_usd"].to_list()[1] == pytest.approx(-6 * 100 * 100.0 * ndtr(width / 2))
    unknown = flow.filter(taker_side="unknown").row(0, named=True)
    assert (unknown["delta_usd"], unknown["trades_without_delta"]) == (None, 1)


def test_chain_and_trades_of_an_underlying_stand_side_by_side(lake: Lake) -> None:
    assert current(lake, "pages")["part"].to_list() == ["XMPL"]
    summary = current(lake, "exposure_summary")
    assert set(summary["part"]) == {"XMPL"}
    assert set(summary["dealer_model"]) == {"calls_long_puts_short", "short_all"}
    assert summary.filter(scope="all")["call_open_interest"].to_list() == [5775.0, 5775.0]
    assert sum(len(report.written) for report in derive(lake)) == 0
