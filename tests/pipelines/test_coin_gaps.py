"""The ledger of gaps over a lake of coin snapshots and trades."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.daily.coin_cadence import tick_of
from pipelines.daily.coin_gaps import Ends, recent_snapshots, snapshot_ends
from pipelines.daily.freshness import late_coins
from pipelines.daily.gap_ledger import Gap, current_gaps, recorded_gaps, settle
from pipelines.fetch.deribit import item_of
from pipelines.lake import partitions
from pipelines.lake.catalogue import PartitionKey, Sighting, Version, canonical_json, timestamp
from pipelines.lake.store import Lake, opened
from pipelines.operator_settings import Follow, operator_settings
from pipelines.settings import Paths
from pipelines.tables import TABLES

DAY = date(2026, 1, 14)
NEXT = DAY + timedelta(days=1)
NOW = datetime(2026, 1, 15, 0, 9)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    (tmp_path / "dealerflow.toml").write_text('[follow]\nderibit = ["BTC", "SOL"]\n')
    with opened(Paths(tmp_path)) as opened_lake:
        yield opened_lake


def ticks(start: str, count: int, day: date = DAY) -> list[datetime]:
    """Visits a few seconds after every tenth minute."""
    first = datetime.combine(day, time.fromisoformat(start)) + timedelta(seconds=4)
    return [first + n * timedelta(minutes=10) for n in range(count)]


def see(lake: Lake, instants: Iterable[datetime], part: str = "BTC", source: str = "deribit_chain") -> None:
    """One file of snapshots, its sightings day by day."""
    by_day: dict[date, list[datetime]] = {}
    for instant in instants:
        by_day.setdefault((instant - timedelta(microseconds=1)).date(), []).append(instant)
    name = f"{source} {part} {by_day}"
    lake.catalogue.add_raw(name, {"source": source, "size_bytes": 1, "original_name": "x"})
    for day, snapshots in by_day.items():
        detail = canonical_json({"snapshots": [timestamp(one) for one in snapshots]})
        key = PartitionKey("crypto", day, part)
        lake.catalogue.add_sighting(Sighting(source, key, name, name, max(snapshots), "captured_live", detail))


def put(lake: Lake, table: str, day: date, rows: list[dict[str, object]], part: str = "BTC") -> None:
    """A version of a partition of the lake."""
    key = PartitionKey("crypto", day, part)
    v = 1 + len([one for one in lake.catalogue.versions([table]) if one.key == key])
    frame = pl.DataFrame(rows, schema=TABLES[table].schema()) if rows else partitions.empty(table)
    path, data = partitions.relative_path(table, key, v), partitions.encode(frame)
    partitions.write(lake.paths.lake, path, data)
    known_at = datetime.combine(day, time()) + timedelta(days=1, hours=v)
    version = Version(table, key, v, known_at, "captured_live", f"{table}{v}", frame.height, path, "coin_landing")
    facts = {"method_version": "1", "code_version": "x", "inputs": "[]", "row_accounting": "{}"}
    lake.catalogue.add_version(version, **facts)


def covers(*spans: tuple[datetime, datetime], part: str = "BTC") -> list[dict[str, object]]:
    return [{"underlying": part, "from_ts": start, "until_ts": end, "known_at": end} for start, end in spans]


def told(gaps: list[Gap]) -> list[tuple[str, str, str | None]]:
    return [(f"{gap.source} {gap.part} {gap.session_date:%m-%d}", gap.status, gap.reason) for gap in gaps]


def test_missed_visits_are_one_line_a_day_until_an_archive_brings_them(lake: Lake) -> None:
    see(lake, ticks("00:00", 13))
    see(lake, ticks("03:40", 122))
    see(lake, ticks("00:00", 144), "SOL")
    (gap,) = settle(lake, NOW)
    assert told([gap]) == [("deribit_chain BTC 01-14", "missing", "9 of 144 snapshots missing, longest 02:10-03:40")]
    assert (gap.market, gap.due_ts) == ("crypto", datetime(2026, 1, 14, 2, 20))
    see(lake, [one.replace(second=0) for one in ticks("02:00", 6)], source="tardis_chain")  # on the grid
    (gap,) = settle(lake, NOW)
    assert gap.reason == "4 of 144 snapshots missing, longest 03:00-03:40"
    see(lake, ticks("03:00", 4), source="tardis_chain")
    assert settle(lake, NOW) == []
    assert told(recorded_gaps(lake)) == [("deribit_chain BTC 01-14", "filled", "by tardis_chain")]


def test_a_snapshot_at_midnight_closes_one_day_and_opens_the_next(lake: Lake) -> None:
    see(lake, [*ticks("00:00", 144), datetime(2026, 1, 15)])
    assert settle(lake, NOW) == []
    assert len(settle(lake, NOW + timedelta(minutes=10))) == 0
    (gap,) = settle(lake, NOW + timedelta(minutes=11))
    assert told([gap]) == [("deribit_chain BTC 01-15", "missing", "1 of 144 snapshots missing, longest 00:10-00:20")]


def test_of_the_current_day_only_what_is_due_is_missing(lake: Lake) -> None:
    see(lake, ticks("00:00", 60))  # until 09:50
    assert settle(lake, datetime(2026, 1, 14, 10, 9)) == []
    (gap,) = settle(lake, datetime(2026, 1, 14, 10, 29))
    assert gap.reason == "2 of 144 snapshots missing, longest 10:00-10:20"
    assert gap.due_ts == datetime(2026, 1, 14, 10, 10)


def test_the_ledger_stays_as_it_is_while_nothing_falls_due(lake: Lake) -> None:
    see(lake, ticks("00:00", 3))
    file = lake.paths.exports / "gap_ledger.parquet"
    settle(lake, datetime(2026, 1, 14, 3, 50))
    before = file.read_bytes()
    settle(lake, datetime(2026, 1, 14, 3, 59, 59))
    assert file.read_bytes() == before
    settle(lake, datetime(2026, 1, 14, 4))
    assert file.read_bytes() != before


def test_what_is_not_followed_or_was_recorded_before_the_first_visit_owes_no_snapshots(lake: Lake) -> None:
    see(lake, ticks("00:00", 1, DAY - timedelta(days=30)), source="tardis_chain")
    see(lake, ticks("12:00", 72))
    see(lake, ticks("00:00", 1), "ETH")
    assert settle(lake, NOW) == []
    assert current_gaps(lake, Follow(deribit=("ETH",)), NOW) != []


def test_a_gap_of_an_underlying_that_is_not_followed_any_more_is_dropped(lake: Lake) -> None:
    see(lake, ticks("00:00", 3))
    assert len(settle(lake, NOW)) == 1
    (lake.paths.root / "dealerflow.toml").unlink()
    assert settle(lake, NOW) == []
    assert recorded_gaps(lake) == []


def test_an_underlying_followed_by_the_name_of_its_pair_is_one_underlying_everywhere(lake: Lake) -> None:
    (lake.paths.root / "dealerflow.toml").write_text('[follow]\nderibit = ["sol_usdc", "BTC_USDC"]\n')
    follow = operator_settings(lake.paths).follow
    assert follow.deribit == tuple(map(item_of, ("sol_usdc", "BTC_USDC"))) == ("SOL", "BTC_USDC")
    see(lake, ticks("00:00", 3), "SOL")
    at = datetime(2026, 1, 14, 0, 25)
    assert late_coins(lake, follow, at) == ["deribit_chain BTC_USDC: never collected"]
    assert settle(lake, at) == []
    assert told(settle(lake, at + timedelta(minutes=20))) == [
        ("deribit_chain SOL 01-14", "missing", "1 of 144 snapshots missing, longest 00:30-00:40")
    ]


def test_trades_that_are_missing_by_number_or_by_time_are_told_until_they_are_there(lake: Lake) -> None:
    midnight, four, five = datetime(2026, 1, 14), datetime(2026, 1, 14, 4), datetime(2026, 1, 14, 5)
    end = datetime(2026, 1, 15)
    see(lake, ticks("00:00", 144), source="deribit_trades")
    put(lake, "trade_coverage", DAY, covers((midnight, four), (five, end)))
    hole = {"underlying": "BTC", "contract_id": "BTC-27MAR26-90000-C", "from_seq": 33, "to_seq": 35}
    put(lake, "trade_holes", DAY, [hole])
    (gap,) = settle(lake, NOW)
    assert told([gap]) == [
        (
            "deribit_trades BTC 01-14",
            "missing",
            "3 trades missing by trade_seq in 1 contract, first BTC-27MAR26-90000-C: 33 to 35; uncovered 04:00-05:00",
        )
    ]
    put(lake, "trade_holes", DAY, [])
    (gap,) = settle(lake, NOW)
    assert gap.reason == "uncovered 04:00-05:00"
    put(lake, "trade_coverage", DAY, covers((midnight, end)))
    assert settle(lake, NOW) == []
    assert told(recorded_gaps(lake)) == [("deribit_trades BTC 01-14", "filled", "by deribit_trades")]


def test_trades_of_a_followed_underlying_are_owed_up_to_now_and_of_another_up_to_the_last_that_came(
    lake: Lake,
) -> None:
    noon = datetime(2026, 1, 14, 12)
    for part in ("BTC", "ETH"):
        see(lake, [noon], part, "deribit_trades")
        put(lake, "trade_coverage", DAY, covers((datetime(2026, 1, 14), noon), part=part), part)
    assert told(settle(lake, datetime(2026, 1, 14, 14, 59))) == []
    assert told(settle(lake, datetime(2026, 1, 14, 15))) == [
        ("deribit_trades BTC 01-14", "missing", "uncovered 12:00-13:00")
    ]
    (lake.paths.root / "dealerflow.toml").unlink()
    assert settle(lake, NOW) == []
    assert recorded_gaps(lake) == []  # nothing filled it: it is owed no more


def test_the_catalogue_tells_where_snapshots_begin_and_end(lake: Lake) -> None:
    see(lake, ticks("00:00", 2), source="tardis_chain")
    see(lake, ticks("10:00", 3))
    see(lake, ticks("10:20", 2))  # once more
    begin, end = datetime(2026, 1, 14, 10), datetime(2026, 1, 14, 10, 30)
    assert snapshot_ends(lake) == {"BTC": Ends(tick_of(end), tick_of(begin), tick_of(end))}
    assert recent_snapshots(lake, begin + timedelta(minutes=15)) == {"BTC": ticks("10:20", 2)}
