"""Coin venues on the same pages: UTC days, a default model that changes, thousands of snapshots, unknown positions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.looking import thin, words
from pipelines.looking.figure import Columns, Figure
from pipelines.looking.frames import Published, open_published
from pipelines.looking.heatmap import MOST_JUMPS, heatmap_figure
from pipelines.looking.page import as_html
from pipelines.looking.plot import Window, plot_page
from pipelines.looking.plots import Asked, page_of
from pipelines.looking.report import report_page
from pipelines.settings import Paths
from pipelines.warehouse.connection import QueryError
from tests.looking.made import Snapshot, coin_hours, publish, week

DAY = datetime(2024, 6, 26)
MIDNIGHT = datetime(2024, 6, 27)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """BTC every two hours, whose trades begin on the second day, an ETH in both markets, and a US index."""
    first = coin_hours(DAY - timedelta(hours=22), 12, minutes=120, has_positions=False)
    second = coin_hours(DAY + timedelta(hours=2), 12, minutes=120)
    second[5] = Snapshot(second[5].moment, "BTC", 101.0, market="crypto", has_positions=False, jump_at=103.0)
    both = [Snapshot(week()[-1].moment, "ETH"), Snapshot(DAY.replace(hour=9), "ETH", market="crypto")]
    name = "simulated_{0.underlying}.jsonl.gz".format
    return publish(Paths(tmp_path_factory.mktemp("coins")), [*first, *second, *both, *week()], name)


def page_text(paths: Paths, kind: Any, **said: Any) -> str:
    asked = Asked(**({"underlying": "BTC", "market": None, "model": None, "scope": "all", "window": Window()} | said))
    with open_published(paths) as published:
        return as_html(page_of(published, kind, asked)[0])


def heatmap_of(published: Published, model: str | None = None, jumps: pl.DataFrame | None = None) -> Figure:
    view = published.view("BTC", model, "all")
    rows, _ = thin.columns(published.levels(view), view.market)
    return heatmap_figure(published.cells(view, [row["snapshot_ts"] for row in rows]), rows, "BTC", jumps)


# --- time ---


def test_times_of_a_coin_are_utc_and_of_a_session_market_new_york(market: Paths) -> None:
    assert "26 Jun 2024, 14:00 UTC" in page_text(market, "levels")
    assert "New York" not in page_text(market, "levels").split("<table")[1].split("</table>")[0]
    assert "New York time" in page_text(market, "levels", underlying="SPX")


def test_midnight_is_dated_by_the_clock_though_it_ends_the_day_before(market: Paths) -> None:
    text = page_text(market, "levels", window=Window(date(2024, 6, 26), date(2024, 6, 26)))
    assert "BTC, 26 Jun 2024:" in text
    assert "27 Jun 2024 00:00" in text and "26 Jun 2024 00:00" not in text


def test_a_hole_in_a_market_that_never_closes_is_shown(market: Paths) -> None:
    hours = [DAY + timedelta(hours=n) for n in (0, 1, 2, 9, 10)]
    columns = Columns(hours, [hour.date() for hour in hours], words.UTC)
    assert columns.breaks == [3]
    assert [note["text"] for note in columns.break_notes()] == ["7 hours"]


def test_few_days_of_many_snapshots_are_labelled_by_the_hour_too() -> None:
    moments = [DAY + timedelta(minutes=10 * n) for n in range(1, 289)]
    columns = Columns(moments, [(moment - timedelta(seconds=1)).date() for moment in moments], words.UTC)
    places, texts = columns.ticks(8)
    assert len(places) <= 8 and texts[-1].startswith("00:00")
    assert sum("Jun" in text for text in texts) == 3  # the first label, the next day, and the midnight at the end


# --- which underlying, which model ---


def test_a_name_in_two_markets_asks_which(market: Paths) -> None:
    with open_published(market) as published:
        with pytest.raises(QueryError, match="ETH stands in the markets crypto and us: say which with --market"):
            published.view("eth", None, "all")
        assert published.view("ETH", None, "all", "crypto").model == "taker_flow"
        assert published.view("ETH", None, "all", "us").model == "calls_long_puts_short"


def test_the_default_model_is_the_one_that_the_newest_snapshot_of_the_window_is_flagged_with(market: Paths) -> None:
    with open_published(market) as published:
        first = date(2024, 6, 25)
        assert published.view("BTC", None, "all").model == "taker_flow"
        assert published.view("BTC", None, "all", last=first).model == "calls_long_puts_short"


def test_a_picture_across_a_change_of_the_default_says_so(market: Paths) -> None:
    assert "At 13 of 24 snapshots another model is the venue's default" in page_text(market, "levels").replace(
        "&#39;", "'"
    )
    window = Window(date(2024, 6, 25), date(2024, 6, 25))
    assert "another model is" not in page_text(market, "levels", window=window)


# --- what is not known ---


def test_snapshots_without_positions_are_blank_with_a_word_and_never_zero(market: Paths) -> None:
    with open_published(market) as published:
        figure = heatmap_of(published, "taker_flow")
    heat = next(each for each in figure.data if each["type"] == "heatmap")
    bars = next(each for each in figure.data if each["type"] == "bar")
    assert {value for values in heat["z"] for value in values[:12]} == {None}
    assert bars["y"][:12] == [None] * 12 and all(bars["y"][12:17])
    assert [note["text"] for note in figure.layout["annotations"]].count("positions not known") == 2


def test_a_profile_of_unknown_positions_says_why_there_is_none(market: Paths) -> None:
    day = Window(date(2024, 6, 25), date(2024, 6, 25))
    text = page_text(market, "profile", model="taker_flow", window=day).replace("&#39;", "'")
    assert "There is nothing to draw: dealers' positions are not known" in text


# --- profiles, scopes ---


def test_a_profile_is_drawn_at_the_last_snapshot_that_keeps_one(tmp_path: Path) -> None:
    paths = publish(Paths(tmp_path), coin_hours(DAY.replace(hour=10), 10))
    with open_published(paths) as published:
        page = plot_page(published, "profile", published.view("BTC", None, "all"), Window())
        report = as_html(report_page(published, None))
    assert page.parts[1].rows[0][0] == "26 Jun 2024 11:00"  # type: ignore[union-attr]
    assert "Profile at 11:00 UTC, the last that is kept" in report
    assert "At 11:30 UTC spot stood at" in report


def test_the_same_days_expiry_of_a_coin_is_the_next_at_eight() -> None:
    assert words.scope("0dte", "crypto") == "the next 08:00 UTC expiry"
    assert words.scope("0dte", "us") == "same-day expiries"


@pytest.mark.parametrize(("hour", "is_there"), [(7, True), (8, False), (9, False)])
def test_strikes_of_the_same_day_follow_the_clock_of_the_venue(tmp_path: Path, hour: int, is_there: bool) -> None:
    """The nearest made expiry is three days after the session: by the clock of a snapshot on that day, its 0DTE."""
    made = Snapshot(DAY.replace(hour=hour), "BTC", market="crypto")
    paths = publish(Paths(tmp_path), [made])
    import duckdb

    with duckdb.connect(str(paths.warehouse)) as connection:
        connection.execute("update strike_exposures set expiry_date = '2024-06-26' where expiry_date = '2024-06-29'")
    with open_published(paths) as published:
        strikes = published.strikes(published.view("BTC", None, "0dte"), made.moment)
    assert strikes.is_empty() != is_there


# --- very many snapshots ---


@given(st.integers(1, 3000), st.sampled_from([1, 10, 60, 360]), st.integers(5, 300))
def test_thinned_columns_are_few_keep_the_last_and_say_what_was_left_out(count: int, minutes: int, most: int) -> None:
    moments = [DAY + timedelta(minutes=minutes * n) for n in range(count)]
    levels = pl.DataFrame({"snapshot_ts": moments, "is_partial": [False] * count})
    rows, told = thin.columns(levels, "crypto", most)
    assert 1 <= len(rows) <= most and rows[-1]["snapshot_ts"] == moments[-1]
    assert [row["snapshot_ts"] for row in rows] == sorted(row["snapshot_ts"] for row in rows)
    assert (told == "") == (len(rows) == count)
    assert count <= most or f"{len(rows):,} of {count:,}" in told


def test_a_step_ends_on_its_full_mark() -> None:
    moments = [DAY + timedelta(minutes=10 * n) for n in range(1, 25)]
    levels = pl.DataFrame({"snapshot_ts": moments, "is_partial": [False] * 24})
    rows, told = thin.columns(levels, "crypto", 4)
    assert [row["snapshot_ts"].strftime("%H:%M") for row in rows] == ["01:00", "02:00", "03:00", "04:00"]
    assert "One snapshot every hour is drawn" in told


def test_a_jump_between_two_columns_is_marked_at_the_later_one(market: Paths) -> None:
    with open_published(market) as published:
        view = published.view("BTC", None, "all")
        moment = DAY + timedelta(hours=3, minutes=20)
        jumps = pl.DataFrame(
            {"snapshot_ts": [moment] * 200, "strike": [100.0 + n for n in range(200)],
             "net_gex_change_usd_per_1pct": [1e6 * (n + 1) for n in range(200)]}
        )  # fmt: skip
        figure = heatmap_of(published, jumps=jumps)
        assert published.jumps(view, DAY, MIDNIGHT)["strike"].to_list() == [103.0]
    marks = next(each for each in figure.data if each["name"] == "jump")
    assert set(marks["x"]) == {13} and "03:20 UTC" in marks["text"][0]
    assert len(marks["x"]) == MOST_JUMPS and f"{200 - MOST_JUMPS} smaller jumps are not marked" in figure.caption


def test_a_week_of_ten_minutes_is_drawn_whole_on_a_page_that_stays_light(tmp_path: Path) -> None:
    hours = coin_hours(DAY, 1008)
    paths = publish(Paths(tmp_path), [hours[0], hours[-1]])
    with open_published(paths) as published:
        view = published.view("BTC", None, "all")
        ends = published.levels(view).to_dicts()
        rows = [ends[0] | {"snapshot_ts": made.moment, "session_date": made.session} for made in hours]
        cells = published.cells(view, [hours[0].moment]).drop("snapshot_ts")
    many = pl.DataFrame({"snapshot_ts": [made.moment for made in hours]}).cast({"snapshot_ts": pl.Datetime("us")})
    figure = heatmap_figure(many.join(cells, how="cross"), rows, "BTC")
    from pipelines.looking.page import Page

    html = as_html(Page("t", "s", [], [figure]))
    assert len(html) < 3_000_000 and "data-packed" in html


def test_without_dates_a_coin_shows_its_last_month_and_says_so(tmp_path: Path) -> None:
    days = coin_hours(DAY.replace(hour=12), 40, minutes=1440)
    text = page_text(publish(Paths(tmp_path), days), "levels")
    assert "BTC, 5 Jul to 4 Aug 2024" in text and "The last 31 days; --from shows earlier ones" in text


# --- the report ---


def test_the_newest_report_holds_every_market_at_its_own_newest_session(market: Paths) -> None:
    with open_published(market) as published:
        newest = as_html(report_page(published, None))
        us_only = as_html(report_page(published, date(2024, 6, 24)))
    for said in ("BTC: dealers", "SPX: dealers", "27 Jun 2024 00:00 UTC", "25 Jun 2024 16:00 New York"):
        assert said in newest
    assert "BTC: calls_long" not in newest and "BTC, ETH: Dealer model taker_flow" in newest
    assert "SPX: dealers" in us_only and "BTC:" not in us_only


def test_a_coins_quality_needs_no_treasury_curve_and_dates_its_open_interest_by_the_snapshot(tmp_path: Path) -> None:
    poor = (("discount_source", "none"), ("discount_curve_date", None), ("spot_source", "forward"))
    made = coin_hours(DAY.replace(hour=12), 1, quality=poor)
    with open_published(publish(Paths(tmp_path), made)) as published:
        text = as_html(report_page(published, None))
    assert "Treasury curve" not in text and "as the venue stated it at the snapshot" in text
    assert "the forward of the nearest expiry" in text


# --- the command ---


def run(paths: Paths, monkeypatch: pytest.MonkeyPatch, *said: str) -> Any:
    monkeypatch.setenv("DEALERFLOW_DATA", str(paths.root))
    return CliRunner().invoke(app, ["plot", *said])


def test_an_underlying_can_be_named_first_and_a_day_by_its_date(market: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(market, monkeypatch, "levels", "btc", "--date", "2024-06-26")
    assert done.exit_code == 0 and "levels_BTC_all.html" in done.output.replace("\n", "")


@pytest.mark.parametrize(
    "said",
    [["levels"], ["levels", "BTC", "--underlying", "ETH"], ["levels", "ETH"], ["heatmap", "BTC", "--same-day"]],
)
def test_what_is_not_clear_is_asked_for(market: Paths, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    assert run(market, monkeypatch, *said).exit_code == 1
