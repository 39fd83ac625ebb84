"""What is published of reports, worked out again by hand from the files: DIX, open interest, bars with known levels."""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.calendar import us_sessions
from pipelines.lake.export import export_catalogue
from pipelines.lake.store import opened
from pipelines.load import load_files
from pipelines.settings import Paths
from pipelines.simulate import write_market
from pipelines.simulate.reports import declared_exchange, write_reports
from pipelines.sources.page import Declared
from pipelines.warehouse.history import connect_as_known
from pipelines.warehouse.publish import publish
from tests.integration.spine import derive, refusals

pytestmark = pytest.mark.slow
MAPPING = 'kind = "bars"\ndate_format = "%Y-%m-%d"\n[columns]\nunderlying = "symbol"\ndate = "day"\nclose = "close"\n'
SYMBOLS = ("ZQM", "NAN", "TRUE", "ZZBB")  # of the made-up index; the last one is ZZB/B in FINRA's file
LISTS = {date(2024, 6, 14): ("ZQM", "NAN", "TRUE", "ZZB.B"), date(2024, 6, 20): ("ZQM", "TRUE", "ZZB.B")}
SPELLED = {"ZZB.B": "ZZB/B"}
SESSIONS = us_sessions().between(date(2024, 6, 17), date(2024, 6, 25))


def close_of(symbol: str, session: date) -> float:
    return 100.0 + 10 * SYMBOLS.index(symbol) + session.day / 8


class World:
    def __init__(self, folder: Path) -> None:
        self.folder, self.paths = folder, Paths(folder / "data")
        bars = folder / "closes.csv"
        bars.write_text(
            "symbol,day,close\n" + "".join(f"{s},{day},{close_of(s, day)}\n" for s in SYMBOLS for day in SESSIONS)
        )
        members = folder / "members.csv"
        lines = [f"MADE,{day},{symbol}" for day, symbols in LISTS.items() for symbol in symbols]
        members.write_text("\n".join(["index,effective_date,symbol", *lines, ""]))
        files = [(path, Declared()) for path in write_market(folder / "market")]
        files += [(path, Declared(exchange=declared_exchange(path.name))) for path in write_reports(folder / "reports")]
        with opened(self.paths) as lake:
            for path, declared in [*files, (members, Declared()), (bars, Declared(mapping=MAPPING))]:
                [loaded] = load_files(lake, [path], declared=declared, progress=lambda _: None)
                assert loaded.fate != "refused", loaded
            assert refusals(derive(lake)) == []
            export_catalogue(lake)
        publish(self.paths)

    def rows(self, query: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.paths.warehouse), read_only=True) as connection:
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("published"))


def short_and_total(folder: Path, session: date) -> dict[str, tuple[float, float]]:
    """By symbol, as the day's file has it."""
    text = (folder / "reports" / f"simulated_CNMSshvol{session:%Y%m%d}.txt").read_text()
    cells = [line.split("|") for line in text.splitlines()[1:] if "|" in line]
    return {symbol: (float(short), float(total)) for _, symbol, short, _, total, _ in cells}


def test_the_index_of_dark_pools_is_dollar_weighted_over_the_members_that_hold(world: World) -> None:
    found = world.rows("from dark_pool_index where kind = 'index' and vendor_symbol = 'MADE'")
    assert [row["session_date"] for row in sorted(found, key=lambda row: row["session_date"])] == SESSIONS
    for row in found:
        session = row["session_date"]
        members = LISTS[max(day for day in LISTS if day <= session)]
        closes = {symbol: close_of(symbol.replace(".", ""), session) for symbol in members}
        volumes = short_and_total(world.folder, session)
        stated = {symbol: volumes[SPELLED.get(symbol, symbol)] for symbol in members}
        short_usd = math.fsum(closes[symbol] * stated[symbol][0] for symbol in members)
        total_usd = math.fsum(closes[symbol] * stated[symbol][1] for symbol in members)
        assert row["dark_pool_index_frac"] == pytest.approx(short_usd / total_usd, rel=1e-12)
        assert row["members_counted"] == row["members_listed"] == len(members)
        assert row["known_at"] == datetime(session.year, session.month, session.day, 22)


def test_every_symbol_has_its_share_whatever_it_spells(world: World) -> None:
    session = SESSIONS[0]
    rows = world.rows(f"from dark_pool_index where kind = 'symbol' and session_date = '{session}'")
    shares = {row["vendor_symbol"]: row["dark_pool_index_frac"] for row in rows}
    volumes = short_and_total(world.folder, session)
    assert {"NAN", "TRUE"} <= set(shares) == set(volumes)
    for symbol, (short, total) in volumes.items():
        assert shares[symbol] == pytest.approx(short / total, rel=1e-12)


def test_the_clearing_house_and_the_chain_agree_but_for_what_was_planted(world: World) -> None:
    rows = world.rows("from open_interest_reconciliation")
    assert rows
    for row in rows:
        is_corrected = (row["underlying"], row["session_date"]) == ("SPY", date(2024, 6, 24))
        assert (row["contracts_equal"] < row["contracts_compared"]) == is_corrected
        assert (row["open_interest_difference"] > 0) == is_corrected
        assert row["contracts_only_occ_unexplained"] == 0
        assert row["contracts_only_chain"] == 0


def test_a_bar_shows_what_a_query_at_its_opening_would_have_shown(world: World) -> None:
    bars = world.rows("from study_bars where underlying in ('SPX', 'SPY') and levels_known_at is not null")
    assert len(bars) > 8
    for bar in bars:
        known = connect_as_known(world.paths, bar["bar_open_ts"]).execute(
            "select snapshot_ts, known_at, gamma_flip, call_wall, put_wall from key_levels where underlying = ?"
            " and scope = 'all' and dealer_model = 'calls_long_puts_short' and not is_partial and known_at <= ?"
            " order by snapshot_ts desc limit 1",
            [bar["underlying"], bar["bar_open_ts"]],
        )
        shown = tuple(bar[name] for name in ("levels_snapshot_ts", "levels_known_at", "gamma_flip", "call_wall"))
        assert known.fetchone() == (*shown, bar["put_wall"])
