"""Several sources that tell of the same market: each moment is published once, each trade counts once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake.store import Lake, opened
from pipelines.load import load_files
from pipelines.materialise import bring_up_to_date
from pipelines.settings import Paths
from pipelines.sources.page import Declared
from pipelines.stages.spine import SPINES
from tests.integration.coin_lakes import (
    all_lines,
    assert_same,
    bundles,
    derive_coins,
    facts,
    is_about_trades,
    load_coins,
    tiny_market,
)
from tests.integration.spine import current

TAPE = """
kind = "trades"
market = "crypto"
iv_unit = "fraction"
flow_class = "screen"
[columns]
symbol = "contract_id"
price = "price_coins"
quantity = "quantity"
side = "taker_side"
iv = "vendor_iv_frac"
index_price = "index_price"
trade_id = "trade_id"
[time]
column = "trade_ts"
zone = "UTC"
"""
BOOK = """
kind = "coin_chain"
iv_unit = "fraction"
[columns]
symbol = "contract_id"
bid = "bid_coins"
ask = "ask_coins"
mark = "mark_coins"
open_interest = "open_interest"
iv = "vendor_iv_frac"
forward = "vendor_forward"
index_price = "index_price"
[quotes]
column = "snapshot_ts"
zone = "UTC"
"""
LATER = timedelta(minutes=30)
A_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return bundles(tmp_path_factory.mktemp("bundles"), all_lines(tiny_market(visit_minutes=720)), "%Y")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, files: list[Path]) -> Iterator[Lake]:
    with opened(Paths(tmp_path_factory.mktemp("alone"))) as lake:
        load_coins(lake, files)
        derive_coins(lake)
        yield lake


def load_mapped(lake: Lake, path: Path, rows: pl.DataFrame, mapping: str) -> None:
    rows.drop("session_date", "part").write_parquet(path)
    (loaded,) = load_files(lake, [path], declared=Declared(mapping=mapping), progress=lambda _: None)
    assert (loaded.fate, loaded.rows_landed) == ("landed", rows.height)


def test_a_trade_of_two_sources_counts_once_as_the_one_tells_it_that_numbers_it(
    lake: Lake, alone: Lake, files: list[Path], tmp_path: Path
) -> None:
    load_mapped(lake, tmp_path / "tape.parquet", current(alone, "option_trades"), TAPE)
    derive_coins(lake)
    unnumbered = current(lake, "dealer_inventory")
    assert unnumbered["is_history_complete"].null_count() == unnumbered.height > 0
    load_coins(lake, files)
    derive_coins(lake)
    tables = ("option_trades", "dealer_inventory", "premium_flow", "zero_dte_flow", "strike_exposures")
    assert_same(facts(lake, tables=tables), facts(alone, tables=tables))


def test_of_two_chains_of_one_slot_the_exchanges_own_stands_and_where_there_is_one_that_one(
    lake: Lake, alone: Lake, files: list[Path], tmp_path: Path
) -> None:
    own = current(alone, "chains")
    at = pl.col("snapshot_ts")
    copies = [own.with_columns(at + shift) for shift in (timedelta(seconds=40), LATER)]
    load_mapped(lake, tmp_path / "book.parquet", pl.concat(copies), BOOK)
    load_coins(lake, files)
    derive_coins(lake)
    pages = current(lake, "pages")
    fates = {(source, fate): set(times["snapshot_ts"]) for (source, fate), times in pages.group_by("source", "fate")}
    moments = set(own["snapshot_ts"])
    assert fates == {
        ("deribit_chain", "published"): moments,
        ("mapped_coin_chain", "outranked"): {moment + timedelta(seconds=40) for moment in moments},
        ("mapped_coin_chain", "published"): {moment + LATER for moment in moments},
    }
    shown = moments | {moment + LATER for moment in moments}
    for table in ("snapshot_marks", "option_snapshots", "strike_exposures", "exposure_heatmap"):
        assert set(current(lake, table)["snapshot_ts"]) == shown
    summary = current(lake, "exposure_summary").filter(dealer_model="taker_flow", scope="all")
    other = summary.filter(source="mapped_coin_chain")
    assert other["positions_ts"].to_list() == other["snapshot_ts"].dt.truncate("10m").to_list()


def test_nothing_that_rests_on_trades_is_known_before_they_are(lake: Lake, alone: Lake, tmp_path: Path) -> None:
    lines = [line for line in all_lines(tiny_market(visit_minutes=720)) if not is_about_trades(line)]
    load_coins(lake, bundles(tmp_path / "chains", lines, "%Y"))
    tape = current(alone, "option_trades").with_columns(heard_at=pl.col("trade_ts") + A_DAY)
    columns = '[known]\ncolumn = "heard_at"\nzone = "UTC"\n[coverage]\ncomplete = "days"\n'
    load_mapped(lake, tmp_path / "tape.parquet", tape, TAPE + columns)
    derive_coins(lake)
    chains = dict(current(lake, "snapshot_marks").select("snapshot_ts", "known_at").iter_rows())
    heard = dict(tape.select("trade_ts", "heard_at").iter_rows())
    summary = current(lake, "exposure_summary").filter(scope="all", dealer_model="taker_flow")
    rests_on = dict(summary.select("snapshot_ts", "positions_ts").iter_rows())
    for table in ("strike_exposures", "exposure_summary", "key_levels", "gamma_profile", "opex_rolloff"):
        told = current(lake, table)
        compared = 0
        for at, model, known in told.select("snapshot_ts", "dealer_model", "known_at").unique().iter_rows():
            until = rests_on[at] if model.startswith("taker_flow") else None
            used = [when for trade, when in heard.items() if until and trade < until]
            assert known == max([chains[at], *used])
            compared += bool(used)
        assert compared > 2
    heatmap = current(lake, "exposure_heatmap").filter(pl.col("trades").is_not_null())
    before = pl.col("previous_snapshot_ts")
    for at, since, known in heatmap.select("snapshot_ts", before, "known_at").unique().iter_rows():
        assert known >= max([chains[at], *(when for trade, when in heard.items() if since <= trade < at)])
    assert heatmap["trades"].sum() > 0


def test_a_delta_is_known_no_earlier_than_the_chain_that_it_rests_on(
    lake: Lake, alone: Lake, files: list[Path], tmp_path: Path
) -> None:
    book = current(alone, "chains").with_columns(pl.col("snapshot_ts") + LATER)
    seen = book.with_columns(seen_at=pl.col("snapshot_ts") + A_DAY)
    load_mapped(lake, tmp_path / "book.parquet", seen, BOOK + '[known]\ncolumn = "seen_at"\nzone = "UTC"\n')
    load_coins(lake, files)
    derive_coins(lake)
    was = current(alone, "premium_flow").rename({"known_at": "known_before"})
    key = ["minute_ts", "option_type", "taker_side", "flow_class"]
    both = current(lake, "premium_flow").join(was, on=key)
    assert both.height == was.height
    newest = current(lake, "snapshot_marks").select("snapshot_ts", "source").sort("snapshot_ts")
    beside = both.sort("minute_ts").join_asof(newest, left_on="minute_ts", right_on="snapshot_ts")
    late = pl.col("known_at") > pl.col("known_before") + A_DAY / 2
    of_own = beside.filter(pl.col("source") == "deribit_chain", pl.col("minute_ts") > pl.col("snapshot_ts"))
    assert beside.filter(source="mapped_coin_chain").select(late).to_series().any()
    assert (
        of_own.filter(pl.col("snapshot_ts") + LATER > pl.col("minute_ts") + timedelta(minutes=1))
        .select(late)
        .sum()
        .item()
        == 0
    )


def test_a_snapshot_without_any_spot_is_refused_and_its_rows_are_counted(
    lake: Lake, alone: Lake, tmp_path: Path
) -> None:
    own = current(alone, "chains")
    first, last = own["snapshot_ts"].min(), own["snapshot_ts"].max()
    at = pl.col("snapshot_ts")
    nothing = pl.when(at != first).then(pl.col("index_price")), pl.when(at != first).then(pl.col("vendor_forward"))
    some = own.filter(at == last)["contract_id"].head(2)
    negative = pl.when((at == last) & pl.col("contract_id").is_in(some.to_list())).then(-1.0).otherwise("bid_coins")
    book = own.with_columns(bid_coins=negative, index_price=nothing[0], vendor_forward=nothing[1])
    broken = some.len()
    book.drop("session_date", "part").write_parquet(tmp_path / "book.parquet")
    (loaded,) = load_files(lake, [tmp_path / "book.parquet"], declared=Declared(mapping=BOOK), progress=lambda _: None)
    assert (loaded.rows_landed, loaded.rows_quarantined) == (own.height - broken, broken)
    reports = bring_up_to_date(lake, SPINES["crypto"], market="crypto")
    refused = [(report.stage, refusal) for report in reports for _, refusal in report.refused]
    assert [(stage, refusal.gate) for stage, refusal in refused] == [("coin_landing", "no_spot")]
    assert str(first) in refused[0][1].reason
    pages = current(lake, "pages").sort("snapshot_ts")
    assert set(pages["snapshot_ts"]) == set(current(lake, "snapshot_marks")["snapshot_ts"]) == {
        moment for moment in own["snapshot_ts"] if moment != first
    }  # fmt: skip
    assert pages["rows_quarantined"].to_list() == [*[0] * (pages.height - 1), broken]
    assert (pages["rows_in"] == pages["rows_landed"] + pages["rows_quarantined"]).all()
    accounts = [json.loads(row["row_accounting"]) for row in lake.catalogue.rows(
        "select row_accounting from partition_versions where table_name = 'chains'")]  # fmt: skip
    assert [one["chain_rows"]["without_spot"] for one in accounts].count(own.filter(at == first).height) == 1
