"""Collecting what is followed: once per session, only under accepted terms, the inbox beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from pipelines import load
from pipelines.daily.collect import collect, last_close, newest_curve, owed_from, shown_session
from pipelines.daily.freshness import late
from pipelines.daily.gap_ledger import recorded_gaps
from pipelines.daily.inbox import load_inbox
from pipelines.fetch import FEEDS
from pipelines.fetch.acceptance import accept
from pipelines.fetch.client import Client
from pipelines.lake.store import Lake, opened
from pipelines.materialise import bring_up_to_date
from pipelines.operator_settings import operator_settings
from pipelines.settings import Paths
from pipelines.stages.rates import RATES
from pipelines.stages.spine import US_SPINE
from tests.archive_files import archive, archive_file
from tests.stand_in import Answer, FakeClock, Site, standing_in
from tests.stand_in.pages import chain_json, curves_csv

EVENING = datetime(2024, 6, 20, 21, 0)  # UTC; 17:00 in New York
CHAIN = "/api/global/delayed_quotes/options/_SPX.json"
VIX = "/api/global/us_indices/daily_prices/VIX_History.csv"
CURVES = "/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/2024/all"
LANDING = US_SPINE[0]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with standing_in() as serving:
        monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", json.dumps(dict.fromkeys(FEEDS, serving.url)))
        serving.answers(CHAIN, Answer(spx(EVENING)))
        serving.answers(CURVES, Answer(curves_csv(date(2024, 6, 18)), content_type="text/csv"))
        yield serving


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    (tmp_path / "dealerflow.toml").write_text('inbox = ["in"]\n[follow]\ncboe = ["SPX"]\ntreasury = true\n')
    (tmp_path / "in").mkdir()
    with opened(Paths(tmp_path)) as opened_lake:
        yield opened_lake


def follow(lake: Lake, followed: str) -> None:
    (lake.paths.root / "dealerflow.toml").write_text(f'inbox = ["in"]\n[follow]\n{followed}\n')


def spx(at: datetime) -> bytes:
    return chain_json("_SPX", "SPXW", 5500.0, at=at, last_trade=f"{at:%Y-%m-%d}T16:15:00", volume=float(at.day))


def at(lake: Lake, clock: datetime, *feeds: str) -> tuple[list[tuple[str, str]], list[str]]:
    """What a collection at this instant brought, and what it told."""
    for feed in feeds:
        accept(lake.paths, FEEDS[feed], clock)
    said: list[str] = []
    with Client(lake.paths.build / "turns", clock=FakeClock(clock)) as client:
        collected = collect(lake, said.append, client)
    return [(one.name, one.fate) for one in collected.loaded], said


def test_what_is_followed_is_collected_once_a_session(lake: Lake, site: Site) -> None:
    brought, _ = at(lake, EVENING, "cboe", "treasury")
    assert brought == [("cboe SPX", "landed"), ("treasury 2024", "landed")]
    asked = len(site.requests)
    assert at(lake, EVENING + timedelta(minutes=50)) == ([], [])  # before 18:00 there is no newer curve
    assert len(site.requests) == asked
    site.answers(CURVES, Answer(curves_csv(date(2024, 6, 20)), content_type="text/csv"))
    brought, _ = at(lake, EVENING + timedelta(hours=1, minutes=30))
    assert brought == [("treasury 2024", "landed")]
    asked = len(site.requests)
    assert at(lake, EVENING + timedelta(hours=2)) == ([], [])
    assert len(site.requests) == asked


def test_without_accepted_terms_nothing_is_asked(lake: Lake, site: Site) -> None:
    brought, said = at(lake, EVENING, "treasury")
    assert all(not name.startswith("cboe") for name, _ in brought)
    assert any("terms are not accepted" in line and "cboe" in line for line in said)
    assert all(request.path.startswith("/resource") for request in site.requests)


def test_a_history_that_grows_in_the_evening_is_asked_for_until_it_has_the_session(lake: Lake, site: Site) -> None:
    follow(lake, 'index = ["VIX"]')
    rows = ["DATE,OPEN,HIGH,LOW,CLOSE", "06/17/2024,13,13,13,13", "06/18/2024,12,12,12,12"]
    site.answers(VIX, Answer("\n".join(rows).encode(), content_type="text/csv"))
    assert at(lake, EVENING, "index")[0] == [("index VIX", "landed")]
    assert at(lake, EVENING + timedelta(minutes=59)) == ([], [])  # it has the 18th, and the 19th was a holiday
    assert at(lake, EVENING + timedelta(minutes=90))[0] == [("index VIX", "duplicate_bytes")]
    rows.append("06/20/2024,14,14,14,14")
    site.answers(VIX, Answer("\n".join(rows).encode(), content_type="text/csv"))
    assert at(lake, EVENING + timedelta(minutes=150))[0] == [("index VIX", "landed")]
    assert at(lake, EVENING + timedelta(minutes=160)) == ([], [])
    assert len(site.requests) == 3


def test_a_symbol_that_lands_under_another_spelling_is_collected_once_a_session(lake: Lake, site: Site) -> None:
    follow(lake, 'cboe = ["BRK.B"]')
    page = chain_json("BRK.B", "BRKB", 400.0, at=EVENING, last_trade="2024-06-20T16:00:00")
    site.answers(CHAIN.replace("_SPX", "BRK.B"), Answer(page))
    assert at(lake, EVENING, "cboe")[0] == [("cboe BRK.B", "landed")]
    assert at(lake, EVENING + timedelta(hours=2)) == ([], [])
    not_computed = late(lake, operator_settings(lake.paths).follow, EVENING + timedelta(hours=4))
    assert not_computed == ["cboe_delayed_json BRKB: 2024-06-20"]
    site.answers(CHAIN.replace("_SPX", "BRK.B"), Answer(status=404))
    at(lake, EVENING + timedelta(days=1, hours=3, minutes=30))
    (gap,) = recorded_gaps(lake)
    assert (gap.part, gap.session_date) == ("BRKB", date(2024, 6, 21))


def test_a_feed_that_cannot_be_asked_leaves_the_others_the_inboxes_and_the_gaps(
    lake: Lake, site: Site, tmp_path: Path
) -> None:
    follow(lake, 'cboe = ["ABCDEFGHIJKL"]\ntreasury = true')  # longer than any symbol of this vendor
    os.utime(archive_file(tmp_path / "in", [date(2024, 6, 18)]), (1, 1))
    brought, said = at(lake, EVENING, "cboe", "treasury")
    assert [fate for _, fate in brought] == ["refused", "landed", "landed"]
    assert brought[0][0] == "cboe"
    assert any("ABCDEFGHIJKL" in line for line in said)


def test_a_missed_session_of_a_followed_feed_becomes_a_gap(lake: Lake, site: Site) -> None:
    at(lake, EVENING, "cboe")
    site.answers(CHAIN, Answer(status=404))
    at(lake, EVENING + timedelta(days=1, hours=3, minutes=30))
    (gap,) = [gap for gap in recorded_gaps(lake) if gap.source == "cboe_delayed_json"]
    assert gap.session_date == date(2024, 6, 21)
    assert "404" in lake.catalogue.rows("select reason from load_ledger where fate = 'refused'")[0]["reason"]


@pytest.mark.parametrize(
    ("now", "session"),
    [
        (datetime(2024, 6, 20, 14), None),  # in the session
        (datetime(2024, 6, 20, 20, 10), None),  # the delayed quotes have not seen the close
        (datetime(2024, 6, 20, 20, 20), date(2024, 6, 20)),
        (datetime(2024, 6, 21, 3), date(2024, 6, 20)),
        (datetime(2024, 6, 21, 13, 29), date(2024, 6, 20)),
        (datetime(2024, 6, 23, 18), date(2024, 6, 21)),  # Sunday
        (datetime(2024, 7, 3, 17, 20), date(2024, 7, 3)),  # closed at 13:00
    ],
)
def test_the_delayed_quotes_show_the_last_session_that_ended(now: datetime, session: date | None) -> None:
    assert shown_session(now) == session


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2024, 6, 20, 21, 59), date(2024, 6, 18)),
        (datetime(2024, 6, 20, 22), date(2024, 6, 20)),
        (datetime(2024, 10, 14, 23), date(2024, 10, 11)),  # Columbus Day
    ],
)
def test_the_newest_curve_is_that_of_the_last_day_that_has_one(now: datetime, day: date) -> None:
    assert newest_curve(now) == day


def test_the_last_close_is_that_of_the_session_that_ended_last() -> None:
    assert last_close(datetime(2024, 6, 20, 19)) == datetime(2024, 6, 18, 20)
    assert last_close(datetime(2024, 6, 20, 20)) == datetime(2024, 6, 20, 20)


def test_an_inbox_is_loaded_once_and_a_changed_file_again(lake: Lake, tmp_path: Path) -> None:
    (file,) = archive(tmp_path / "in", [date(2024, 6, 20)])
    junk = tmp_path / "in" / "junk.txt"
    junk.write_text("nothing")
    now = datetime(2100, 1, 1)
    said: list[str] = []

    def fates(clock: datetime = now) -> list[str]:
        return [one.fate for one in load_inbox(lake, [tmp_path / "in", tmp_path / "none"], clock, said.append)]

    assert fates(datetime(2000, 1, 1)) == []  # still on its way
    assert fates() == ["refused", "landed"]
    assert fates() == []
    archive_file(tmp_path / "in", [date(2024, 6, 20), date(2024, 6, 21)], junk.name)
    os.utime(file, (1, 1))
    assert fates() == ["landed", "duplicate_bytes"]
    assert set(said) == {f"the inbox {tmp_path / 'none'} is no folder"}


def test_a_file_that_the_disk_did_not_give_is_read_the_next_time(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(tmp_path / "in", [date(2024, 6, 20)])

    def broken(_: Path) -> bytes:
        raise OSError(5, "Input/output error")

    def fates() -> list[str]:
        return [one.fate for one in load_inbox(lake, [tmp_path / "in"], datetime(2100, 1, 1), print)]

    with monkeypatch.context() as failing:
        failing.setattr(load, "read_file", broken)
        assert fates() == ["refused"]
    assert fates() == ["landed"]
    assert fates() == []


def test_a_file_that_goes_while_an_inbox_is_looked_through_is_passed_over(lake: Lake, tmp_path: Path) -> None:
    archive(tmp_path / "in", [date(2024, 6, 20)])
    (tmp_path / "in" / "gone.csv").symlink_to(tmp_path / "nowhere")  # listed, and not there
    assert [one.fate for one in load_inbox(lake, [tmp_path / "in"], datetime(2100, 1, 1), print)] == ["landed"]


def test_what_came_and_was_not_computed_says_from_which_session_work_is_owed(lake: Lake, tmp_path: Path) -> None:
    assert owed_from(lake, LANDING) is None
    files = archive(tmp_path / "in", [date(2024, 6, 17), date(2024, 6, 18)])
    load_inbox(lake, [tmp_path / "in"], datetime(2100, 1, 1), print)
    assert owed_from(lake, LANDING) == date(2024, 6, 17)
    bring_up_to_date(lake, [RATES, *US_SPINE])
    assert owed_from(lake, LANDING) is None
    assert owed_from(lake, RATES) is None
    assert len(files) == 2
