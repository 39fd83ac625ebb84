"""What a report's fetching proves of when it was known: not before its period was over, not before it was seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake.store import Lake, opened
from pipelines.load import Arrival, Loaded, load_arrivals
from pipelines.settings import Paths
from pipelines.sources.page import NOTHING_DECLARED, Declared
from pipelines.upkeep.look_ahead import walk
from pipelines.upkeep.look_ahead_rows import walk_rows
from tests.pipelines.finra_made import array, short_interest_row, short_volume, weekly_row
from tests.pipelines.test_reports_placing import AT_18, LATER, at_18, day, derive, load, shorts, week, weekly

CLOSE = datetime(2024, 6, 14, 20)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with opened(Paths(tmp_path / "data")) as opened_lake:
        yield opened_lake


def fetched(lake: Lake, data: bytes, at: datetime | None, declared: Declared = NOTHING_DECLARED) -> Loaded:
    arrival = Arrival("file", lambda: data, captured_at=at)
    [loaded] = load_arrivals(lake, [arrival], declared=declared, progress=lambda _: None)
    return loaded


@pytest.mark.parametrize(
    "data",
    [
        short_volume("20240614|A|1|0|100|Q,N"),
        array([weekly_row(weekStartDate="2024-06-10", initialPublishedDate=None, lastUpdateDate=None)]),
        array([short_interest_row()]),
    ],
)
def test_what_was_fetched_before_its_period_was_over_is_refused(lake: Lake, data: bytes) -> None:
    """A machine whose clock is years behind would otherwise have known all of it years before."""
    for at in (datetime(2020, 1, 1), CLOSE - timedelta(seconds=1)):
        refused = fetched(lake, data, at)
        assert refused.fate == "refused"
        assert "before 2024-06-14 was over" in str(refused.reason)
    assert fetched(lake, data + b"\n", CLOSE).fate == "landed"


def test_a_list_of_members_may_be_fetched_before_the_day_from_which_it_holds(lake: Lake) -> None:
    assert fetched(lake, b"index,effective_date,symbol\nSPX,2024-06-24,A\n", CLOSE).fate == "landed"


def test_a_copy_loaded_with_a_declaration_does_not_undo_when_the_bytes_were_fetched(lake: Lake) -> None:
    load(lake, day(1), day(2, captured_at=LATER))
    derive(lake)
    fetched(lake, day(2).data, None, Declared(exchange="C1"))
    derive(lake)
    assert [shorts(lake, at) for at in (AT_18, LATER)] == [[(1, AT_18)], [(2, LATER)]]


FIRST_SEEN, SEEN = datetime(2024, 6, 25), datetime(2024, 8, 1)
SILENT = (
    week(weekly_row("A", 1), weekly_row("B", 1), captured_at=FIRST_SEEN),
    week(weekly_row("A", 2), weekly_row("B", 1), weekly_row("C", 1), captured_at=SEEN),
    week(weekly_row("A", 2), weekly_row("B", 1), captured_at=SEEN + timedelta(days=9)),
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_row_that_changes_under_its_old_date_counts_from_its_fetching(lake: Lake, order: tuple[int, ...]) -> None:
    for place in order:
        load(lake, SILENT[place])
        derive(lake)
    published = at_18("2024-06-24").date()
    others = {"B": (1, published), "C": (1, published)}
    assert (
        weekly(lake, at_18("2024-06-24")) == weekly(lake, SEEN - timedelta(seconds=1)) == {"A": (1, published)} | others
    )
    assert {symbol: shares for symbol, (shares, _) in weekly(lake, SEEN).items()} == {"A": 2, "B": 1, "C": 1}
    assert weekly(lake)["A"][1] >= FIRST_SEEN.date()
    assert weekly(lake)["B"] == (1, published)


def test_a_file_that_another_one_dates_anew_leaves_no_leak_where_the_same_came_out_without_it(lake: Lake) -> None:
    """The first is read beside the second at its moment, adds nothing there, and counts from the third's on since."""
    due = datetime(2024, 6, 26, 22)
    for shares, after in ((3, 10), (1, 1), (2, 6)):
        fetched(lake, array([short_interest_row("A", shares)]), due + timedelta(days=after))
        derive(lake)
    assert [str(leak) for leak in walk(lake).leaks] == []


def test_a_row_that_claims_to_be_known_before_the_session_closed_is_found(lake: Lake) -> None:
    fetched(lake, short_volume("20240614|A|1|0|100|Q,N"), CLOSE)
    derive(lake)
    [version] = lake.catalogue.versions(["short_volume_daily"])
    assert walk_rows(lake, [version]) == []
    path = lake.paths.lake / version.path
    rows = pl.read_parquet(path, hive_partitioning=False)
    rows.with_columns(known_at=pl.lit(CLOSE - timedelta(minutes=1))).write_parquet(path)
    assert ["the day 2024-06-14" in str(leak) for leak in walk_rows(lake, [version])] == [True]
