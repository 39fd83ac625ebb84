"""The premium tape: sums are those of the table, signs are the takers', and what is not known is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.looking.figure import Figure
from pipelines.looking.flow import flow_figure, flow_finding
from pipelines.looking.flow_page import flow_page
from pipelines.looking.frames import Published, open_published
from pipelines.looking.page import Page, Table, as_html
from pipelines.looking.plot import Window
from pipelines.looking.tape import MOST_BINS, Tape, bin_minutes, read_tape
from pipelines.settings import Paths
from pipelines.warehouse.connection import QueryError
from tests.looking.made import coin_hours, flow_row, publish

DAY = datetime(2024, 6, 26)
TODAY = Window(DAY.date(), DAY.date())
Row = dict[str, Any]


def made_flow() -> list[Row]:
    at = [DAY + timedelta(hours=hour) for hour in (1, 2, 3, 9, 23)]
    return [
        flow_row(at[0], "call", "buy", 900_000.0),
        flow_row(at[0], "call", "sell", 200_000.0),
        flow_row(at[1], "put", "buy", 100_000.0, flow_class="block"),
        flow_row(at[2], "put", "sell", 300_000.0, flow_class="combo", is_spike=True),
        flow_row(at[3], "call", "unknown", 50_000.0, flow_class="liquidation"),
        flow_row(at[4], "put", "buy", None, flow_class="screen"),
    ]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """A day of flow beside prices, one trade of it in the same day's expiry, and a US stock."""
    new_york = DAY.replace(hour=13, minute=30)  # 09:30 there
    us = {"market": "us", "underlying": "SPY", "part": "SPY.trades", "quantity_unit": "contracts"}
    stock = [flow_row(new_york + timedelta(minutes=n), "call", "buy", 1e5, **us) for n in range(390)]
    versions = [
        {"table_name": "option_trades", "market": "crypto", "part": "BTC", "session_date": DAY.date(), "v": 1,
         "is_current": True, "inputs": '[{"raw":"abc"}]'}
    ]  # fmt: skip
    more = {
        "premium_flow": made_flow() + stock,
        "zero_dte_flow": [*made_flow()[:2], flow_row(DAY.replace(hour=12), "put", "sell", 300_000.0)],
        "partition_versions": versions,
        "load_ledger": [{"raw_sha256": "abc", "original_name": "simulated_trades.jsonl.gz"}],
    }
    prices = coin_hours(DAY + timedelta(hours=1), 24, minutes=60)
    paths = publish(Paths(tmp_path_factory.mktemp("flow")), prices, more=more)
    with open_published(paths) as opened:
        yield opened


def tape_of(published: Published, *, is_same_day: bool = False) -> Tape:
    return read_tape(published, "crypto", "BTC", None, None, is_same_day=is_same_day)[0]


def page_of(published: Published, underlying: str = "BTC", *, is_same_day: bool = False) -> Page:
    market = "us" if underlying == "SPY" else "crypto"
    return flow_page(published, market, underlying, TODAY, is_same_day=is_same_day)


def shown(figure: Figure, choice: int = 0) -> dict[str, Row]:
    """The traces of a choice by name."""
    places = figure.choices[choice]["shown"] if figure.choices else range(len(figure.data))
    return {figure.data[place]["name"]: figure.data[place] for place in places}


def test_plotly_knows_every_property_of_the_tape_wide_and_narrow(published: Published) -> None:
    for is_same_day in (False, True):
        figure = flow_figure(tape_of(published, is_same_day=is_same_day))
        go.Figure(figure.data, figure.layout)
        go.Figure(figure.data, figure.layout | figure.narrow)
        assert figure.label.endswith(".") and figure.caption.endswith(".")


def test_bought_stands_above_zero_and_sold_below(published: Published) -> None:
    drawn = shown(flow_figure(tape_of(published)))
    assert [value for value in drawn["calls bought"]["y"] if value] == [900.0]
    assert [value for value in drawn["calls sold"]["y"] if value] == [-200.0]
    assert [value for value in drawn["puts sold"]["y"] if value] == [-300.0]


def test_the_running_net_is_bought_less_sold_and_ends_at_the_total(published: Published) -> None:
    drawn = shown(flow_figure(tape_of(published)))
    assert drawn["net calls"]["y"][-1] == pytest.approx(700.0)
    assert drawn["net puts"]["y"] == pytest.approx([0.0, 100.0, -200.0, -200.0, -200.0])
    assert drawn["net delta"]["y"][-1] == pytest.approx((90 - 20 - 10 + 30) / 1.0)


def test_every_class_can_be_shown_alone_and_none_is_lost(published: Published) -> None:
    figure = flow_figure(tape_of(published))
    assert [choice["name"] for choice in figure.choices] == [
        "all flow", "screen and combos: no blocks, no liquidations", "on screen only", "combos only", "blocks only",
        "liquidations only",
    ]  # fmt: skip
    whole = shown(figure)["net puts"]["y"][-1]
    assert sum(shown(figure, n)["net puts"]["y"][-1] for n in range(2, 6)) == pytest.approx(whole)
    for choice in range(1, 6):
        assert {each.get("visible", True) for each in shown(figure, choice).values()} == {True, False}  # the spot stays
    assert all(each.get("visible", True) for each in shown(figure).values())


def test_spikes_are_marked_on_their_own_bar(published: Published) -> None:
    spikes = shown(flow_figure(tape_of(published)))["spikes of puts"]
    assert spikes["y"] == [-300.0]
    assert "spikes of calls" not in shown(flow_figure(tape_of(published)))


def test_what_is_not_known_is_counted_and_in_no_sum(published: Published) -> None:
    caption = flow_figure(tape_of(published)).caption
    assert "2 trades whose taker's side is not known" in caption
    assert "Left out: 1 trade without a known premium" in caption


def test_the_title_says_what_takers_paid(published: Published) -> None:
    told = flow_finding(tape_of(published)).replace("\u00a0", " ")
    assert told == "takers paid net 700.00 thousand USD for calls and received net 200.00 thousand USD for puts"
    same_day = flow_finding(tape_of(published, is_same_day=True)).replace("\u00a0", " ")
    assert same_day.endswith("for calls and received net 300.00 thousand USD for puts")


def test_puts_share_is_of_the_hour_before(published: Published) -> None:
    drawn = shown(flow_figure(tape_of(published, is_same_day=True)))
    share = drawn["put share"]
    assert share["y"] == [0.0, 0.0, None, 100.0]
    assert share["x"][1:3] == ["2024-06-26 02:00:00", None]  # nothing to tell an hour after the last trade
    assert "put share" not in shown(flow_figure(tape_of(published)))


def test_where_the_same_days_expiry_changes_there_is_a_line(published: Published) -> None:
    figure = flow_figure(tape_of(published, is_same_day=True))
    assert [line["x0"] for line in figure.layout["shapes"]] == ["2024-06-26 08:00:00"]


def test_the_table_sums_by_class_and_the_page_names_its_files(published: Published) -> None:
    page = page_of(published)
    table = next(part for part in page.parts if isinstance(part, Table))
    assert [row[0] for row in table.rows] == ["all flow", "on screen", "combos", "blocks", "liquidations"]
    assert table.rows[0][1:5] == ["900.00", "200.00", "100.00", "300.00"] and "thousand USD" in table.caption
    assert page.banner and "simulated_trades.jsonl.gz" in page.footer[0]
    assert "by minute" in page.subtitle


def test_a_session_market_is_told_in_new_york(published: Published) -> None:
    page = page_of(published, "SPY")
    figure = next(part for part in page.parts if isinstance(part, Figure))
    assert "New York time" in figure.caption
    assert figure.data[0]["x"][0].startswith("2024-06-26 09:30:30")
    assert "rangebreaks" not in figure.layout["xaxis"] and page.banner is None


def test_nights_of_a_session_market_take_no_room(tmp_path: Path) -> None:
    us = {"market": "us", "underlying": "SPY", "part": "SPY.trades", "quantity_unit": "contracts"}
    rows = [flow_row(datetime(2024, 6, day, 15), "call", "buy", 1e5, **us) for day in (25, 26)]
    with open_published(publish(Paths(tmp_path), [], more={"premium_flow": rows})) as published:
        tape = read_tape(published, "us", "SPY", date(2024, 6, 25), date(2024, 6, 26), is_same_day=False)[0]
        assert len(flow_figure(tape).layout["xaxis"]["rangebreaks"]) == 2
        html = as_html(flow_page(published, "us", "SPY", Window(), is_same_day=False))
    assert "SPY, 26 Jun 2024" in html


def test_a_window_without_trades_is_told_in_one_line(published: Published) -> None:
    day = date(2001, 1, 1)
    with pytest.raises(QueryError, match="no trade of BTC is known on 1 Jan 2001"):
        flow_page(published, "crypto", "BTC", Window(day, day), is_same_day=False)
    with pytest.raises(QueryError, match="no underlying 'DOGE'; there are: BTC, SPY"):
        published.place("DOGE", None, "premium_flow")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40_000), st.sampled_from(["call", "put"]), st.sampled_from(["buy", "sell"]),
            st.floats(0, 1e7), st.sampled_from(["screen", "combo", "block"]),
        ),
        min_size=1, max_size=60,
    )
)  # fmt: skip
def test_bins_of_any_length_hold_what_their_minutes_hold(made: list[tuple[int, str, str, float, str]]) -> None:
    import polars as pl

    rows = pl.DataFrame(
        [
            flow_row(DAY + timedelta(minutes=minute), kind, side, premium, flow_class=of)
            for minute, kind, side, premium, of in made
        ]
    ).with_columns(pl.col("minute_ts").cast(pl.Datetime("us")), at=pl.col("minute_ts").cast(pl.Datetime("us")))
    minutes = bin_minutes(rows)
    tape = Tape("BTC", "crypto", rows, pl.DataFrame({"at": [], "spot": []}), minutes, is_same_day=False)
    bins = tape.bins(tape.classes)
    assert bins["bin"].is_sorted() and bins.height <= MOST_BINS + 1
    for kind in ("call", "put"):
        signed = [p if side == "buy" else -p for _, of, side, p, _ in made if of == kind]
        assert bins[f"{kind}_net"][-1] == pytest.approx(sum(signed), abs=1e-3)
    assert bins["trades"].sum() == 2 * len(made)
