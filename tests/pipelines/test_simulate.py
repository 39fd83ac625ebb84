"""The sample market looks like the vendors' files and its truth holds."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.open_interest import share_of_changes_within_volume
from pipelines.calendar import us_sessions
from pipelines.sessions import date_open_interest, place_by_header_clock
from pipelines.simulate import SimulatedMarket, SimulatedPage, simulate_market, truth_json, write_market
from pipelines.sources import cboe_quotedata_csv, treasury_par_csv
from pipelines.sources.page import ChainPage
from tests.pipelines.simulated import hash_of, small_market

PROJECT = Path(__file__).resolve().parents[2]
# A changed hash means that everybody's sample market changes: say so in the changelog.
MARKET_SHA256 = "515cdc418359d51eca7b50f8f50371bb934028dd0a35bc2d06a83b46219255c6"
RATES = "simulated_daily_treasury_rates.csv"


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return small_market()


@pytest.fixture(scope="module")
def parsed(market: SimulatedMarket) -> dict[str, ChainPage]:
    return {page.file_name: cboe_quotedata_csv.parse(market.files[page.file_name]) for page in market.pages}


def originals(market: SimulatedMarket, underlying: str) -> list[SimulatedPage]:
    return [page for page in market.pages if page.underlying == underlying and page.repeats is None]


def page_of(market: SimulatedMarket, part_of_name: str) -> SimulatedPage:
    return next(page for page in market.pages if part_of_name in page.file_name)


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path: Path, market: SimulatedMarket) -> None:
    command = [sys.executable, "-m", "pipelines.simulate", str(tmp_path), "--seed", "2", "--small"]
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run(command, check=True, cwd=PROJECT, env=environment, capture_output=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == market.files


def test_the_sample_market_is_the_one_whose_hash_is_committed(market: SimulatedMarket) -> None:
    assert hash_of(market.files) == MARKET_SHA256


def test_another_seed_gives_another_market_of_the_same_shape(market: SimulatedMarket) -> None:
    other = simulate_market(8)
    assert other.files.keys() == market.files.keys()
    assert all(other.files[name] != content for name, content in market.files.items())


def test_only_vendor_files_are_named_and_the_truth_lies_in_a_folder_of_its_own(
    tmp_path: Path, market: SimulatedMarket
) -> None:
    folder = tmp_path / "new" / "folder"
    paths = write_market(folder, seed=2)
    assert [path.name for path in paths] == sorted(market.files)
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == sorted(market.files)
    assert pl.read_parquet(folder / "truth" / "dealer_inventory.parquet").equals(market.dealer_inventory)


def test_nobody_can_take_a_page_for_a_vendors(market: SimulatedMarket) -> None:
    for name, content in market.files.items():
        assert name.startswith("simulated_")
        assert name == RATES or content.decode().splitlines()[1].startswith("SIMULATED ")


def test_pages_have_the_layout_of_the_download_button(market: SimulatedMarket) -> None:
    for page in market.pages:
        lines = market.files[page.file_name].decode().splitlines()
        assert lines[0] == "" and lines[3].startswith("Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV")
        assert {line.count(",") for line in lines[3:]} == {21}
        assert 2 * (len(lines) - 4) == page.rows


def test_every_row_parses_and_none_is_rejected(market: SimulatedMarket, parsed: dict[str, ChainPage]) -> None:
    for page in market.pages:
        read = parsed[page.file_name]
        assert (read.underlying, read.rows.height, read.rejected.height) == (page.underlying, page.rows, 0)
        assert read.rows["contract_id"].to_list() == market.truth[page]["contract_id"].to_list()
        assert read.rows["open_interest"].to_list() == market.truth[page]["open_interest"].to_list()
        assert read.underlying_last == page.header_last


def test_every_clock_is_read_and_leads_to_the_true_session_and_open_interest(
    market: SimulatedMarket, parsed: dict[str, ChainPage]
) -> None:
    calendar = us_sessions()
    for page in market.pages:
        read = parsed[page.file_name]
        assert page.header_ts is not None
        assert read.header_ts == page.header_ts
        placement = place_by_header_clock(page.header_ts, read.first_expiry, calendar)
        assert (placement.session_date, placement.snapshot_ts) == (page.session_date, page.snapshot_ts)
        assert placement.session_basis == page.session_basis
        assert date_open_interest("pulled", placement, page.header_ts, calendar).session_date == page.open_interest_date


def test_the_pages_show_the_oddities_that_vendors_have(market: SimulatedMarket) -> None:
    text = {name: content.decode() for name, content in market.files.items()}
    dates = [content.splitlines()[2] for name, content in text.items() if name != RATES]
    for sign in ("EDT", "UTC\u2212", "juin", "de junio de", 'EDT",Bid', '"Volume: ', "\u202f"):
        assert any(sign in line for line in dates), sign
    assert {page.session_basis for page in market.pages} == {
        "header_after_close",
        "header_in_session",
        "header_before_open",
    }


def test_a_stale_page_repeats_everything_but_the_clock(market: SimulatedMarket, parsed: dict[str, ChainPage]) -> None:
    stale = [page for page in market.pages if page.repeats]
    assert stale
    for page in stale:
        assert page.repeats is not None
        assert market.files[page.file_name] != market.files[page.repeats]
        assert parsed[page.file_name].body_sha256 == parsed[page.repeats].body_sha256


def test_a_page_before_the_open_repeats_quotes_and_volume_with_new_open_interest(parsed: dict[str, ChainPage]) -> None:
    evening = parsed["simulated_spy_quotedata_2024-06-17_2035.csv"].rows
    morning = parsed["simulated_spy_quotedata_2024-06-18_0828.csv"].rows
    shown = ["contract_id", "bid", "ask", "volume", "vendor_iv_frac"]
    assert morning.select(shown).equals(evening.select(shown))
    assert (morning["open_interest"] != evening["open_interest"]).sum() > 300


def test_a_page_with_zeroed_quotes_keeps_the_vendors_volatility(
    market: SimulatedMarket, parsed: dict[str, ChainPage]
) -> None:
    (zeroed,) = [page for page in market.pages if page.is_zeroed]
    rows = parsed[zeroed.file_name].rows
    is_empty = (rows["bid"] == 0) & (rows["ask"] == 0)
    assert 0.9 < float(is_empty.mean() or 0.0) < 1.0  # type: ignore[arg-type]
    assert float((rows["vendor_iv_frac"] > 0.02).mean() or 0.0) > 0.5  # type: ignore[arg-type]


def test_expired_series_and_missing_volatilities_are_still_listed_with_open_interest(
    market: SimulatedMarket, parsed: dict[str, ChainPage]
) -> None:
    for page in originals(market, "SPX"):
        rows, truth = parsed[page.file_name].rows, market.truth[page]
        held = pl.DataFrame({"iv": rows["vendor_iv_frac"], "held": rows["open_interest"], "is_live": truth["is_live"]})
        assert held.filter(pl.col("is_live") & (pl.col("iv") == 0) & (pl.col("held") > 0)).height > 0
        if page.session_basis == "header_after_close":
            assert held.filter(~pl.col("is_live") & (pl.col("held") > 0)).height > 0


def test_am_series_stop_trading_the_day_before_the_third_friday(market: SimulatedMarket) -> None:
    third_friday = pl.datetime(2024, 6, 21)
    of_expiry = (pl.col("root") == "SPX") & (pl.col("expiry_ts").dt.truncate("1d") == third_friday)
    noon = market.truth[page_of(market, "spx_quotedata_2024-06-21_1245")].filter(of_expiry)
    assert noon["open_interest"].sum() > 100_000
    assert noon["volume"].sum() == 0 and not noon["is_live"].any()
    at_noon = market.truth[page_of(market, "spx_quotedata_2024-06-21_1245")]
    pm_strikes = at_noon.filter(
        (pl.col("root") == "SPXW") & pl.col("is_live") & (pl.col("expiry_ts").dt.truncate("1d") == third_friday)
    )
    assert set(pm_strikes["strike"]) == set(noon["strike"])


def test_the_true_price_of_every_live_contract_lies_inside_its_quotes(
    market: SimulatedMarket, parsed: dict[str, ChainPage]
) -> None:
    for page in market.pages:
        if page.is_zeroed:
            continue
        rows, truth = parsed[page.file_name].rows, market.truth[page]
        assert (rows["bid"] <= truth["price"] + 1e-9).all() and (truth["price"] <= rows["ask"] + 1e-9).all()


def test_no_spread_or_butterfly_can_be_traded_at_a_riskless_profit(
    market: SimulatedMarket, parsed: dict[str, ChainPage]
) -> None:
    """Buying at the ask and selling at the bid, whatever the price in between."""
    for page in market.pages:
        if page.is_zeroed:
            continue
        quotes = parsed[page.file_name].rows.select("bid", "ask")
        table = pl.concat([market.truth[page], quotes], how="horizontal").filter("is_live")
        for (_, _, kind), chain in table.group_by("root", "expiry_ts", "option_type"):
            ordered = chain.sort("strike")
            strike, bid, ask = (ordered[name].to_numpy() for name in ("strike", "bid", "ask"))
            cheaper, dearer = (slice(1, None), slice(None, -1)) if kind == "call" else (slice(None, -1), slice(1, None))
            assert np.all(bid[cheaper] <= ask[dearer])
            assert np.all(bid[dearer] - ask[cheaper] <= np.diff(strike) + 1e-9)
            left = (strike[2:] - strike[1:-1]) / (strike[2:] - strike[:-2])
            assert np.all(left * ask[:-2] + (1 - left) * ask[2:] >= bid[1:-1] - 1e-9)


def test_parity_of_the_quotes_finds_the_true_forward(market: SimulatedMarket, parsed: dict[str, ChainPage]) -> None:
    page = page_of(market, "spx_quotedata_2024-06-18")
    quotes = parsed[page.file_name].rows.select("bid", "ask")
    table = pl.concat([market.truth[page], quotes], how="horizontal").filter("is_live")
    both = table.pivot(
        "option_type", index=["root", "expiry_ts", "strike", "forward", "discount_factor"], values=["bid", "ask"]
    )
    near = both.filter((pl.col("strike") / pl.col("forward") - 1).abs() < 0.01)
    highest = pl.col("strike") + (pl.col("ask_call") - pl.col("bid_put")) / pl.col("discount_factor")
    lowest = pl.col("strike") + (pl.col("bid_call") - pl.col("ask_put")) / pl.col("discount_factor")
    assert near.height > 100
    assert near.select(((lowest <= pl.col("forward")) & (pl.col("forward") <= highest)).all()).item()


@pytest.mark.parametrize("underlying", ["SPX", "SPY"])
def test_open_interest_can_be_dated_by_volume_and_only_by_the_right_one(
    market: SimulatedMarket, underlying: str
) -> None:
    calendar = us_sessions()
    volumes = {
        page.session_date: market.truth[page].select("contract_id", "volume") for page in originals(market, underlying)
    }
    held: dict[date, pl.DataFrame] = {
        page.open_interest_date: market.truth[page].select("contract_id", "open_interest")
        for page in originals(market, underlying)
    }
    compared = 0
    for day, later in held.items():
        earlier = held.get(calendar.before(day))
        if earlier is None:
            continue
        both = earlier.join(later, on="contract_id", suffix="_later")
        for session, volume in volumes.items():
            joined = both.join(volume, on="contract_id")
            columns = (joined[name].to_numpy() for name in ("open_interest", "open_interest_later", "volume"))
            share, changed = share_of_changes_within_volume(*columns)
            if session == day:
                assert changed > 200 and share == 1.0
                compared += 1
            elif session > day:
                assert share < 0.75
    assert compared >= 4


def test_the_curve_file_is_the_treasurys_and_leads_to_the_true_discount(market: SimulatedMarket) -> None:
    lines = market.files[RATES].decode().splitlines()
    assert lines[0] == "Date,1 Mo,2 Mo,3 Mo,4 Mo,6 Mo,1 Yr,2 Yr,3 Yr,5 Yr,7 Yr,10 Yr,20 Yr,30 Yr"
    assert lines[1].startswith("06/25/2024,") and lines[-1].startswith("06/03/2024,")
    curves = {curve.curve_date: curve for curve in treasury_par_csv.parse(market.files[RATES]).curves}
    assert date(2024, 6, 19) not in curves
    for page in market.pages:
        live = market.truth[page].filter("is_live")
        assert page.curve_date == us_sessions().before(page.session_date)
        half_year = curves[page.curve_date].percent_by_months[6.0] / 100
        simple = 1 / (1 + half_year * live["t_years"])
        # One yield for all tenors up to half a year misses by little, a wrong curve or unit by much.
        assert float((simple / live["discount_factor"] - 1).abs().max() or 0.0) < 3e-4  # type: ignore[arg-type]


def test_the_truth_can_be_read_without_python_objects(market: SimulatedMarket) -> None:
    records = pl.read_json(truth_json(market).encode())
    assert records["file_name"].to_list() == [page.file_name for page in market.pages]
    assert set(records["session_date"]) == {str(page.session_date) for page in market.pages}
