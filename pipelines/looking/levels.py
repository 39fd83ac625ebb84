"""Levels through time: spot, flip with its band, walls, and net gamma below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.looking import words
from pipelines.looking.figure import (
    BAND,
    BREAK_NOTE,
    CALL_WALL,
    FLIP,
    INK,
    NEGATIVE,
    POSITIVE,
    PUT_WALL,
    SURFACE,
    Columns,
    Figure,
    Json,
    axis,
    layout,
    line,
    note,
    panel_title,
    plain,
    room_for,
    spread,
    trace,
)

Row = dict[str, Any]
HEIGHT = 560
_PRICES, _TOTALS = [0.3, 1.0], [0.0, 0.22]
_MANY_COLUMNS = 60
LINES = (  # name, column, colour, dash, width: the put wall shows inside the call wall where both are one strike
    ("call wall", "call_wall", CALL_WALL, "dot", 4.0),
    ("put wall", "put_wall", PUT_WALL, "dot", 2.0),
    ("flip", "gamma_flip", FLIP, "dash", 2.2),
)


def columns_of(rows: Sequence[Row]) -> Columns:
    zone = words.zone(rows[0]["market"]) if rows else words.UTC
    return Columns([row["snapshot_ts"] for row in rows], [row["session_date"] for row in rows], zone)


def levels_figure(rows: Sequence[Row], underlying: str) -> Figure:
    """`rows`: one a snapshot, oldest first, as `key_levels` with net GEX."""
    columns = columns_of(rows)
    unit = words.scale_of([row["net_gex_usd_per_1pct"] for row in rows])
    shown = [*(row["spot"] for row in rows), *(row[name] for row in rows for _, name, _, _, _ in LINES)]
    bounds = price_range([value for value in shown if value is not None])
    data = [*_band(columns, rows), *price_lines(columns, rows), spot_line(columns, rows), *totals(columns, rows, unit)]
    frame = layout(
        HEIGHT,
        hovermode="x",
        hoverdistance=-1,  # the whole width of a column speaks, not only the points in it
        xaxis=columns.x_axis(anchor="y2"),
        yaxis=axis(domain=_PRICES, range=bounds, tickformat=",~r"),
        yaxis2=totals_axis(_TOTALS),
        shapes=columns.separators(),
        annotations=[
            panel_title(f"{plain(underlying)}, USD", _PRICES),
            panel_title(f"net GEX, {words.unit_words(unit[1])}", _TOTALS),
            *end_labels(rows[-1], bounds, HEIGHT * 0.6),
            *columns.break_notes(),
        ],
    )
    frame["margin"] = frame["margin"] | {"l": room_for(bounds)}
    return Figure(
        data, frame, f"Levels through time: {words.course(rows)}.", caption(rows), narrow(frame, columns)
    )  # fmt: skip


def caption(rows: Sequence[Row]) -> str:
    none = sum(row["gamma_flip"] is None for row in rows)
    missing = f" {none} of {len(rows)} snapshots have no flip: the line has a gap there." if none else ""
    return (
        "Solid: spot. Dashed: gamma flip, with its band from bumped volatilities and carry. Dotted: call wall and put "
        f"wall. Below: net gamma exposure of the whole scope.{missing} Point at a column for all its numbers."
    )


def price_range(values: Sequence[float]) -> list[float]:
    if not values:
        return [0.0, 1.0]
    low, high = min(values), max(values)
    margin = max(0.06 * (high - low), 0.002 * high)
    return [low - margin, high + margin]


def price_lines(columns: Columns, rows: Sequence[Row], *, is_over_cells: bool = False) -> list[Json]:
    """Walls and flip. Over cells the flip gets a halo and the walls are thin, for theirs are the very cells to see."""
    found = []
    for name, column, colour, dash, width in LINES:
        values = [row[column] for row in rows]
        # A flip moves with every snapshot: of very many, steps would leave nothing but dots.
        is_line = name == "flip" and len(columns) > _MANY_COLUMNS
        points = columns.line(values) if is_line else columns.steps(values)
        if is_over_cells and name == "flip":
            found.append(line(name, points, SURFACE, width=5))
        is_thin = is_over_cells and name != "flip"
        found.append(line(name, points, INK if is_thin else colour, dash=dash, width=1.3 if is_thin else width))
    return found


def spot_line(columns: Columns, rows: Sequence[Row]) -> Json:
    points = columns.line([row["spot"] for row in rows])
    told = cards(columns, rows)
    return trace(
        "scatter", "spot", mode="lines+markers" if len(columns) <= 80 else "lines",
        text=[told[int(x)] if float(x).is_integer() else None for x in points["x"]],
        hovertemplate="%{text}<extra></extra>",
        line={"color": INK, "width": 2.5}, marker={"size": 6, "color": INK, "line": {"color": SURFACE, "width": 1}},
        **points,
    )  # fmt: skip


def cards(columns: Columns, rows: Sequence[Row]) -> list[str]:
    return [card(columns.title(n), row) for n, row in enumerate(rows)]


def card(title: str, row: Row) -> str:
    """Everything about one snapshot."""
    band = (
        f" (band {words.price(row['gamma_flip_low'])} to {words.price(row['gamma_flip_high'])})"
        if row["gamma_flip_low"] is not None
        else ""
    )
    told = [
        f"<b>{title}</b>",
        f"spot {words.price(row['spot'])}",
        f"flip {plain(words.flip_words(row))}{band}",
        f"call wall {words.price(row['call_wall'])} · put wall {words.price(row['put_wall'])}",
        f"net GEX {words.dollars(row['net_gex_usd_per_1pct'])} {words.PER_1PCT}",
    ]
    return "<br>".join([*told, "partial page"] if row["is_partial"] else told)


def totals(columns: Columns, rows: Sequence[Row], unit: tuple[float, str]) -> list[Json]:
    """Net GEX of each snapshot as a bar; a null leaves its place empty."""
    values = [words.scaled(row["net_gex_usd_per_1pct"], unit[0]) for row in rows]
    return [
        trace(
            "bar", "net GEX", x=list(range(len(columns))), y=values, yaxis="y2", text=cards(columns, rows),
            textposition="none", hovertemplate="%{text}<extra></extra>",
            marker={"color": [POSITIVE if (value or 0) > 0 else NEGATIVE for value in values]},
        )
    ]  # fmt: skip


def totals_axis(domain: list[float]) -> Json:
    return axis(domain=domain, zeroline=True, nticks=4, tickformat=",~r")


def end_labels(row: Row, bounds: list[float], height: float, *, font: int = 12) -> list[Json]:
    """The newest values, in words at the right end of their lines."""
    named = [("spot", "spot", INK), *((name, column, colour) for name, column, colour, _, _ in LINES)]
    inside = [
        (name, row[column], colour)
        for name, column, colour in named
        if row[column] is not None and bounds[0] <= row[column] <= bounds[1]
    ]
    gap = (bounds[1] - bounds[0]) * 17 / height
    places = spread([value for _, value, _ in inside], gap)
    return [
        note(
            f"{name} {words.price(value, is_rough=True)}", x=1, xref="paper", xanchor="left", xshift=6, y=place,
            yref="y", yanchor="middle", font={"size": font, "color": colour},
        )
        for (name, value, colour), place in zip(inside, places, strict=True)
    ]  # fmt: skip


def narrow(frame: Json, columns: Columns) -> Json:
    """For a telephone: fewer ticks, smaller words, more room for the picture."""
    kept = [item for item in frame["annotations"] if item.get("name") != BREAK_NOTE]
    small = [item | {"font": item["font"] | {"size": 10}} for item in kept]
    return {
        "margin": frame["margin"] | {"l": frame["margin"]["l"] - 4, "r": 92},
        "xaxis": frame["xaxis"] | columns.narrow_ticks(),
        "annotations": small,
        "dragmode": False,
    }


def _band(columns: Columns, rows: Sequence[Row]) -> list[Json]:
    low = columns.steps([row["gamma_flip_low"] for row in rows])
    high = columns.steps([row["gamma_flip_high"] for row in rows])
    if all(value is None for value in low["y"]):
        return []
    # Plotly fills the area of a line against itself: up along the highs, back along the lows, stretch by stretch.
    xs: list[float | None] = []
    ys: list[float | None] = []
    for start, end in _stretches(low["y"]):
        xs += [*low["x"][start:end], *reversed(high["x"][start:end]), None]
        ys += [*low["y"][start:end], *reversed(high["y"][start:end]), None]
    style = {"mode": "lines", "fill": "toself", "fillcolor": BAND, "line": {"width": 0}}
    return [trace("scatter", "band of the flip", x=xs, y=ys, hoverinfo="skip", **style)]


def _stretches(values: Sequence[float | None]) -> list[tuple[int, int]]:
    """From where to where values follow one another without a gap."""
    found, start = [], None
    for n, value in enumerate([*values, None]):
        if value is not None and start is None:
            start = n
        elif value is None and start is not None:
            found.append((start, n))
            start = None
    return found
