"""`dealerflow plot`: one figure of one underlying on a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import polars as pl

from pipelines.looking import thin, words
from pipelines.looking.figure import Figure
from pipelines.looking.frames import Published, View, newest_snapshot
from pipelines.looking.heatmap import heatmap_figure
from pipelines.looking.levels import levels_figure
from pipelines.looking.page import Page, Part, Table
from pipelines.looking.profile import profile_figure
from pipelines.warehouse.connection import QueryError

Kind = Literal["heatmap", "levels", "profile"]
Row = dict[str, Any]
_TABLE_ROWS = 12
_DAYS_BACK = 31
_FILES_NAMED = 4


@dataclass(frozen=True, slots=True)
class Window:
    """Which sessions to show."""

    first: date | None = None
    last: date | None = None


def plot_page(published: Published, kind: Kind, view: View, window: Window) -> Page:
    """The page of one figure. QueryError if there is nothing in the window."""
    window, limited = _limited(published, view, window)
    levels = published.levels(view, window.first, window.last)
    newest = newest_snapshot(levels)
    if newest is None:
        raise QueryError(f"no snapshot of {view.underlying} in these sessions; `dealerflow sql` shows what there is")
    if kind == "profile":
        rows, left = [_telling(published, view, levels, newest)], ""
    else:
        rows, left = thin.columns(levels, view.market)
        left = limited + left
    figure = _DRAW[kind](published, view, rows)
    finding = words.finding(rows[-1]) if kind == "profile" else words.course(rows)
    period = words.period(rows[0]["session_date"], rows[-1]["session_date"])
    snapshots = [row["snapshot_ts"] for row in rows]
    files = published.files(view, snapshots)
    others = published.other_defaults(view, snapshots)
    parts: list[Part] = [figure or _nothing(rows[-1]), key_table(rows[-_TABLE_ROWS:], view)]
    return Page(
        title=f"{view.underlying}, {period}: {finding}",
        subtitle=(
            f"{_NAMES[kind]} of {words.scope(view.scope, view.market)}, {told_model(view.model)}. {words.SIGN}{left}"
            f"{_other_defaults(others, len(rows))}"
        ),
        parts=parts,
        footer=footer(view.model, view.scope, rows, files),
        banner=simulated_banner(files),
    )


def _limited(published: Published, view: View, window: Window) -> tuple[Window, str]:
    """Without any dates, of a market that never closes the last month: years of it would be a day a column."""
    if words.zone(view.market) != words.UTC or window != Window():
        return window, ""
    first, last = published.sessions(view)
    start = last - timedelta(days=_DAYS_BACK - 1)
    return (
        (window, "") if start <= first else (Window(start), f" The last {_DAYS_BACK} days; --from shows earlier ones.")
    )


def _other_defaults(others: int, count: int) -> str:
    """That a picture of one model crosses a change of the venue's default."""
    return f" At {others:,} of {count:,} snapshots another model is the venue's default." if others else ""


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
    zone = words.zone(view.market)
    return Table(
        caption=f"Key numbers of {view.underlying}, newest first; net GEX in {words.unit_words(word)} move of the spot",
        header=(words.time_words(zone), "spot", "flip", "call wall", "put wall", "net GEX", "distance to flip"),
        rows=[
            (
                words.dated_clock(row["snapshot_ts"], zone) + (" partial" if row["is_partial"] else ""),
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


def footer(model: str, scope: str, rows: Sequence[Row], files: Sequence[str]) -> list[str]:
    """Model, scope, when it could be known, and from which files."""
    named = ", ".join(files[-_FILES_NAMED:]) or "not recorded"
    more = f" and {len(files) - _FILES_NAMED} more" if len(files) > _FILES_NAMED else ""
    sources = ", ".join(sorted({row["source"] for row in rows}))
    return [
        f"Dealer model {model} ({words.MODELS.get(model, 'see METHODS 5')}): an assumption, for nobody outside knows "
        f"what dealers hold. Scope: {words.scope(scope, rows[-1]['market'])}.",
        f"Known at {words.moment(max(row['known_at'] for row in rows))}. Source {sources}; files: {named}{more}.",
        "GEX is gamma x position x multiplier x spot² x 0.01: USD of delta that dealers must trade per 1\u00a0% move.",
    ]


def _telling(published: Published, view: View, levels: pl.DataFrame, newest: Row) -> Row:
    """The last snapshot of the newest session that has figures, and among these the last whose profile is kept.

    Same-day options of a session have no figures after the close; coin venues keep a profile an hour.
    """
    same = (pl.col("session_date") == newest["session_date"]) & (pl.col("is_partial") == newest["is_partial"])
    told = levels.filter(same & (pl.col("scope_status") == "ok")).sort("snapshot_ts")
    if told.is_empty():
        return newest
    last = told.row(-1, named=True)
    kept = published.curve_snapshot(view, last["session_date"], last["snapshot_ts"])
    with_curve = told.filter(pl.col("snapshot_ts") == kept) if kept else told.clear()
    return last if with_curve.is_empty() else with_curve.row(-1, named=True)


def _profile(published: Published, view: View, rows: Sequence[Row]) -> Figure | None:
    (row,) = rows
    curve = published.curve(view, row["snapshot_ts"])
    strikes = published.strikes(view, row["snapshot_ts"])
    if row["scope_status"] != "ok" or strikes.is_empty():
        return None
    return profile_figure(row, curve, strikes, view.underlying)


def _heatmap(published: Published, view: View, rows: Sequence[Row]) -> Figure | None:
    snapshots = [row["snapshot_ts"] for row in rows]
    cells = published.cells(view, snapshots)
    if cells["net_gex_usd_per_1pct"].drop_nulls().is_empty():
        return None
    is_all_drawn = (
        words.zone(view.market) != words.UTC
    )  # between the columns of a session market jumps are its own day's
    jumps = None if is_all_drawn else published.jumps(view, snapshots[0], snapshots[-1])
    return heatmap_figure(cells, rows, view.underlying, jumps)


def _levels(_: Published, view: View, rows: Sequence[Row]) -> Figure | None:
    return levels_figure(rows, view.underlying)


_DRAW = {"heatmap": _heatmap, "levels": _levels, "profile": _profile}


def _nothing(row: Row) -> str:
    return f"There is nothing to draw: {words.finding(row)}."
