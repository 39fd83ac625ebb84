"""Dealers' inventory by strike: the newest state of the day, beside open interest, with what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from pipelines.looking.figure import Figure
from pipelines.looking.frames import Published, open_published
from pipelines.looking.inventory import read_inventory
from pipelines.looking.inventory_page import inventory_page
from pipelines.looking.page import Page, Points, Table, as_html
from pipelines.looking.plot import Window
from pipelines.settings import Paths
from pipelines.warehouse.connection import QueryError
from tests.looking.made import coin_hours, held_row, publish

DAY = datetime(2024, 6, 26)
CALL, PUT, DEAD = "BTC-28JUN24-100-C", "BTC-28JUN24-95-P", "BTC-26JUN24-100-C"
Row = dict[str, Any]


def made_inventory() -> list[Row]:
    first, last = DAY + timedelta(minutes=10), DAY + timedelta(hours=18)
    expired = {"expiry_date": DAY.date(), "expiry_ts": DAY + timedelta(hours=8)}
    screen = {"dealer_model": "taker_flow_screen"}
    return [
        held_row(CALL, first, 10.0),
        held_row(CALL, DAY + timedelta(hours=3), -30.0),
        held_row(CALL, first, 5.0, **screen),
        held_row(PUT, last, 150.0, trades_missing=4, is_history_complete=False, trades_of_unknown_side=3),
        held_row(PUT, last + timedelta(minutes=10), 170.0),  # after the chain, which cannot know of it
        held_row(DEAD, first, 999.0, **expired),
    ]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    chains = coin_hours(DAY + timedelta(hours=6), 3, minutes=360)
    alone = [row | {"underlying": "SOL", "part": "SOL"} for row in made_inventory()]
    here = {"market": "crypto", "underlying": "BTC", "part": "BTC", "session_date": DAY.date(), "v": 1}
    open_now = [
        here | {"snapshot_ts": DAY + timedelta(hours=18), "contract_id": contract, "open_interest": 100.0}
        for contract in (CALL, PUT)
    ]
    more = {"dealer_inventory": made_inventory() + alone, "option_snapshots": open_now}
    paths = publish(Paths(tmp_path_factory.mktemp("held")), chains, more=more)
    with open_published(paths) as opened:
        yield opened


def page_of(published: Published, underlying: str = "BTC", scope: str = "all") -> Page:
    return inventory_page(published, "crypto", underlying, Window(DAY.date(), DAY.date()), scope)


def figure_of(page: Page) -> Figure:
    return next(part for part in page.parts if isinstance(part, Figure))


def test_the_newest_bucket_of_every_contract_counts_and_expired_ones_are_gone(published: Published) -> None:
    found = read_inventory(published, "crypto", "BTC", DAY.date(), "all")
    assert found is not None and found.at == DAY + timedelta(hours=18)
    assert found.total("taker_flow", "call") == -30.0 and found.total("taker_flow", "put") == 150.0
    assert found.total("taker_flow_screen", "call") == 5.0
    assert found.snapshot == DAY + timedelta(hours=18)


def test_without_a_chain_near_it_the_newest_bucket_counts(published: Published) -> None:
    found = read_inventory(published, "crypto", "SOL", DAY.date(), "all")
    assert found is not None and found.at == DAY + timedelta(hours=18, minutes=10)
    assert found.total("taker_flow", "put") == 170.0 and found.total("short_all", "put") is None


def test_open_interest_stands_beside_it_with_the_sign_of_each_model(published: Published) -> None:
    found = read_inventory(published, "crypto", "BTC", DAY.date(), "all")
    assert found is not None
    held = {
        (model, kind): found.total(model, kind)
        for model in ("calls_long_puts_short", "short_all")
        for kind in ("call", "put")
    }
    calls, puts = found.open_interest["call"].sum(), found.open_interest["put"].sum()
    assert calls > 0 and puts > 0
    assert held == {
        ("calls_long_puts_short", "call"): calls, ("calls_long_puts_short", "put"): -puts,
        ("short_all", "call"): -calls, ("short_all", "put"): -puts,
    }  # fmt: skip


def test_plotly_knows_every_property_of_the_inventory_wide_and_narrow(published: Published) -> None:
    for underlying in ("BTC", "SOL"):
        figure = figure_of(page_of(published, underlying))
        go.Figure(figure.data, figure.layout)
        go.Figure(figure.data, figure.layout | figure.narrow)
        assert figure.label.endswith(".") and figure.caption.endswith(".")


def test_bars_are_the_inventory_in_the_colour_of_their_sign(published: Published) -> None:
    bars = {(each["name"], each["yaxis"]): each for each in figure_of(page_of(published)).data}
    calls, puts = bars["taker_flow", "y"], bars["taker_flow", "y2"]
    assert (calls["x"], calls["y"], calls["marker"]["color"]) == ([100.0], [-30.0], ["var(--negative)"])
    assert (puts["x"], puts["y"], puts["marker"]["color"]) == ([95.0], [150.0], ["var(--positive)"])
    assert bars["taker_flow_screen", "y"]["y"] == [5.0]
    assert min(bars["short_all", "y"]["y"]) < 0 < max(bars["calls_long_puts_short", "y"]["y"])


def test_every_bar_in_view_has_room(published: Published) -> None:
    figure = figure_of(page_of(published))
    for of, axis in (("y", "yaxis"), ("y2", "yaxis2")):
        low, high = figure.layout[axis]["range"]
        values = [value for each in figure.data if each["yaxis"] == of for value in each["y"]]
        assert low < min(values) and max(values) < high


def test_the_page_says_how_far_to_trust_it(published: Published) -> None:
    page = page_of(published)
    lines = " ".join(next(part for part in page.parts if isinstance(part, Points)).lines)
    for said in (
        "1 of 2 contracts would be held beyond their open interest", "1 of 2 contracts have a history without a hole",
        "4 trades are missing", "3 trades of unknown side count as nothing", "every trade since listing is known",
    ):  # fmt: skip
        assert said in lines
    above = [part for part in page.parts if isinstance(part, Table)][1]
    assert above.rows == [(PUT, "+150.0", "100.0", "1.50", "4")]


def test_the_title_and_the_models_are_told(published: Published) -> None:
    page = page_of(published)
    assert page.title == "BTC, 26 Jun 2024: dealers would be short 30 coins of calls and long 150 of puts"
    models = next(part for part in page.parts if isinstance(part, Table))
    assert [row[0] for row in models.rows] == [
        "calls_long_puts_short", "short_all", "taker_flow", "taker_flow_screen",
    ]  # fmt: skip
    assert [row[1] for row in models.rows][2:] == ["−30.0", "+5.0"]
    assert "at 26 Jun 2024 18:00 UTC" in page.subtitle


def test_without_a_chain_the_inventory_stands_alone_and_says_so(published: Published) -> None:
    page = page_of(published, "SOL")
    assert "No chain of the day says what is open" in figure_of(page).caption
    assert "not known" in as_html(page)


def test_a_scope_in_which_nothing_traded_is_told_in_words(published: Published) -> None:
    assert "There is nothing to draw" in as_html(page_of(published, scope="monthly"))
    with pytest.raises(QueryError, match="no scope 'hourly'"):
        page_of(published, scope="hourly")


def test_a_day_without_trades_is_told_in_one_line(published: Published, tmp_path: Path) -> None:
    never = date(2001, 1, 1)
    with pytest.raises(QueryError, match="no trade of BTC is known"):
        inventory_page(published, "crypto", "BTC", Window(never, never), "all")
