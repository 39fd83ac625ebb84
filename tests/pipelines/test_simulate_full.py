"""The whole sample market: what it covers, and that every layout of it is read back as it was meant."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, time
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from pipelines import sources
from pipelines.calendar import new_york_to_utc, us_sessions, utc_to_new_york
from pipelines.placing import Origin, place_pages
from pipelines.sessions import date_open_interest, place_by_header_clock, place_by_quote_time
from pipelines.simulate import SimulatedMarket, SimulatedPage, full
from pipelines.sources import cboe_index_csv, treasury_par_csv
from pipelines.sources.page import NOTHING_DECLARED, ChainPage, Declared
from tests.pipelines.simulated import hash_of, whole_market

# A changed hash means that everybody's sample market changes: say so in the changelog.
FULL_SHA256 = "bd731db65622b3e27ee2a9ee8f04854e73c22e02a76f51adb8873a2c9ee7eaac"
NAMES = {"AAPL", "AMZN", "NVDA", "TSLA"}
INDEX_AND_ETF = {"SPX", "SPY"}
FIRST, LAST = date(2024, 6, 17), date(2024, 7, 3)


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return whole_market()


@pytest.fixture(scope="module")
def read(market: SimulatedMarket) -> dict[SimulatedPage, ChainPage]:
    """What the vendors' parsers make of each page."""
    found: dict[SimulatedPage, ChainPage] = {}
    by_file: dict[str, list[SimulatedPage]] = {}
    for page in market.pages:
        by_file.setdefault(page.file_name, []).append(page)
    for name, expected in by_file.items():
        source = sources.recognise(market.files[name])
        assert source is not None, name
        parsed = source.pages(market.files[name], NOTHING_DECLARED)
        assert len(parsed) == len(expected), name
        if len(expected) == 1:
            found[expected[0]] = parsed[0]
        else:
            places = {(one.underlying, one.quote_ts): one for one in parsed}
            found |= {page: places[page.underlying, page.snapshot_ts] for page in expected}
    return found


def of_layout(market: SimulatedMarket, part: str) -> list[SimulatedPage]:
    return [page for page in market.pages if part in page.file_name]


def test_the_whole_sample_market_is_the_one_whose_hash_is_committed(market: SimulatedMarket) -> None:
    assert hash_of(market.files) == FULL_SHA256


def test_twelve_sessions_hold_a_holiday_a_monthly_expiry_and_an_early_close(market: SimulatedMarket) -> None:
    days = {page.session_date for page in market.pages if page.session_date >= FIRST}
    assert sorted(days) == us_sessions().between(FIRST, LAST)
    assert len(days) == 12
    assert date(2024, 6, 19) not in days
    assert utc_to_new_york(us_sessions().close_of(LAST)).time() == time(13)


def test_every_session_is_shown_at_its_hours_and_at_its_close(market: SimulatedMarket) -> None:
    for name in INDEX_AND_ETF:
        for day in us_sessions().between(FIRST, LAST):
            instants = {p.snapshot_ts for p in market.pages if (p.underlying, p.session_date) == (name, day)}
            hours = {time(10), time(12, 45), *((time(13),) if day == LAST else (time(15, 45), time(16)))}
            noon = {time(12, 30)} if (name, day) == ("SPX", date(2024, 6, 21)) else set()
            assert instants == {new_york_to_utc(day, hour) for hour in hours | noon}


def test_single_names_come_in_one_file_a_session_with_two_clocks(market: SimulatedMarket) -> None:
    for day in us_sessions().between(FIRST, LAST):
        pages = [p for p in of_layout(market, "EODCalcs") if p.session_date == day]
        assert len({page.file_name for page in pages}) == 1
        early = time(12, 45) if day == LAST else time(15, 45)
        instants = (new_york_to_utc(day, early), us_sessions().close_of(day))
        assert {(p.underlying, p.snapshot_ts) for p in pages} == {(name, at) for name in NAMES for at in instants}


def test_thin_chains_and_daily_bars_reach_eighty_sessions_back(market: SimulatedMarket) -> None:
    before = [page for page in market.pages if page.session_date < FIRST]
    days = sorted({page.session_date for page in before})
    assert days == us_sessions().between(days[0], date(2024, 6, 14)) and len(days) == 80
    assert {page.underlying for page in before} == {"SPX"}
    bars = cboe_index_csv.bars(market.files["simulated_SPX_History.csv"], Declared(underlying="SPX")).bars
    assert bars["bar_date"].to_list() == us_sessions().between(days[0], LAST)


def test_the_market_is_small_enough_to_be_computed_while_one_waits(market: SimulatedMarket) -> None:
    most: Counter[str] = Counter()
    for page in market.pages:
        kind = "thin" if page.session_date < FIRST else "name" if page.underlying in NAMES else page.underlying
        most[kind] = max(most[kind], page.rows)
    assert most["SPX"] <= 1500 and most["SPY"] <= 900 and most["name"] <= 260 and most["thin"] <= 140
    assert min(page.rows for page in market.pages) >= 50
    assert sum(map(len, market.files.values())) < 45e6


def test_a_longer_history_is_more_of_the_same() -> None:
    longer = full(history_sessions=300)
    assert longer.history[-80:] == full().history
    assert longer.sessions == full().sessions and longer.pulls == full().pulls
    assert sum(day_file.width == "Quotes" for day_file in longer.day_files) == 300


def test_every_row_of_every_layout_is_read_and_none_is_rejected(
    market: SimulatedMarket, read: dict[SimulatedPage, ChainPage]
) -> None:
    for page in market.pages:
        truth, shown = market.truth[page], read[page]
        assert (shown.underlying, shown.rows.height, shown.rejected.height) == (page.underlying, page.rows, 0)
        assert shown.rows["contract_id"].to_list() == truth["contract_id"].to_list()
        assert shown.rows["open_interest"].to_list() == truth["open_interest"].to_list()
        assert shown.header_ts == page.header_ts
        if page.header_last is not None:
            assert shown.underlying_last == page.header_last


def test_every_page_is_placed_where_it_belongs_with_the_date_of_its_open_interest(
    market: SimulatedMarket, read: dict[SimulatedPage, ChainPage]
) -> None:
    calendar = us_sessions()
    for page in market.pages:
        shown = read[page]
        if shown.quote_ts is not None:
            placement = place_by_quote_time(shown.quote_ts, shown.header_ts, None, calendar)
        else:
            assert shown.header_ts is not None
            placement = place_by_header_clock(shown.header_ts, shown.first_expiry, calendar)
        dated = date_open_interest(shown.open_interest_rule, placement, shown.header_ts, calendar)
        assert (placement.session_date, placement.snapshot_ts) == (page.session_date, page.snapshot_ts), page.file_name
        assert (placement.session_basis, dated.session_date) == (page.session_basis, page.open_interest_date)


def test_every_chain_file_is_placed_as_a_whole(market: SimulatedMarket) -> None:
    for name, data in market.files.items():
        source = sources.recognise(data)
        if source in sources.CHAIN_SOURCES and ("2024-07" in name or "2024-06-1" in name):
            assert source is not None
            placed = place_pages(source.pages(data, NOTHING_DECLARED), Origin(source.NAME, "0" * 64))
            assert placed.rows_in == placed.rows_landed, name


def test_a_delayed_response_has_the_vendors_keys_sentinels_and_clocks(market: SimulatedMarket) -> None:
    for page in of_layout(market, "delayed_quotes"):
        envelope = json.loads(market.files[page.file_name])
        assert list(envelope) == ["timestamp", "data", "symbol"]
        stated = envelope["data"]
        assert len(stated) == 23 and all(len(option) == 23 for option in stated["options"])
        is_index = page.underlying == "SPX"
        assert (envelope["symbol"], stated["symbol"]) == (("_SPX", "^SPX") if is_index else ("SPY", "SPY"))
        assert (stated["bid"] == 0.0) == is_index == (stated["volume"] == 0)
        assert stated["low"] <= min(stated["open"], stated["close"])
        assert stated["high"] >= max(stated["open"], stated["close"])
        traded = datetime.fromisoformat(stated["last_trade_time"])
        built = datetime.fromisoformat(envelope["timestamp"])
        if page.snapshot_ts < us_sessions().close_of(page.session_date):
            assert new_york_to_utc(traded.date(), traded.time()) == page.snapshot_ts
            assert (built - page.snapshot_ts).total_seconds() == 900
        nullable = {name for option in stated["options"] for name, value in option.items() if value is None}
        assert nullable <= {"last_trade_time"}


def test_a_contract_in_a_delayed_response_agrees_with_itself(market: SimulatedMarket) -> None:
    for page in of_layout(market, "delayed_quotes")[::7]:
        table = pl.DataFrame(json.loads(market.files[page.file_name])["data"]["options"], infer_schema_length=None)
        is_traded = pl.col("volume") > 0
        prices = ("open", "high", "low", "last_trade_price")
        assert table.filter(~is_traded).select(pl.all_horizontal(pl.col("open", "high", "low") == 0).all()).item()
        traded = table.filter(is_traded)
        assert traded.select(pl.all_horizontal(pl.col(prices) > 0).all()).item()
        assert (traded["low"] <= traded["last_trade_price"]).all()
        assert (traded["high"] >= traded["last_trade_price"]).all()
        times = traded["last_trade_time"].str.to_datetime()
        assert (times.dt.date() == page.session_date).all()
        assert times.max() <= utc_to_new_york(page.snapshot_ts)  # type: ignore[operator]
        never = table.filter(pl.col("last_trade_time").is_null())
        assert never.height > 0 and (never["last_trade_price"] == 0).all()
        change = traded["last_trade_price"] - traded["prev_day_close"]
        assert float((change - traded["change"]).abs().max()) < 0.006  # type: ignore[arg-type]


def test_prices_and_volume_of_a_session_only_ever_extend(market: SimulatedMarket) -> None:
    day = date(2024, 6, 26)
    pages = sorted(
        (p for p in of_layout(market, "spy_delayed") if p.session_date == day), key=lambda page: page.snapshot_ts
    )
    stated = [json.loads(market.files[page.file_name])["data"] for page in pages]
    assert len(stated) == 3
    for earlier, later in pairwise(stated):
        assert later["open"] == earlier["open"] and later["volume"] > earlier["volume"]
        assert later["high"] >= earlier["high"] and later["low"] <= earlier["low"]
        ours, theirs = (pl.DataFrame(one["options"], infer_schema_length=None) for one in (earlier, later))
        assert (theirs["volume"] >= ours["volume"]).all() and (theirs["high"] >= ours["high"]).all()
        is_idle = theirs["volume"] == ours["volume"]
        assert theirs.filter(is_idle)["last_trade_price"].equals(ours.filter(is_idle)["last_trade_price"])
    bars = cboe_index_csv.bars(market.files["simulated_SPX_History.csv"], Declared(underlying="SPX")).bars
    bar = bars.filter(pl.col("bar_date") == day).row(0, named=True)
    for page in of_layout(market, "spx"):
        if page.session_date == day:
            assert bar["low"] <= page.spot <= bar["high"]


def test_the_close_before_is_the_close_that_was_shown(market: SimulatedMarket) -> None:
    today = json.loads(market.files["simulated_spy_delayed_quotes_2024-07-01_1015.json"])["data"]
    friday = json.loads(market.files["simulated_spy_delayed_quotes_2024-06-28_1636.json"])["data"]
    assert today["prev_day_close"] == friday["close"]
    closes = {one["option"]: np.float32(round((one["bid"] + one["ask"]) / 2, 3)) for one in friday["options"]}
    common = [one for one in today["options"] if one["option"] in closes]
    assert len(common) > 500
    assert all(np.float32(one["prev_day_close"]) == closes[one["option"]] for one in common)


def test_a_day_file_has_the_vendors_columns_and_start_of_day_open_interest(market: SimulatedMarket) -> None:
    for name, data in market.files.items():
        if "UnderlyingOptionsEOD" not in name:
            continue
        header = data.decode().splitlines()[0].split(",")
        assert len(header) == (34 if "Calcs" in name else 26)
        assert header[:3] == ["underlying_symbol", "quote_date", "root"] and header[-1] == "delivery_code"
        assert '"' not in data.decode()
    last = [page for page in of_layout(market, "EODCalcs") if page.session_date == LAST]
    assert {page.open_interest_date for page in last} == {date(2024, 7, 2)}


def test_an_index_without_its_feed_has_no_quote_of_its_own(read: dict[SimulatedPage, ChainPage]) -> None:
    thin = [(page, shown) for page, shown in read.items() if "EODQuotes" in page.file_name]
    for page, shown in thin:
        assert (shown.underlying_last is None) == (page.underlying == "SPX")
        if shown.underlying_last is not None:
            assert shown.underlying_last == pytest.approx(page.spot, rel=1e-4)


def test_an_adjusted_series_is_told_by_its_code_and_priced_off_what_it_delivers(
    market: SimulatedMarket, read: dict[SimulatedPage, ChainPage]
) -> None:
    pages = [page for page in of_layout(market, "EODCalcs") if page.underlying == "TSLA"]
    for page in pages:
        is_adjusted = read[page].rows["is_adjusted"]
        roots = read[page].rows["root"]
        assert set(roots.filter(is_adjusted)) == {"TSLA1"} and set(roots.filter(~is_adjusted)) == {"TSLA"}
        truth = market.truth[page]
        same_expiry = truth.filter(pl.col("expiry_ts").dt.date() == date(2024, 7, 19))
        forwards = dict(same_expiry.select("root", "forward").drop_nulls().unique().rows())
        assert forwards["TSLA1"] / forwards["TSLA"] == pytest.approx(1.04)


def test_the_nearest_live_expiry_of_every_page_spans_the_spot(market: SimulatedMarket) -> None:
    """Five per cent on either side, else a page counts as partial."""
    for page in market.pages:
        live = market.truth[page].filter(pl.col("is_live") & ~pl.col("root").str.contains(r"\d"))
        nearest = live.filter(pl.col("expiry_ts") == live["expiry_ts"].min())["strike"]
        assert nearest.min() <= 0.95 * page.spot, page  # type: ignore[operator]
        assert nearest.max() >= 1.05 * page.spot, page  # type: ignore[operator]


def test_the_curves_reach_from_before_the_first_session_to_the_last(market: SimulatedMarket) -> None:
    curves = treasury_par_csv.parse(market.files["simulated_daily_treasury_rates.csv"]).curves
    days = {curve.curve_date for curve in curves}
    assert {page.curve_date for page in market.pages} <= days
    assert max(days) == LAST


def test_open_interest_of_every_session_can_be_dated_by_its_volume(market: SimulatedMarket) -> None:
    calendar, compared = us_sessions(), 0
    for name in sorted(INDEX_AND_ETF | NAMES):
        held = {p.open_interest_date: market.truth[p] for p in market.pages if p.underlying == name}
        by_time = sorted((page for page in market.pages if page.underlying == name), key=lambda page: page.snapshot_ts)
        last = {page.session_date: page for page in by_time}
        for day, later in held.items():
            earlier, close = held.get(calendar.before(day)), last.get(day)
            if earlier is None or close is None:
                continue
            volume = market.truth[close]
            both = earlier.select("contract_id", before="open_interest").join(later, on="contract_id")
            both = both.drop("volume").join(volume.select("contract_id", "volume"), on="contract_id")
            assert both.select(((pl.col("open_interest") - pl.col("before")).abs() <= pl.col("volume")).all()).item()
            compared += 1
    assert compared > 140
