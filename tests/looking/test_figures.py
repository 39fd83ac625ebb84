"""Figures show what the tables hold: true values, gaps for nulls, words for what is unknown."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.looking.figure import Figure
from pipelines.looking.frames import newest_snapshot, open_published
from pipelines.looking.heatmap import colour_limit, core, heatmap_figure, row_edges
from pipelines.looking.levels import levels_figure
from pipelines.looking.profile import profile_figure
from pipelines.looking.rolloff import MOST_EXPIRIES, rolloff_figure, rolloff_finding
from pipelines.settings import Paths
from tests.looking.made import STRIKES, Snapshot, publish, week

Row = dict[str, Any]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """An index with a jump, and one whose days are all odd: no flip, several flips, a partial page."""
    index = week()
    index[3] = Snapshot(index[3].moment, spot=101.0, jump_at=103.0)
    odd = week("ODD", flip=None, flip_status="no_sign_change")
    odd[1] = Snapshot(odd[1].moment, "ODD", 100.5, 101.0, "several")
    odd[2] = Snapshot(odd[2].moment, "ODD", 101.5, is_partial=True)
    odd[3] = Snapshot(odd[3].moment, "ODD", 101.0, scope_status="no_open_interest", flip=None)
    return publish(Paths(tmp_path_factory.mktemp("market")), [*index, *odd])


def rows_of(market: Paths, underlying: str) -> list[Row]:
    with open_published(market) as published:
        return published.levels(published.view(underlying, None, "all")).to_dicts()


def heatmap_of(market: Paths, underlying: str) -> tuple[Figure, pl.DataFrame]:
    with open_published(market) as published:
        view = published.view(underlying, None, "all")
        rows = published.levels(view).to_dicts()
        cells = published.cells(view, [row["snapshot_ts"] for row in rows])
    return heatmap_figure(cells, rows, underlying), cells


def profile_of(market: Paths, underlying: str, model: str | None = None, at: int = -1) -> Figure:
    with open_published(market) as published:
        view = published.view(underlying, model, "all")
        row = published.levels(view).row(at, named=True)
        curve, strikes = published.curve(view, row["snapshot_ts"]), published.strikes(view, row["snapshot_ts"])
    return profile_figure(row, curve, strikes, underlying)


def rolloff_of(market: Paths) -> pl.DataFrame:
    with open_published(market) as published:
        view = published.view("SPX", None, "all")
        row = newest_snapshot(published.levels(view))
        assert row is not None
        return published.rolloff(view, row["snapshot_ts"])


def named(figure: Figure, name: str, kind: str | None = None) -> Row:
    found = [each for each in figure.data if each["name"] == name and kind in (None, each["type"])]
    return found[-1]


# --- all figures ---


@pytest.mark.parametrize("underlying", ["SPX", "ODD"])
def test_plotly_knows_every_property_of_every_figure_wide_and_narrow(market: Paths, underlying: str) -> None:
    figures = [
        heatmap_of(market, underlying)[0], levels_figure(rows_of(market, underlying), underlying),
        profile_of(market, underlying), rolloff_figure(rolloff_of(market)),
    ]  # fmt: skip
    for figure in figures:
        go.Figure(figure.data, figure.layout)
        go.Figure(figure.data, figure.layout | figure.narrow)
        assert figure.label.endswith(".") and figure.caption.endswith(".")


def test_an_underlying_named_like_markup_stays_text_in_every_figure(market: Paths) -> None:
    rows = rows_of(market, "SPX")
    for figure in (levels_figure(rows, "<b>X</b>"), heatmap_of(market, "SPX")[0]):
        assert all("<b>X" not in note["text"] for note in figure.layout["annotations"])


# --- heatmap ---


def test_every_cell_of_the_heatmap_is_the_value_of_the_table(market: Paths) -> None:
    figure, cells = heatmap_of(market, "SPX")
    heat = named(figure, "net GEX", "heatmap")
    snapshots = cells["snapshot_ts"].unique().sort().to_list()
    shown = {}
    for low, high, values in zip(heat["y"], heat["y"][1:], heat["z"], strict=False):
        for x, value in enumerate(values):
            if value is not None:
                (strike,) = [each for each in STRIKES if low < each < high]
                shown[snapshots[x], float(strike)] = value
    wanted = {
        (cell["snapshot_ts"], cell["strike"]): cell["net_gex_usd_per_1pct"] for cell in cells.iter_rows(named=True)
    }
    assert shown
    for key, value in shown.items():
        assert value * 1e6 == pytest.approx(wanted[key], rel=1e-3)


def test_colours_are_centred_at_zero_and_end_where_the_caption_says(market: Paths) -> None:
    figure, cells = heatmap_of(market, "SPX")
    heat = named(figure, "net GEX", "heatmap")
    assert heat["zmin"] == -heat["zmax"] and heat["zmid"] == 0
    limit = colour_limit(cells["net_gex_usd_per_1pct"])
    assert f"ends at ±{heat['zmax']:,.3g}" in heat["colorbar"]["title"]["text"]
    beyond = sum(abs(value) > 1.001 * heat["zmax"] for values in heat["z"] for value in values if value is not None)
    assert f"{beyond} of " in figure.caption
    assert 0 < limit <= cells["net_gex_usd_per_1pct"].abs().max()


def test_a_single_huge_strike_does_not_wash_out_the_others() -> None:
    sizes = pl.Series([1.0, -2.0, 3.0] * 100 + [1e6])
    assert colour_limit(sizes) == pytest.approx(3.0)


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [None, None]])
def test_colours_survive_a_heatmap_of_nothing(values: list[float | None]) -> None:
    assert colour_limit(pl.Series(values, dtype=pl.Float64)) == 1.0


def test_a_cell_says_its_strike_change_and_open_interest(market: Paths) -> None:
    figure, _ = heatmap_of(market, "SPX")
    texts = [text for line in named(figure, "net GEX", "heatmap")["text"] for text in line if text]
    assert "<b>strike 100</b>, 17 Jun 2024, 16:00 New York" in texts[len(texts) // 2 - len(texts) // 2 % 6]
    assert all("change −1.50\u00a0mn" in text and "open interest 3,600" in text for text in texts)


def test_jumps_are_marked_where_they_happened(market: Paths) -> None:
    jump = named(heatmap_of(market, "SPX")[0], "jump")
    assert (jump["x"], jump["y"]) == ([3], [103.0])


def test_a_snapshot_without_open_interest_leaves_its_column_empty(market: Paths) -> None:
    heat = named(heatmap_of(market, "ODD")[0], "net GEX", "heatmap")
    assert {values[3] for values in heat["z"]} == {None}
    assert any(values[4] is not None for values in heat["z"])


def test_walls_flip_and_price_lie_over_the_cells(market: Paths) -> None:
    figure, _ = heatmap_of(market, "SPX")
    assert named(figure, "spot")["y"] == [100.0, 100.5, 101.5, 101.0, 100.2, 97.8]
    assert set(named(figure, "call wall")["y"]) == {104.0}
    low, high = figure.layout["yaxis"]["range"]
    assert low < 97.8 and high > 104


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=40, unique=True), st.floats(0.5, 200))
def test_rows_never_overlap_and_hold_their_own_strike(places: list[int], tallest: float) -> None:
    strikes = [float(place) for place in sorted(places)]
    edges, owners = row_edges(strikes, tallest)
    assert len(edges) == len(owners) + 1
    assert all(a < b for a, b in pairwise(edges))
    assert [owner for owner in owners if owner is not None] == strikes
    for (low, high), owner in zip(pairwise(edges), owners, strict=True):
        if owner is not None:
            assert low < owner < high and high - low <= tallest * 1.001 + 1e-5


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(-1e9, 1e9)), min_size=1, max_size=50), st.floats(0.5, 0.99))
def test_the_core_holds_its_share_of_the_gamma(cells: list[tuple[int, float]], share: float) -> None:
    strikes, sizes = pl.Series([float(strike) for strike, _ in cells]), pl.Series([size for _, size in cells])
    total = sizes.abs().sum()
    ends = core(strikes, sizes, share)
    if ends:
        held = sizes.filter(strikes.is_between(ends[0], ends[1])).abs().sum()
        assert held >= (share - 1e-6) * total
    else:
        assert total == 0


# --- levels ---


def test_a_null_flip_is_a_gap_and_the_hover_says_why(market: Paths) -> None:
    figure = levels_figure(rows_of(market, "ODD"), "ODD")
    flip = named(figure, "flip")
    assert flip["connectgaps"] is False
    assert sorted({value for value in flip["y"] if value is not None}) == [99.0, 101.0]
    cards = named(figure, "spot")["text"]
    assert "no flip within the prices searched" in cards[0]
    assert "101 (several flips)" in cards[1]
    assert "partial page" in cards[2]
    assert "no open interest" in cards[3] and "net GEX not known" in cards[3]
    assert "of 6 snapshots have no flip" in figure.caption


def test_the_band_lies_around_the_flip_and_only_where_there_is_one(market: Paths) -> None:
    band = named(levels_figure(rows_of(market, "SPX"), "SPX"), "band of the flip")
    assert {value for value in band["y"] if value is not None} == {98.5, 99.5}
    rows = [row | {"gamma_flip_low": None, "gamma_flip_high": None} for row in rows_of(market, "SPX")]
    assert all(each["name"] != "band of the flip" for each in levels_figure(rows, "SPX").data)


def test_bars_have_the_colour_of_their_sign_and_nulls_none(market: Paths) -> None:
    bars = named(levels_figure(rows_of(market, "SPX"), "SPX"), "net GEX", "bar")
    assert [value > 0 for value in bars["y"]] == [True] * 5 + [False]
    assert bars["marker"]["color"] == ["var(--positive)"] * 5 + ["var(--negative)"]
    assert named(levels_figure(rows_of(market, "ODD"), "ODD"), "net GEX", "bar")["y"][3] is None


def test_the_newest_values_stand_at_the_right_end(market: Paths) -> None:
    figure = levels_figure(rows_of(market, "SPX"), "SPX")
    texts = {note["text"] for note in figure.layout["annotations"]}
    assert {"spot 97.80", "flip 99", "call wall 104", "put wall 97"} <= texts


def test_the_label_tells_the_course_in_words(market: Paths) -> None:
    label = levels_figure(rows_of(market, "SPX"), "SPX").label
    assert label == "Levels through time: since 25 Jun dealers amplify moves below 99."


def test_levels_of_unknown_prices_can_be_drawn() -> None:
    unknown = "gamma_flip gamma_flip_low gamma_flip_high gamma_flip_status call_wall put_wall net_gex_usd_per_1pct spot"
    row: Row = dict.fromkeys(unknown.split())
    row |= {"market": "us", "snapshot_ts": week()[0].moment, "session_date": date(2024, 6, 17), "is_partial": False}
    figure = levels_figure([row | {"scope_status": "empty"}], "X")
    go.Figure(figure.data, figure.layout)
    assert "no live contracts" in figure.label


# --- profile ---


def test_calls_stand_above_puts_below_and_the_dots_are_their_sum(market: Paths) -> None:
    figure = profile_of(market, "SPX")
    calls, puts, net = (named(figure, name) for name in ("calls", "puts", "net"))
    assert all(value >= 0 for value in calls["y"]) and all(value <= 0 for value in puts["y"])
    sums = dict(zip(calls["x"], (a + b for a, b in zip(calls["y"], puts["y"], strict=True)), strict=True))
    assert net["x"]
    for strike, value in zip(net["x"], net["y"], strict=True):
        assert value == pytest.approx(sums[strike], rel=5e-3)


def test_under_the_short_model_all_gamma_lies_below(market: Paths) -> None:
    figure = profile_of(market, "SPX", "short_all")
    assert all(value <= 0 for name in ("calls", "puts") for value in named(figure, name)["y"])


def test_bars_never_overlap(market: Paths) -> None:
    calls = named(profile_of(market, "SPX"), "calls")
    edges = [(x - width / 2, x + width / 2) for x, width in zip(calls["x"], calls["width"], strict=True)]
    assert all(before[1] <= after[0] for before, after in pairwise(edges))


def test_every_root_is_drawn_and_the_nearest_is_the_flip(market: Paths) -> None:
    figure = profile_of(market, "ODD", at=1)
    texts = [note["text"] for note in figure.layout["annotations"]]
    assert [text for text in texts if "flip" in text] == ["flip 101"]
    assert named(figure, "roots")["x"] == [95.0, 101.0]
    assert "The curve crosses zero at 95, 101: rings." in figure.caption


def test_very_many_roots_do_not_crowd_the_picture(market: Paths) -> None:
    with open_published(market) as published:
        view = published.view("SPX", None, "all")
        row = published.levels(view).row(-1, named=True) | {"gamma_flips": [90.0 + n for n in range(20)]}
        curve, strikes = published.curve(view, row["snapshot_ts"]), published.strikes(view, row["snapshot_ts"])
    figure = profile_figure(row, curve, strikes, "SPX")
    assert sum("flip" in note["text"] for note in figure.layout["annotations"]) == 1
    assert "and at 14 more prices" in figure.caption and len(named(figure, "roots")["x"]) == 20


def test_without_a_flip_no_flip_is_drawn(market: Paths) -> None:
    figure = profile_of(market, "ODD")
    assert not any("flip" in note["text"] for note in figure.layout["annotations"])
    assert "band" not in figure.caption


def test_names_of_levels_do_not_cover_one_another(market: Paths) -> None:
    notes = [n for n in profile_of(market, "SPX").layout["annotations"] if n.get("xref") == "x"]
    low, high = profile_of(market, "SPX").layout["xaxis"]["range"]
    assert len(notes) >= 4
    for one, other in pairwise(sorted(notes, key=lambda note: note["x"])):
        assert one["yshift"] != other["yshift"] or other["x"] - one["x"] >= 0.29 * (high - low)


def test_a_profile_without_a_curve_still_shows_the_chain(market: Paths) -> None:
    with open_published(market) as published:
        view = published.view("SPX", None, "all")
        row = published.levels(view).row(-1, named=True)
        strikes = published.strikes(view, row["snapshot_ts"])
        empty = published.curve(view, row["snapshot_ts"]).clear()
    figure = profile_figure(row, empty, strikes, "SPX")
    go.Figure(figure.data, figure.layout)
    assert {each["name"] for each in figure.data} == {"calls", "puts", "net"}


# --- roll-off ---


def expiries(count: int) -> pl.DataFrame:
    days = [date(2024, 7, 1).toordinal() + 7 * n for n in range(count)]
    gross = [float(n % 5 + 1) * 1e9 for n in range(count)]
    return pl.DataFrame(
        {
            "expiry_date": [date.fromordinal(day) for day in days],
            "days_to_expiry": [7 * n for n in range(count)],
            "gross_gex_usd_per_1pct": gross,
            "net_gex_usd_per_1pct": [size * (-1) ** n for n, size in enumerate(gross)],
            "gross_share_frac": [size / sum(gross) for size in gross],
            "is_opex": [n % 4 == 2 for n in range(count)],
        }
    )


def test_the_largest_expiries_are_drawn_in_the_order_of_their_dates() -> None:
    figure = rolloff_figure(expiries(40))
    gross = named(figure, "gross")
    assert len(gross["y"]) == MOST_EXPIRIES
    dates = [text.split("</b>")[0] for text in gross["text"]]
    assert len(set(dates)) == MOST_EXPIRIES
    assert f"{40 - MOST_EXPIRIES} smaller expiries are left out" in figure.caption
    assert len(figure.layout["xaxis"]["tickvals"]) <= 12
    assert len(figure.narrow["xaxis"]["tickvals"]) <= 4


def test_the_finding_tells_what_goes_within_a_week() -> None:
    told = rolloff_finding(expiries(5)).replace("\u00a0", " ")
    assert told == "20.0 % of all gamma expires within 7 days; the largest expiry, 29 Jul 2024, holds 33.3 %"


def test_expiries_without_gamma_are_told_in_words() -> None:
    unknown = expiries(3).with_columns(
        pl.lit(None, pl.Float64).alias(name)
        for name in ("gross_gex_usd_per_1pct", "net_gex_usd_per_1pct", "gross_share_frac")
    )
    assert rolloff_finding(unknown) == "no gamma by expiry is known"
    go.Figure(rolloff_figure(unknown).data)
