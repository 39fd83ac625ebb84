"""`dealerflow plot`: one figure of one underlying on a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from pipelines.looking import words
from pipelines.looking.figure import Figure
from pipelines.looking.frames import Published, View, newest_snapshot
from pipelines.looking.heatmap import heatmap_figure
from pipelines.looking.levels import levels_figure
from pipelines.looking.page import Page, Part, Table
from pipelines.looking.profile import profile_figure
from pipelines.warehouse.connection import QueryError

Kind = Literal["heatmap", "levels", "profile"]
Row = dict[str, Any]
MOST_COLUMNS = 250
_TABLE_ROWS = 12
_FILES_NAMED = 4


@dataclass(frozen=True, slots=True)
class Window:
    """Which sessions to show."""

    first: date | None = None
    last: date | None = None


def plot_page(published: Published, kind: Kind, view: View, window: Window) -> Page:
    """The page of one figure. QueryError if there is nothing in the window."""
    levels = published.levels(view, window.first, window.last)
    newest = newest_snapshot(levels)
    if newest is None:
        raise QueryError(f"no snapshot of {view.underlying} in these sessions; `dealerflow sql` shows what there is")
    rows, left = ([_telling(levels, newest)], "") if kind == "profile" else _columns(levels)
    figure = _DRAW[kind](published, view, rows)
    finding = words.finding(rows[-1]) if kind == "profile" else words.course(rows)
    period = words.period(rows[0]["session_date"], rows[-1]["session_date"])
    files = published.files(view.underlying, [row["snapshot_ts"] for row in rows])
    parts: list[Part] = [figure or _nothing(rows[-1]), key_table(rows[-_TABLE_ROWS:], view)]
    return Page(
        title=f"{view.underlying}, {period}: {finding}",
        subtitle=f"{_NAMES[kind]} of {words.scope(view.scope)}, {told_model(view.model)}. {words.SIGN}{left}",
        parts=parts,
        footer=footer(view.model, view.scope, rows, files),
        banner=simulated_banner(files),
    )


_NAMES = {
    "heatmap": "Net gamma exposure by strike and time",
    "levels": "Spot, gamma flip and walls through time",
    "profile": "Net gamma exposure over price, and by strike,",
}


def told_model(model: str) -> str:
    return f"if {words.MODELS[model]}" if model in words.MODELS else f"under the model {model}"


def simulated_banner(files: Sequence[str]) -> str | None:
    if files and all(name.startswith("simulated") for name in files):
        return "A simulated market: these numbers say nothing about any real one."
    return None


def key_table(rows: Sequence[Row], view: View) -> Table:
    """The numbers behind the picture, newest first."""
    size, word = words.scale_of([row["net_gex_usd_per_1pct"] for row in rows])
    return Table(
        caption=f"Key numbers of {view.underlying}, newest first; net GEX in {words.unit_words(word)} move of the spot",
        header=("New York time", "spot", "flip", "call wall", "put wall", "net GEX", "distance to flip"),
        rows=[
            (
                _when(row),
                words.price(row["spot"]),
                words.flip_words(row),
                words.price(row["call_wall"]),
                words.price(row["put_wall"]),
                words.in_unit(row["net_gex_usd_per_1pct"], size),
                words.percent(row["distance_to_flip_pct"], is_signed=True)
                if row["gamma_flip"] is not None
                else "no flip",
            )
            for row in reversed(rows)
        ],
    )


def _when(row: Row) -> str:
    partial = " partial" if row["is_partial"] else ""
    return f"{words.day(row['session_date'])} {words.clock(row['snapshot_ts'])}{partial}"


def footer(model: str, scope: str, rows: Sequence[Row], files: Sequence[str]) -> list[str]:
    """Model, scope, when it could be known, and from which files."""
    named = ", ".join(files[-_FILES_NAMED:]) or "not recorded"
    more = f" and {len(files) - _FILES_NAMED} more" if len(files) > _FILES_NAMED else ""
    sources = ", ".join(sorted({row["source"] for row in rows}))
    return [
        f"Dealer model {model} ({words.MODELS.get(model, 'see METHODS 5')}): an assumption, for nobody outside knows "
        f"what dealers hold. Scope: {words.scope(scope)}.",
        f"Known at {words.moment(max(row['known_at'] for row in rows))}. Source {sources}; files: {named}{more}.",
        "GEX is gamma x position x multiplier x spot² x 0.01: USD of delta that dealers must trade per 1\u00a0% move.",
    ]


def _telling(levels: pl.DataFrame, newest: Row) -> Row:
    """The last snapshot of the newest session that has figures: same-day options have none after the close."""
    same = (pl.col("session_date") == newest["session_date"]) & (pl.col("is_partial") == newest["is_partial"])
    told = levels.filter(same & (pl.col("scope_status") == "ok")).sort("snapshot_ts")
    return newest if told.is_empty() else told.row(-1, named=True)


def _columns(levels: pl.DataFrame) -> tuple[list[Row], str]:
    """The snapshots to draw, oldest first, and what was left out, in words."""
    whole = levels.filter(~pl.col("is_partial"))
    left = levels.height - whole.height
    if whole.is_empty():
        whole, left = levels, 0
    said = f" {left} partial page{'s' * (left != 1)} left out." if left else ""
    if whole.height > MOST_COLUMNS:
        is_recent = pl.col("session_date") == pl.col("session_date").max()
        is_close = pl.col("snapshot_ts") == pl.col("snapshot_ts").max().over("session_date")
        whole = whole.filter(is_recent | is_close).tail(MOST_COLUMNS)
        said += f" Of earlier sessions only the last snapshot, {MOST_COLUMNS} columns at most: narrow it with --from."
    return whole.sort("snapshot_ts").to_dicts(), said


def _profile(published: Published, view: View, rows: Sequence[Row]) -> Figure | None:
    (row,) = rows
    curve = published.curve(view, row["snapshot_ts"])
    strikes = published.strikes(view, row["snapshot_ts"])
    if row["scope_status"] != "ok" or strikes.is_empty():
        return None
    return profile_figure(row, curve, strikes, view.underlying)


def _heatmap(published: Published, view: View, rows: Sequence[Row]) -> Figure | None:
    cells = published.cells(view, [row["snapshot_ts"] for row in rows])
    return (
        None if cells["net_gex_usd_per_1pct"].drop_nulls().is_empty() else heatmap_figure(cells, rows, view.underlying)
    )


def _levels(_: Published, view: View, rows: Sequence[Row]) -> Figure | None:
    return levels_figure(rows, view.underlying)


_DRAW = {"heatmap": _heatmap, "levels": _levels, "profile": _profile}


def _nothing(row: Row) -> str:
    return f"There is nothing to draw: {words.finding(row)}."
