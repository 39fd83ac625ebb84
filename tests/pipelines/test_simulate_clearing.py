"""Reports of the clearing house and an exchange in the sample market add up to its trades and its true positions."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.calendar import us_sessions
from pipelines.simulate import full
from pipelines.simulate.history import History, simulate
from pipelines.simulate.reports import SimulatedReports
from pipelines.simulate.reports.sides import split
from tests.pipelines.simulated import whole_market, whole_reports

SESSIONS = us_sessions().between(date(2024, 6, 17), date(2024, 7, 3))
PARTIES = ("firm", "bd", "cust_lt_100", "cust_100_199", "cust_gt_199", "procust_lt_100", "procust_100_199",
           "procust_gt_199")  # fmt: skip


@pytest.fixture(scope="module")
def reports() -> SimulatedReports:
    return whole_reports()


@pytest.fixture(scope="module")
def histories() -> dict[str, History]:
    return {one.name: simulate(one, full(), 2) for one in full().instruments}


@pytest.fixture(scope="module")
def booked(reports: SimulatedReports) -> pl.DataFrame:
    """All open-close files, with the identifier of the contract."""
    tables = [pl.read_csv(data, try_parse_dates=True) for name, data in reports.files.items() if "OpenClose" in name]
    assert len(tables) == len(SESSIONS)
    osi = pl.concat_str(
        "option_symbol", pl.col("expiration_date").dt.strftime("%y%m%d"), "call_put_flag",
        (pl.col("strike_price") * 1000).round().cast(pl.Int64).cast(pl.String).str.zfill(8),
    )  # fmt: skip
    return pl.concat(tables).with_columns(contract_id=osi)


def columns(effect: str, direction: str) -> list[str]:
    return [f"{party}_{effect}_{direction}_vol" for party in PARTIES]


def cleared(reports: SimulatedReports, day: date) -> pl.DataFrame:
    header, *rows = reports.files[f"simulated_occ_volume_{day}.csv"].decode().split("\r\n")[:-1]
    cells = [row.removesuffix(",").split(",") for row in rows]
    return pl.DataFrame(cells, schema=header.split(","), orient="row").with_columns(pl.col("quantity").cast(pl.Int64))


def series(reports: SimulatedReports, symbol: str, day: date) -> list[list[str]]:
    text, dated = json.loads(reports.files[f"simulated_occ_series_{symbol}_{day}.json"])["pages"]
    stamp = json.loads(dated["body"])["entity"]["lastBusDateOI"]["activityDate"] / 1000
    assert datetime.fromtimestamp(stamp, UTC).date() == day
    return [row.split("\t") for row in text["body"].splitlines() if row.endswith("0") and "\t20" in row]


@given(st.integers(0, 10**6), st.lists(st.floats(0.01, 1.0), min_size=1, max_size=12), st.floats(0.0, 1.0))
def test_parts_of_a_whole_number_are_whole_and_add_up(whole: int, weights: list[float], uniform: float) -> None:
    parts = split(np.array(float(whole)), np.array(weights), np.array(uniform))
    assert parts.sum() == whole and (parts >= 0).all() and (parts == np.floor(parts)).all()
    assert (np.abs(parts - whole * np.array(weights) / sum(weights)) <= 1.001).all()


def test_cleared_sides_are_twice_the_true_volume_of_every_root(
    reports: SimulatedReports, histories: dict[str, History]
) -> None:
    for day in SESSIONS:
        table = cleared(reports, day)
        assert set(table["actype"]) == {"C", "F", "M"} and set(table["actdate"]) == {f"{day:%m/%d/%Y}"}
        keys = ["underlying", "symbol", "porc"]
        sides = {tuple(key): quantity for *key, quantity in table.group_by(keys).agg(pl.col("quantity").sum()).rows()}
        true: dict[tuple[str, ...], int] = {}
        for name, history in histories.items():
            volume = history.sessions[day].volume
            for place in np.flatnonzero(volume > 0):
                is_call, root = history.contracts.is_call[place], str(history.contracts.root[place])
                key = (name, root, "C" if is_call else "P")
                true[key] = true.get(key, 0) + 2 * int(volume[place])
        assert sides == true


def test_every_exchange_clears_whole_contracts_and_the_index_trades_on_one(reports: SimulatedReports) -> None:
    for day in SESSIONS:
        table = cleared(reports, day)
        by_exchange = table.group_by("symbol", "porc", "exchange").agg(pl.col("quantity").sum())
        assert (by_exchange["quantity"] % 2 == 0).all() and (table["quantity"] > 0).all()
        of_index = table.filter(pl.col("underlying") == "SPX")
        assert set(of_index["exchange"]) == {"CBOE"}
        assert table.filter(pl.col("underlying") == "SPY")["exchange"].n_unique() == 12
        assert table.group_by("underlying").agg(pl.col("porc").n_unique())["porc"].to_list() == [2] * 6


def test_some_answers_end_their_rows_with_a_comma_and_never_their_header(reports: SimulatedReports) -> None:
    ends = set()
    for day in SESSIONS:
        header, *rows = reports.files[f"simulated_occ_volume_{day}.csv"].decode().split("\r\n")[:-1]
        assert header == "quantity,underlying,symbol,actype,porc,exchange,actdate"
        ends |= {frozenset(row[-1] for row in rows if row[-1] == ",")}
    assert ends == {frozenset(), frozenset(",")}


def test_every_contract_is_bought_as_often_as_it_is_sold(booked: pl.DataFrame) -> None:
    bought, sold = (
        pl.sum_horizontal(f"mm_{way}_vol", *columns("open", way), *columns("close", way)) for way in ("buy", "sell")
    )
    assert booked.select((bought == pl.col("total_exchange_vol")).all()).item()
    assert booked.select((sold == pl.col("total_exchange_vol")).all()).item()
    assert (booked.select(pl.col("^.*_vol$")).min_horizontal() >= 0).all()


def test_the_index_trades_on_this_exchange_only_and_a_single_name_elsewhere_too(booked: pl.DataFrame) -> None:
    here, anywhere = pl.col("total_exchange_vol"), pl.col("total_industry_vol")
    assert booked.filter(pl.col("underlying_symbol") == "SPX").select((here == anywhere).all()).item()
    name = booked.filter(pl.col("underlying_symbol") == "NVDA")
    assert name.select((here <= anywhere).all()).item()
    assert 0.1 < name.select(here.sum() / anywhere.sum()).item() < 0.25


def test_what_market_makers_bought_less_sold_is_the_change_of_the_dealers_true_position(booked: pl.DataFrame) -> None:
    """The reference is the truth file of the market, which was written without any report."""
    held = whole_market().dealer_inventory.filter(pl.col("underlying") == "SPX")
    compared = 0
    for before, day in pairwise([us_sessions().before(SESSIONS[0]), *SESSIONS]):
        earlier, later = (held.filter(pl.col("session_date") == at) for at in (before, day))
        traded = booked.filter(pl.col("underlying_symbol") == "SPX", pl.col("quote_date") == day)
        change = pl.col("dealer_quantity_contracts") - pl.col("dealer_quantity_contracts_before")
        both = later.join(earlier, on="contract_id", suffix="_before").join(traded, on="contract_id", how="left")
        net = (pl.col("mm_buy_vol") - pl.col("mm_sell_vol")).fill_null(0)
        assert both.select((change == net).all()).item()
        stated = both.drop_nulls("mm_buy_vol")
        assert (stated["open_interest_right"] == stated["open_interest_before"]).all()
        compared += stated.height
    assert compared > 4000


def test_of_a_contract_listed_since_the_files_begin_they_tell_the_whole_position(
    booked: pl.DataFrame, histories: dict[str, History]
) -> None:
    history = histories["SPX"]
    is_new = history.contracts.listed_from > np.datetime64(SESSIONS[0])
    assert is_new.sum() > 300
    after = history.sessions[SESSIONS[-1]].after
    true = dict(zip(history.contracts.contract_id[is_new].tolist(), after.dealers[is_new].tolist(), strict=True))
    net = booked.group_by("contract_id").agg(pl.col("mm_buy_vol").sum() - pl.col("mm_sell_vol").sum())
    stated = dict(net.rows())
    assert all(stated.get(contract, 0) == quantity for contract, quantity in true.items())


def test_opened_less_closed_is_the_change_of_what_customers_hold(
    booked: pl.DataFrame, histories: dict[str, History]
) -> None:
    history = histories["SPX"]
    for day in SESSIONS:
        session, place_of = history.sessions[day], {str(c): p for p, c in enumerate(history.contracts.contract_id)}
        rows = booked.filter(pl.col("quote_date") == day, pl.col("underlying_symbol") == "SPX")
        places = [place_of[contract] for contract in rows["contract_id"]]
        for side, opening, closing in (("long", "buy", "sell"), ("short", "sell", "buy")):
            opened = rows.select(pl.sum_horizontal(columns("open", opening))).to_series().to_numpy()
            closed = rows.select(pl.sum_horizontal(columns("close", closing))).to_series().to_numpy()
            change = getattr(session.after, side) - getattr(session.before, side)
            assert np.array_equal(opened - closed, change[places])


def test_the_exchange_and_the_clearing_house_count_the_same_sides(
    reports: SimulatedReports, booked: pl.DataFrame
) -> None:
    of_firms = pl.sum_horizontal("^(firm|bd)_.*_vol$").sum()
    of_customers = pl.sum_horizontal("^(cust|procust)_.*_vol$").sum()
    for day in SESSIONS:
        rows = (
            booked.filter(pl.col("quote_date") == day)
            .group_by("option_symbol", "call_put_flag")
            .agg(C=of_customers, F=of_firms, M=pl.sum_horizontal("mm_buy_vol", "mm_sell_vol").sum())
        )
        at_cboe = cleared(reports, day).filter(pl.col("exchange") == "CBOE")
        sides = {(row["symbol"], row["porc"], row["actype"]): row["quantity"] for row in at_cboe.iter_rows(named=True)}
        assert rows.height == 6  # calls and puts of two roots of the index and of one name
        for row in rows.iter_rows(named=True):
            for code in ("C", "F", "M"):
                assert sides.get((row["option_symbol"], row["call_put_flag"], code), 0) == row[code]


@pytest.mark.parametrize("symbol", ["SPX", "SPY", "NVDA", "TSLA"])
def test_open_interest_by_series_is_what_the_pages_of_the_next_session_show(
    reports: SimulatedReports, symbol: str
) -> None:
    """But for flexible series, and for what was corrected late in one underlying on one day."""
    held = whole_market().dealer_inventory.filter(pl.col("underlying") == symbol)
    days = [date.fromisoformat(name[-15:-5]) for name in reports.files if f"occ_series_{symbol}_" in name]
    assert len(days) == (2 if symbol == "TSLA" else 4)
    for day in days:
        stated: dict[str, int] = {}
        rows = series(reports, symbol, day)
        for root, empty, year, month, expiry_day, whole, thousandths, flag, calls, puts, limit in rows:
            assert empty == "" and len(year + month + expiry_day) == 8 and limit == "25000000"
            for kind, count in (("C", calls), ("P", puts)):
                assert (int(count) > 0) == (kind in flag.split())
                if int(count):
                    strike = f"{int(whole) * 1000 + int(thousandths):08d}"
                    stated[f"{root}{year[2:]}{month}{expiry_day}{kind}{strike}"] = int(count)
        flexible = {contract for contract in stated if contract[0].isdigit()}
        assert len(flexible) == 2
        expected = {
            contract: int(count)
            for contract, count in held.filter(pl.col("session_date") == day)
            .select("contract_id", "open_interest")
            .rows()
            if count > 0 and date(2000 + int(contract[-15:-13]), int(contract[-13:-11]), int(contract[-11:-9])) > day
        }
        standard = {contract: count for contract, count in stated.items() if contract not in flexible}
        assert set(standard) == set(expected)
        late = {contract: standard[contract] - expected[contract] for contract in expected}
        differing = {more for more in late.values() if more}
        assert differing == ({150} if (symbol, day) == ("SPY", date(2024, 6, 24)) else set())
        assert sum(more != 0 for more in late.values()) in {0, 3}


def test_there_are_series_of_which_only_the_put_is_held_and_an_adjusted_root(reports: SimulatedReports) -> None:
    rows = [row for day in (date(2024, 6, 24), date(2024, 6, 27)) for row in series(reports, "SPX", day)]
    assert {row[7] for row in rows} == {"C P", "P", "C"}
    assert "TSLA1" in {row[0] for row in series(reports, "TSLA", date(2024, 6, 24))}


def test_totals_of_everything_cleared_add_up_on_every_day_of_the_month(reports: SimulatedReports) -> None:
    lines = reports.files["simulated_occ_daily_open_interest_2024-06.csv"].decode().splitlines()
    assert lines[1] == "Date, Equity,,, Index/Other,,, Debt,,, Futures, OCC Total"
    rows = list(csv.reader(lines[3:]))
    days = [datetime.strptime(row[0], "%m/%d/%Y").date() for row in rows]
    assert sorted(days) == us_sessions().between(date(2024, 6, 1), date(2024, 6, 30))
    for row in rows:
        counts = [int(cell.replace(",", "")) for cell in row[1:]]
        groups = [counts[place : place + 3] for place in (0, 3, 6)]
        assert all(calls + puts == total for calls, puts, total in groups)
        assert counts[10] == sum(total for _, _, total in groups) + counts[9]
