"""When reports became known: by whom they are dated, what restates what, and that the order of loading is nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.lake.store import Lake, opened
from pipelines.load import Arrival, Loaded, load_arrivals, load_files
from pipelines.materialise import bring_up_to_date
from pipelines.reports import REPORTS, SOON_AFTER, known_by
from pipelines.settings import Paths
from pipelines.sources.page import NOTHING_DECLARED, Declared
from pipelines.stages.reports import REPORT_STAGES
from tests.integration.spine import current, refusals
from tests.pipelines.finra_made import WEEKLY_TXT, array, short_interest_row, short_volume, weekly_row
from tests.samples import needs_samples, sample

SESSION = date(2024, 6, 14)
AT_18 = datetime(2024, 6, 14, 22)  # 18:00 in New York, in UTC
EARLY, SOON = AT_18 - timedelta(hours=1), AT_18 + timedelta(hours=2)
LATE, LATER = AT_18 + timedelta(days=8), AT_18 + timedelta(days=14)
NEVER = datetime(9999, 1, 1)
SETTLED_KNOWN = datetime(2024, 6, 26, 22)  # seven sessions after the 14th of June, the 19th being none


@dataclass(frozen=True)
class File:
    """A file and when it was fetched, if anybody did."""

    data: bytes
    captured_at: datetime | None = None
    session: date | None = None


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with opened(Paths(tmp_path / "data")) as opened_lake:
        yield opened_lake


def load(lake: Lake, *files: File) -> list[Loaded]:
    loaded: list[Loaded] = []
    for place, file in enumerate(files):
        arrival = Arrival(f"file {place}", lambda data=file.data: data, captured_at=file.captured_at)  # type: ignore[misc]
        declared = NOTHING_DECLARED if file.session is None else Declared(session=file.session)
        loaded += load_arrivals(lake, [arrival], declared=declared, progress=lambda _: None)
    assert [one.fate for one in loaded if one.fate == "refused"] == []
    return loaded


def derive(lake: Lake) -> None:
    assert refusals(bring_up_to_date(lake, REPORT_STAGES.values())) == []


def derived(lake: Lake, *files: File) -> Lake:
    load(lake, *files)
    derive(lake)
    return lake


def day(short: float, *others: str, captured_at: datetime | None = None) -> File:
    return File(short_volume(f"20240614|A|{short}|0|100|Q,N", *others), captured_at)


def shorts(lake: Lake, at: datetime = NEVER, symbol: str = "A") -> list[tuple[float, datetime]]:
    """What stands of a symbol at a moment, and since when it is known."""
    known = [v for v in lake.catalogue.versions(["short_volume_daily"]) if v.known_at <= at]
    if not known:
        return []
    rows = current(lake, "short_volume_daily", at).filter(pl.col("vendor_symbol") == symbol)
    return list(rows.select("short_volume_shares", "known_at").iter_rows())


def week(*rows: dict[str, Any], captured_at: datetime | None = None) -> File:
    return File(array(rows), captured_at)


def weekly(lake: Lake, at: datetime = NEVER) -> dict[str, tuple[float, date]]:
    """Volume by symbol, and the New York day since which it is known."""
    known = [v for v in lake.catalogue.versions(["ats_weekly"]) if v.known_at <= at]
    if not known:
        return {}
    rows = current(lake, "ats_weekly", at).select("vendor_symbol", "volume_shares", "known_at")
    return {symbol: (shares, (known_at - timedelta(hours=22)).date()) for symbol, shares, known_at in rows.iter_rows()}


def at_18(text: str) -> datetime:
    return datetime.fromisoformat(f"{text} 22:00")


@pytest.mark.parametrize(
    ("captured_at", "known_at", "basis"),
    [
        (None, AT_18, "vendor_schedule"),
        (EARLY, EARLY, "captured_live"),
        (SOON, SOON, "captured_live"),
        (AT_18 + SOON_AFTER, AT_18, "vendor_schedule"),
        (LATE, AT_18, "vendor_schedule"),
    ],
)
def test_who_waited_for_a_report_knows_when_it_came_others_take_the_schedule(
    lake: Lake, captured_at: datetime | None, known_at: datetime, basis: str
) -> None:
    derived(lake, day(7, captured_at=captured_at))
    [version] = lake.catalogue.versions(["short_volume_daily"])
    assert (version.known_at, version.known_at_basis) == (known_at, basis) == known_by(AT_18, captured_at)
    assert shorts(lake) == [(7, known_at)]


@pytest.mark.parametrize(
    ("table", "period", "part", "known_at"),
    [
        ("short_volume_daily", date(2024, 1, 12), "CNMS", datetime(2024, 1, 12, 23)),
        ("ats_weekly", date(2024, 6, 7), "T1.ATS_W_SMBL", datetime(2024, 6, 24, 22)),
        ("ats_weekly", date(2024, 6, 7), "T2.ATS_W_SMBL", datetime(2024, 7, 8, 22)),
        ("ats_weekly", date(2024, 6, 7), "OTCE.OTC_W_SMBL", datetime(2024, 7, 8, 22)),
        ("short_interest", SESSION, "_all", SETTLED_KNOWN),
        ("cleared_volume", date(2024, 6, 14), "_all", datetime(2024, 6, 17, 10, 30)),
        ("open_interest_daily", date(2024, 6, 18), "SPY", datetime(2024, 6, 20, 10, 30)),
        ("clearing_totals", date(2024, 1, 12), "volume", datetime(2024, 1, 16, 11, 30)),
        ("fails_to_deliver", date(2024, 6, 15), "_all", datetime(2024, 7, 1, 22)),
        ("fails_to_deliver", date(2024, 6, 30), "_all", datetime(2024, 7, 16, 22)),
        ("index_members", date(2024, 6, 24), "SPX", datetime(2024, 6, 24, 13, 30)),
        ("open_close_volume", date(2024, 6, 14), "SPX", datetime(2024, 6, 17, 10, 30)),
    ],
)
def test_every_kind_of_report_has_its_schedule(table: str, period: date, part: str, known_at: datetime) -> None:
    assert REPORTS[table].due(period, part) == known_at


def test_every_kind_of_report_is_derived() -> None:
    assert set(REPORT_STAGES) == set(REPORTS)


RESTATED = (
    day(1, "20240614|B|1|0|9|Q"),
    day(2, captured_at=LATE),
    day(1, "20240614|B|1|0|9|Q", "20240614|B|1|0|9|Q", captured_at=LATER),  # as at first, and a line twice
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_day_stated_restated_and_stated_again_was_each_at_its_time(lake: Lake, order: Sequence[int]) -> None:
    for place in order:
        derived(lake, RESTATED[place])
    stood = [shorts(lake, at) for at in (EARLY, AT_18, LATE, LATER)]
    assert stood == [[], [(1, AT_18)], [(2, LATE)], [(1, LATER)]]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_later_file_of_a_whole_day_takes_away_the_rows_that_it_lacks(lake: Lake, order: Sequence[int]) -> None:
    load(lake, *(RESTATED[place] for place in order))
    derive(lake)
    assert [shorts(lake, at, "B") for at in (AT_18, LATE, LATER)] == [[(1, AT_18)], [], [(1, LATER)]]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_is_stated_again_unchanged_is_known_since_it_was_stated_first(lake: Lake, order: Sequence[int]) -> None:
    files = [
        day(1, "20240614|B|1|0|9|Q"),
        day(1, "20240614|B|2|0|9|Q", captured_at=LATE),
        day(1, "20240614|B|2|0|9|Q", "20240614|C|1|0|9|Q", captured_at=LATER),
    ]
    for place in order:
        derived(lake, files[place])
    assert shorts(lake) == [(1, AT_18)]
    assert shorts(lake, symbol="B") == [(2, LATE)]
    assert shorts(lake, symbol="C") == [(1, LATER)]
    assert shorts(lake, LATER - timedelta(seconds=1), "C") == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_files_without_a_clock_stand_where_the_schedule_is(lake: Lake, order: Sequence[int]) -> None:
    files = [day(1, captured_at=EARLY), day(2), day(3, captured_at=SOON)]
    for place in order:
        derived(lake, files[place])
    assert [shorts(lake, at) for at in (EARLY, AT_18, SOON)] == [[(1, EARLY)], [(2, AT_18)], [(3, SOON)]]


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_a_copy_without_a_clock_does_not_undo_that_the_report_came_early(lake: Lake, order: Sequence[int]) -> None:
    files = [day(1, captured_at=EARLY), day(1, "20240614|A|1|0|100|Q,N")]
    for place in order:
        derived(lake, files[place])
    assert shorts(lake) == shorts(lake, EARLY) == [(1, EARLY)]


def test_a_second_run_and_the_same_bytes_make_nothing_new(lake: Lake) -> None:
    derived(lake, *RESTATED)
    before = lake.catalogue.versions(["short_volume_daily"])
    assert [one.fate for one in load(lake, *RESTATED)] == ["duplicate_bytes"] * 3
    derive(lake)
    assert lake.catalogue.versions(["short_volume_daily"]) == before


def test_two_files_without_a_clock_that_say_otherwise_are_named(lake: Lake) -> None:
    first, second, third = load(lake, day(1), day(2), day(3, captured_at=LATE))
    assert (first.reason, third.reason) == (None, None)
    assert second.reason == "says otherwise than file 0, and neither tells which is newer: the greater hash stands"
    derive(lake)
    greater = max((first, 1.0), (second, 2.0), key=lambda one: str(one[0].raw_sha256))
    assert shorts(lake, AT_18) == [(greater[1], AT_18)]


def test_two_files_that_say_the_same_or_speak_of_different_things_are_no_rivals(lake: Lake) -> None:
    same = load(lake, day(1), day(1, "20240614|A|1|0|100|Q,N"))
    facility = load(lake, File(short_volume("20240614|A|5|0|100|Q")))
    excerpts = load(lake, week(weekly_row("A")), week(weekly_row("B")))
    assert [one.reason for one in (*same, *facility, *excerpts)] == [None] * 5


def test_rows_that_were_set_aside_are_kept_of_every_file(lake: Lake) -> None:
    derived(lake, day(1), day(1, "20240614|B|x|0|9|Q", captured_at=LATE))
    rejected = current(lake, "quarantine")
    assert rejected.select("reason", "row_number").rows() == [("unreadable_number", 3)]
    assert shorts(lake) == [(1, AT_18)]


FIRST = week(weekly_row("A", 1), weekly_row("B", 1))
CHANGED = week(weekly_row("A", 2, lastUpdateDate="2024-07-01"), weekly_row("B", 1), captured_at=datetime(2024, 7, 3))
AGAIN = week(weekly_row("A", 3, lastUpdateDate="2024-07-08"), captured_at=datetime(2024, 8, 2))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_row_of_a_week_counts_from_the_day_of_its_own_change(lake: Lake, order: Sequence[int]) -> None:
    for place in order:
        derived(lake, (FIRST, CHANGED, AGAIN)[place])
    published, changed, again = date(2024, 6, 24), date(2024, 7, 1), date(2024, 7, 8)
    assert weekly(lake, at_18("2024-06-21")) == {}
    assert weekly(lake, at_18("2024-06-24")) == {"A": (1, published), "B": (1, published)}
    assert weekly(lake, at_18("2024-07-01")) == {"A": (2, changed), "B": (1, published)}
    assert weekly(lake, at_18("2024-07-08")) == {"A": (3, again), "B": (1, published)}


def test_a_row_first_fetched_after_its_change_is_unknown_before_it(lake: Lake) -> None:
    derived(lake, CHANGED)
    assert weekly(lake, at_18("2024-06-24")) == {"B": (1, date(2024, 6, 24))}
    assert weekly(lake, at_18("2024-06-30")) == {"B": (1, date(2024, 6, 24))}
    assert weekly(lake, at_18("2024-07-01"))["A"] == (2, date(2024, 7, 1))


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_a_symbol_of_two_sources_counts_once(lake: Lake, order: Sequence[int]) -> None:
    """The file of the web page has neither product nor CRD: its rows have other keys than those of the API."""
    firm = {"summaryTypeCode": "ATS_W_SMBL_FIRM", "MPID": "EBXL", "firmCRDNumber": 7}
    lines = [
        f"NMS Tier 1|{symbol}|Apple Inc.|EBXL LEVEL ATS|EBXL|{n}|1|2024-06-24" for symbol, n in (("A", 5), ("B", 6))
    ]
    files = [
        week(weekly_row("A", 5, **firm, issueName="Apple")),
        File("\n".join([WEEKLY_TXT, *lines, ""]).encode(), session=date(2024, 6, 5)),
    ]
    for place in order:
        derived(lake, files[place])
    rows = current(lake, "ats_weekly").select("vendor_symbol", "volume_shares", "source").rows()
    assert sorted(rows) == [("A", 5.0, "finra_weekly_json"), ("B", 6.0, "finra_weekly_txt")]


def test_a_week_declared_anew_moves_the_file(lake: Lake) -> None:
    data = "\n".join([WEEKLY_TXT, "NMS Tier 1|A|Apple Inc.|EBXL LEVEL ATS|EBXL|5|1|2024-07-08", ""]).encode()
    derived(lake, File(data, session=date(2024, 6, 5)))
    derived(lake, File(data, session=date(2024, 6, 12)))
    rows = current(lake, "ats_weekly")
    assert rows["week_start_date"].to_list() == [date(2024, 6, 10)]


def interest(*rows: dict[str, Any], captured_at: datetime | None = None) -> File:
    return File(array(rows), captured_at)


def positions(lake: Lake, at: datetime = NEVER) -> dict[tuple[str, str], tuple[float, datetime]]:
    if not [v for v in lake.catalogue.versions(["short_interest"]) if v.known_at <= at]:
        return {}
    rows = current(lake, "short_interest", at)
    columns = ("vendor_symbol", "market_class", "short_position_shares", "known_at")
    return {(symbol, market): (shares, known) for symbol, market, shares, known in rows.select(columns).iter_rows()}


EXCERPTS = (
    interest(short_interest_row("A", 1)),
    interest(short_interest_row("A", 2), short_interest_row("B", 5), captured_at=SETTLED_KNOWN + timedelta(days=30)),
)


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_an_excerpt_restates_its_own_rows_and_is_on_time_for_the_others(lake: Lake, order: Sequence[int]) -> None:
    for place in order:
        derived(lake, EXCERPTS[place])
    later = SETTLED_KNOWN + timedelta(days=30)
    on_time = {("A", "NNM"): (1, SETTLED_KNOWN), ("B", "NNM"): (5, SETTLED_KNOWN)}
    assert positions(lake, SETTLED_KNOWN - timedelta(seconds=1)) == {}
    assert positions(lake, SETTLED_KNOWN) == on_time
    assert positions(lake, later) == on_time | {("A", "NNM"): (2, later)}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_no_row_is_known_sooner_than_the_one_whose_place_it_takes(lake: Lake, order: Sequence[int]) -> None:
    """The first file was fetched when it came; what is fetched weeks later cannot have been there before."""
    came, weeks = SETTLED_KNOWN + timedelta(hours=5), SETTLED_KNOWN + timedelta(days=30)
    files = [
        interest(short_interest_row("A", 1), captured_at=came),
        interest(short_interest_row("A", 2), short_interest_row("B", 5), captured_at=weeks),
        interest(short_interest_row("A", 2), short_interest_row("C", 6), captured_at=weeks + timedelta(days=1)),
    ]
    for place in order:
        derived(lake, files[place])
    assert positions(lake, SETTLED_KNOWN) == {}
    assert positions(lake, came) == {("A", "NNM"): (1, came), ("B", "NNM"): (5, came), ("C", "NNM"): (6, came)}
    assert positions(lake)["A", "NNM"] == (2, weeks)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_later_statement_of_a_group_replaces_the_group_and_no_other(
    lake: Lake, order: Sequence[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REPORTS, "short_interest", replace(REPORTS["short_interest"], replaces=("market_class",)))
    soon, weeks = SETTLED_KNOWN + timedelta(hours=5), SETTLED_KNOWN + timedelta(days=30)
    files = [
        interest(short_interest_row("A", 1), short_interest_row("B", 1)),
        interest(short_interest_row("A", 7, marketClassCode="NYSE"), captured_at=weeks),
        interest(short_interest_row("A", 2), captured_at=soon),
    ]
    for place in order:
        derived(lake, files[place])
    assert positions(lake, SETTLED_KNOWN) == {("A", "NNM"): (1, SETTLED_KNOWN), ("B", "NNM"): (1, SETTLED_KNOWN)}
    of_nyse = {("A", "NYSE"): (7, soon)}  # the first of its group is on time, though not before what came before it
    assert positions(lake, soon) == {("A", "NNM"): (2, soon)} | of_nyse
    assert positions(lake) == {("A", "NNM"): (2, soon)} | of_nyse


def test_rivals_of_groups_are_those_that_speak_of_the_same_group(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REPORTS, "short_interest", replace(REPORTS["short_interest"], replaces=("market_class",)))
    files = [
        interest(short_interest_row("A", 1)),
        interest(short_interest_row("A", 7, marketClassCode="NYSE")),
        interest(short_interest_row("A", 2)),
    ]
    loaded = load(lake, *files)
    assert [one.reason is not None for one in loaded] == [False, False, True]
    assert "file 0" in str(loaded[2].reason)


MOMENTS = (None, EARLY, SOON, SOON + timedelta(hours=9), LATE, LATER)


def expected(files: Sequence[tuple[float, datetime | None]], at: datetime) -> list[tuple[float, datetime]]:
    """The same by going through what was said, one after the other."""
    said: list[tuple[datetime, float]] = []
    for value, captured_at in sorted(files, key=lambda one: one[1] or AT_18):
        due = AT_18 if captured_at is None or captured_at >= AT_18 + SOON_AFTER else captured_at
        said.append((due if not said else max(due, captured_at or due), value))
    known = [(moment, value) for moment, value in said if moment <= at]
    since = None
    for place, (moment, value) in enumerate(known):
        since = moment if since is None or value != known[place - 1][1] else since
    return [] if since is None else [(known[-1][1], since)]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_was_said_when_each_moment_shows_what_was_said_last(lake: Lake, seed: int) -> None:
    draw = random.Random(seed)
    captured = draw.sample(MOMENTS, draw.randint(2, 5))
    files = [(float(draw.randint(1, 2)), moment) for moment in captured]
    for place, (value, moment) in enumerate(draw.sample(files, len(files))):
        load(lake, File(short_volume(f"20240614|A|{value}|0|100|Q,N", *["20240614|Z|1|0|9|Q"] * (place + 1)), moment))
        if draw.random() < 0.5:
            derive(lake)
    derive(lake)
    for at in (EARLY, AT_18, *(moment for moment in MOMENTS if moment), NEVER):
        assert shorts(lake, at) == expected(files, at)


@needs_samples
@pytest.mark.samples
def test_real_files_land_row_by_row_and_the_incomplete_record_is_refused(lake: Lake) -> None:
    files = [*sorted(sample("finra_regsho").glob("*.txt")), *sample("finra_weekly").glob("*.json")]
    loaded = list(load_files(lake, files, progress=lambda _: None))
    derive(lake)
    assert [one.fate for one in loaded] == ["landed"] * 8 + ["refused"]
    assert "lack summaryTypeCode, tierIdentifier, weekStartDate, initialPublishedDate" in str(loaded[-1].reason)
    assert all(one.rows_in == one.rows_landed for one in loaded[:-1])
    stated = {(one.session_date, one.part): one.rows_in for one in loaded[:-1]}
    rows = current(lake, "short_volume_daily")
    counted = rows.group_by("session_date", "part").len().rows()
    assert {(day, part): count for day, part, count in counted} == stated
    that_day = rows.filter(pl.col("session_date") == date(2021, 1, 27))
    assert that_day["known_at"].unique().to_list() == [datetime(2021, 1, 27, 23)]
    squeezed = rows.filter((pl.col("vendor_symbol") == "GME") & (pl.col("part") == "CNMS")).sort("session_date")
    shares = squeezed.select((pl.col("short_volume_shares") / pl.col("total_volume_shares")).round(4)).to_series()
    assert shares.to_list()[1:] == [0.3786, 0.3309, 0.5445, 0.5083, 0.5398]
