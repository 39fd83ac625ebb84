"""Bundles of a coin venue give the same tables in whatever order, number of files and instalments they come."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake.store import Lake, opened
from pipelines.settings import Paths
from tests.integration.coin_lakes import (
    all_lines,
    assert_same,
    bundles,
    captured_at,
    derive_coins,
    facts,
    is_about_trades,
    largest,
    load_coins,
    tiny_market,
)
from tests.integration.spine import current

MARKET = tiny_market(days=3, visit_minutes=720)
MOMENTS = (
    datetime(2024, 6, 27, 13), datetime(2024, 6, 28, 0, 30), datetime(2024, 6, 29, 13), datetime(9999, 1, 1)
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return bundles(tmp_path_factory.mktemp("hours"), all_lines(MARKET))


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory, files: list[Path]) -> Iterator[Lake]:
    with opened(Paths(tmp_path_factory.mktemp("in order") / "data")) as lake:
        load_coins(lake, files)
        derive_coins(lake)
        yield lake


@pytest.mark.parametrize("seed", range(2))
def test_whatever_the_order_and_the_instalments_every_moment_looks_the_same(
    lake: Lake, files: list[Path], in_order: Lake, seed: int
) -> None:
    shuffled = random.Random(seed).sample(files, len(files))
    for instalment in range(2):
        load_coins(lake, shuffled[instalment::2])
        derive_coins(lake)
    for moment in MOMENTS:
        assert_same(facts(lake, moment), facts(in_order, moment))


def test_files_that_come_twice_add_nothing(in_order: Lake, files: list[Path]) -> None:
    assert {one.fate for one in load_coins(in_order, files)} == {"duplicate_bytes"}
    assert derive_coins(in_order) == 0


def test_one_archive_says_what_its_pieces_say_and_nothing_more_beside_them(
    lake: Lake, files: list[Path], in_order: Lake, tmp_path: Path
) -> None:
    load_coins(lake, bundles(tmp_path / "all", all_lines(MARKET), "%Y"))
    derive_coins(lake)
    assert_same(facts(lake), facts(in_order))
    load_coins(lake, [*files[::2], *bundles(tmp_path / "days", all_lines(MARKET), "%Y-%m-%d")])
    derive_coins(lake)
    assert_same(facts(lake), facts(in_order))


def test_what_lies_ahead_is_left_and_made_up_for_later(lake: Lake, files: list[Path], in_order: Lake) -> None:
    until = datetime(2024, 6, 28, 13)
    load_coins(lake, files)
    derive_coins(lake, until)
    assert_same(facts(lake), facts(in_order, until))
    assert max(version.known_at for version in lake.catalogue.versions(["chains"])) <= until
    derive_coins(lake)
    assert_same(facts(lake), facts(in_order))


def test_trades_found_late_move_every_later_day_to_what_it_would_have_been(
    lake: Lake, in_order: Lake, tmp_path: Path
) -> None:
    late = [line for line in all_lines(MARKET) if is_about_trades(line) and _visit(line) == datetime(2024, 6, 28)]
    load_coins(lake, bundles(tmp_path / "in time", [line for line in all_lines(MARKET) if line not in late], "%Y"))
    derive_coins(lake)
    before = facts(lake, tables=["dealer_inventory", "trade_holes"])
    assert before["trade_holes"]["session_date"].unique().to_list() == [date(2024, 6, 28)]
    load_coins(lake, bundles(tmp_path / "late", late))
    derive_coins(lake)
    after = facts(lake)
    assert_same(after, facts(in_order))
    assert "trade_holes" not in after
    key = ["session_date", "bucket_ts", "dealer_model", "contract_id"]
    both = before["dealer_inventory"].join(after["dealer_inventory"], on=key, suffix="_after")
    moved = both.filter(pl.col("inventory_quantity") != pl.col("inventory_quantity_after"))
    assert sorted(moved["session_date"].unique()) == [date(2024, 6, 28), date(2024, 6, 29)]
    healed = both.filter(pl.col("is_history_complete") != pl.col("is_history_complete_after"))
    assert healed["is_history_complete_after"].all()
    assert sorted(healed["session_date"].unique()) == [date(2024, 6, 28), date(2024, 6, 29)]


@pytest.mark.parametrize("has_chains", [True, False])
def test_a_day_that_nobody_collected_leaves_what_is_held_and_shows_as_a_hole(
    lake: Lake, tmp_path: Path, *, has_chains: bool
) -> None:
    lost = [datetime(2024, 6, 28, 12), datetime(2024, 6, 29)]
    lost += [] if has_chains else [datetime(2024, 6, 28)]  # so that Friday has nothing at all
    lines = [
        line for line in all_lines(MARKET) if _visit(line) not in lost or (has_chains and not is_about_trades(line))
    ]
    load_coins(lake, bundles(tmp_path / "kept", lines, "%Y"))
    derive_coins(lake)
    inventory = current(lake, "dealer_inventory")
    assert (date(2024, 6, 28) in set(current(lake, "chains")["session_date"])) is has_chains
    key, saturday = ["contract_id", "dealer_model"], datetime(2024, 6, 29)
    closed = inventory.filter(pl.col("bucket_ts") <= saturday, pl.col("expiry_ts") > saturday).sort("bucket_ts")
    closed = closed.unique(key, keep="last", maintain_order=True)
    opened = inventory.filter(bucket_ts=saturday.replace(minute=10)).join(closed, on=key, suffix="_before")
    assert opened.height == closed.height >= 4
    moved = opened["inventory_quantity_before"] - opened["taker_net_quantity"] - opened["inventory_quantity"]
    assert largest(moved) < 1e-9

    numbers: dict[str, set[int]] = {}
    for name, number in current(lake, "option_trades").select("contract_id", "trade_seq").iter_rows():
        numbers.setdefault(name, set()).add(number)
    missing = {
        (name, number)
        for name, seen in numbers.items()
        for number in range(min(seen), max(seen))
        if number not in seen
    }  # fmt: skip
    holes = current(lake, "trade_holes")
    told = {
        (n, number)
        for n, a, b in holes.select("contract_id", "from_seq", "to_seq").iter_rows()
        for number in range(a, b + 1)
    }
    assert told == missing
    assert len(missing) > 50
    assert holes["session_date"].unique().to_list() == [date(2024, 6, 29)]
    last = inventory.sort("bucket_ts").unique("contract_id", keep="last")
    for name, seq, is_complete, gone in last.select(
        "contract_id", "last_trade_seq", "is_history_complete", "trades_missing"
    ).iter_rows():
        seen = {number for number in numbers[name] if number <= seq}
        assert (is_complete, gone) == (len(seen) == seq, seq - len(seen))


def _visit(line: str) -> datetime:
    """The hour to which a visit belongs."""
    return captured_at(line).replace(minute=0, second=0, microsecond=0)
