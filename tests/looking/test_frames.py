"""What pages read is what is published: the right rows, unknown kept unknown, mistakes told in one line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.looking.frames import Published, View, newest_snapshot, open_published
from pipelines.settings import Paths
from pipelines.warehouse.connection import QueryError
from tests.looking.made import CLOSES, EXPIRY_DAYS, MODELS, SCOPES, STRIKES, Snapshot, publish, week


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    silent = Snapshot(CLOSES[-1], "ODD", scope_status="no_open_interest", flip=None)
    cut = Snapshot(CLOSES[-1], "CUT", is_partial=True)
    whole = Snapshot(CLOSES[0], "CUT", spot=90.0)
    paths = publish(Paths(tmp_path_factory.mktemp("market")), [*week(), silent, cut, whole])
    with open_published(paths) as opened:
        yield opened


def test_without_a_published_file_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="load files and run"), open_published(Paths(tmp_path)):
        pass


def test_an_underlying_is_found_in_lower_case(published: Published) -> None:
    assert published.view("spx", None, "all").underlying == "SPX"


@pytest.mark.parametrize(
    ("underlying", "model", "scope", "message"),
    [
        ("NDX", None, "all", "no underlying 'NDX'; there are: CUT, ODD, SPX"),
        ("SPX", "guess", "all", "no dealer model 'guess'; there are: calls_long_puts_short, short_all"),
        ("SPX", None, "hourly", "no scope 'hourly'; there are: 0dte, all"),
    ],
)
def test_what_is_not_there_is_answered_by_what_is(
    published: Published, underlying: str, model: str | None, scope: str, message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        published.view(underlying, model, scope)


def test_the_venues_default_model_is_taken_unless_another_is_named(published: Published) -> None:
    assert published.view("SPX", None, "all").model == "calls_long_puts_short"
    assert published.view("SPX", "short_all", "all").model == "short_all"


def test_levels_are_one_row_a_snapshot_oldest_first_within_the_sessions_asked_for(published: Published) -> None:
    view = published.view("SPX", None, "all")
    rows = published.levels(view, date(2024, 6, 18), date(2024, 6, 21))
    assert rows["session_date"].to_list() == [date(2024, 6, day) for day in (18, 20, 21)]
    assert rows["net_gex_usd_per_1pct"].null_count() == 0


def test_the_newest_snapshot_is_whole_unless_none_is(published: Published) -> None:
    levels = published.levels(published.view("CUT", None, "all"))
    newest = newest_snapshot(levels)
    assert newest is not None and newest["session_date"] == date(2024, 6, 17)
    only = newest_snapshot(levels.filter("is_partial"))
    assert only is not None and only["is_partial"]
    assert newest_snapshot(levels.clear()) is None


@pytest.mark.parametrize(
    ("scope", "expiries"),
    [("all", EXPIRY_DAYS), ("weekly", (3,)), ("monthly", (25,)), ("le_30d", (3, 25)), ("0dte", ())],
)
def test_strikes_sum_the_expiries_of_their_scope(published: Published, scope: str, expiries: tuple[int, ...]) -> None:
    strikes = published.strikes(published.view("SPX", None, scope), CLOSES[0])
    assert strikes["strike"].to_list() == ([float(strike) for strike in STRIKES] if expiries else [])
    rolloff = published.rolloff(published.view("SPX", None, "all"), CLOSES[0])
    wanted = rolloff.filter(pl.col("days_to_expiry").is_in(expiries))["net_gex_usd_per_1pct"].sum()
    assert strikes["net_gex_usd_per_1pct"].sum() == pytest.approx(wanted)


def test_every_scope_can_be_asked_for_its_strikes(published: Published) -> None:
    for scope in SCOPES:
        strikes = published.strikes(published.view("SPX", None, scope), CLOSES[0])
        assert strikes["strike"].is_sorted() and strikes.height in (0, len(STRIKES)), scope


def test_gamma_that_is_not_known_stays_unknown_in_sums(published: Published) -> None:
    strikes = published.strikes(published.view("ODD", None, "all"), CLOSES[-1])
    assert strikes.height == len(STRIKES)
    assert strikes["net_gex_usd_per_1pct"].null_count() == strikes.height
    assert published.curve(published.view("ODD", None, "all"), CLOSES[-1]).is_empty()


def test_a_snapshot_that_is_not_there_gives_empty_frames(published: Published) -> None:
    view = published.view("SPX", None, "all")
    never = CLOSES[0].replace(year=2001)
    assert published.strikes(view, never).is_empty()
    assert published.cells(view, [never]).is_empty()
    assert published.rolloff(view, never).is_empty()
    assert published.quality(view, never) == {}


def test_the_heatmap_says_for_which_scopes_it_is_kept(published: Published) -> None:
    with pytest.raises(QueryError, match="scopes all and 0dte, not 'weekly'"):
        published.cells(published.view("SPX", None, "weekly"), CLOSES)


def test_files_are_named_oldest_snapshot_first(published: Published) -> None:
    assert published.files(View("SPX", MODELS[0]), CLOSES[:3]) == [
        "simulated_0.csv",
        "simulated_1.csv",
        "simulated_2.csv",
    ]


def test_names_with_quotes_are_values_and_never_sql(published: Published) -> None:
    assert published.quality(View("' or true --", MODELS[0]), CLOSES[0]) == {}


def test_an_older_file_without_a_column_is_told_in_one_line(tmp_path: Path) -> None:
    paths = publish(Paths(tmp_path), week())
    with duckdb.connect(str(paths.warehouse)) as connection:
        connection.execute("alter table exposure_heatmap drop column is_jump")
    with open_published(paths) as old, pytest.raises(QueryError) as error:
        old.cells(old.view("SPX", None, "all"), CLOSES)
    assert "is_jump" in str(error.value) and "\n" not in str(error.value)
