"""The strike x time heatmap of net gamma, with the price, the flip and the walls over it."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.looking import words
from pipelines.looking.figure import (
    DIVERGING,
    INK,
    MUTED,
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
    trace,
)
from pipelines.looking.levels import (
    Row,
    columns_of,
    end_labels,
    narrow,
    price_lines,
    spot_line,
    totals,
    totals_axis,
)

HEIGHT = 680
CLIP_QUANTILE = 0.98
MOST_JUMPS = 120
_BLANK_SHARE = 0.03  # of the columns: a narrower stretch has no room for a word
_CELLS, _TOTALS = [0.25, 1.0], [0.0, 0.17]
_DRAWN_SHARE, _SEEN_SHARE = 0.99, 0.6  # of the gamma: what the strikes drawn, and those first in view, hold


@dataclass(frozen=True, slots=True)
class Grid:
    """Strikes x snapshots; null where the strike was not listed or has no volatility.

    A cell is no taller than its neighbours near the price: a lone far strike must not look larger than it is. Hence
    `edges`, one more than rows, and empty rows between strikes that lie apart.
    """

    edges: list[float]
    net: list[list[float | None]]
    texts: list[list[str | None]]


def heatmap_figure(
    cells: pl.DataFrame, rows: Sequence[Row], underlying: str, jumps: pl.DataFrame | None = None
) -> Figure:
    """`cells` as in `exposure_heatmap`, `rows` as in `key_levels` with net GEX, of the same snapshots.

    `jumps`: the cells that jumped, also those of snapshots between the columns; None for those of `cells`.
    """
    columns = columns_of(rows)
    spots = [row["spot"] for row in rows if row["spot"] is not None]
    drawn = _drawn(cells, spots)
    known = drawn["net_gex_usd_per_1pct"].drop_nulls()
    limit = colour_limit(known)
    unit = words.scale_of([limit])
    bounds = _first_view(drawn, rows, spots)
    grid = _grid(drawn, columns, unit, _tallest(drawn, rows, bounds))
    marks = Jumps.of(drawn.filter("is_jump") if jumps is None else jumps, columns)
    total_unit = words.scale_of([row["net_gex_usd_per_1pct"] for row in rows])
    frame = layout(
        HEIGHT,
        xaxis=columns.x_axis(anchor="y2"),
        yaxis=axis(domain=_CELLS, range=bounds, showgrid=False, tickformat=",~r"),
        yaxis2=totals_axis(_TOTALS),
        shapes=columns.separators(),
        annotations=[
            panel_title(f"{plain(underlying)} strike, USD", _CELLS),
            panel_title(f"net GEX of all strikes, {words.unit_words(total_unit[1])}", _TOTALS),
            *end_labels(rows[-1], bounds, HEIGHT * 0.55),
            *columns.break_notes(),
            *_blank_notes(rows),
        ],
    )
    frame["margin"] = frame["margin"] | {"b": 116, "l": room_for(bounds)}
    data = [
        _cells_trace(grid, columns, limit / unit[0], unit),
        *price_lines(columns, rows, is_over_cells=True),
        line("spot", columns.line([row["spot"] for row in rows]), SURFACE, width=5),
        spot_line(columns, rows),
        *marks.traces(),
        *totals(columns, rows, total_unit),
    ]
    return Figure(
        data, frame, f"Heatmap of net gamma by strike and time: {words.course(rows)}.",
        _caption(known, limit, marks, columns, cells["strike"].n_unique() - drawn["strike"].n_unique()),
        narrow(frame, columns),
    )  # fmt: skip


def colour_limit(values: pl.Series) -> float:
    """Where the colours end: a quantile of the sizes other than zero, so that one strike cannot wash out the rest."""
    sizes = values.abs().filter(values != 0)
    limit = sizes.quantile(CLIP_QUANTILE, "linear") if len(sizes) else None
    return limit or 1.0


def core(strikes: pl.Series, sizes: pl.Series, share: float) -> list[float]:
    """The lowest and highest strike between which this share of all gamma lies, as much left out below as above."""
    sums = pl.DataFrame({"strike": strikes, "size": sizes.abs().fill_null(0.0)}).group_by("strike").sum().sort("strike")
    total = sums["size"].sum()
    if not total:
        return []
    below = sums["size"].cum_sum() / total
    inside = sums.filter((below >= (1 - share) / 2) & (below - sums["size"] / total <= (1 + share) / 2))["strike"]
    return [inside[0], inside[-1]]


def _drawn(cells: pl.DataFrame, spots: list[float]) -> pl.DataFrame:
    ends = core(cells["strike"], cells["net_gex_usd_per_1pct"], _DRAWN_SHARE)
    return cells.filter(pl.col("strike").is_between(min([*ends, *spots]), max([*ends, *spots]))) if ends else cells


def _first_view(cells: pl.DataFrame, rows: Sequence[Row], spots: list[float]) -> list[float]:
    """The prices that matter: most of the gamma, every spot, and the levels among the strikes drawn."""
    strikes = cells["strike"].unique().to_list() or [0.0, 1.0]
    drawn = [min(strikes), max(strikes)]
    levels = [row[name] for row in rows for name in ("gamma_flip", "call_wall", "put_wall") if row[name] is not None]
    wanted = [
        *core(cells["strike"], cells["net_gex_usd_per_1pct"], _SEEN_SHARE),
        *(spot * 0.985 for spot in spots),
        *(spot * 1.015 for spot in spots),
        *(value for value in levels if drawn[0] <= value <= drawn[1]),
    ] or drawn
    margin = 0.01 * (max(wanted) - min(wanted))
    return [min(wanted) - margin, max(wanted) + margin]


def _grid(cells: pl.DataFrame, columns: Columns, unit: tuple[float, str], tallest: float) -> Grid:
    strikes = cells["strike"].unique().sort().to_list()
    column_of = {snapshot: n for n, snapshot in enumerate(columns.snapshots)}
    net: dict[float, list[float | None]] = {strike: [None] * len(columns) for strike in strikes}
    texts: dict[float, list[str | None]] = {strike: [None] * len(columns) for strike in strikes}
    titles = [columns.title(n) for n in range(len(columns))]
    for cell in cells.iter_rows(named=True):
        x, strike = column_of[cell["snapshot_ts"]], cell["strike"]
        net[strike][x] = words.scaled(cell["net_gex_usd_per_1pct"], unit[0])
        texts[strike][x] = _cell_text(cell, titles[x])
    edges, owners = row_edges(strikes, tallest)
    between: Any = [None] * len(columns)
    return Grid(
        edges,
        [between if strike is None else net[strike] for strike in owners],
        [between if strike is None else texts[strike] for strike in owners],
    )


def row_edges(strikes: Sequence[float], tallest: float) -> tuple[list[float], list[float | None]]:
    """The edges of the rows, and the strike of each row: null between strikes farther apart than `tallest`."""
    edges: list[float] = []
    owners: list[float | None] = []
    for n, strike in enumerate(strikes):
        below = min(tallest, strike - strikes[n - 1]) if n else tallest
        above = min(tallest, strikes[n + 1] - strike) if n + 1 < len(strikes) else tallest
        low, high = strike - below / 2, strike + above / 2
        if edges and low - edges[-1] > 1e-9:
            owners.append(None)
            edges.append(low)
        elif not edges:
            edges.append(low)
        owners.append(strike)
        edges.append(high)
    return [round(edge, 6) for edge in edges], owners


def _tallest(cells: pl.DataFrame, rows: Sequence[Row], bounds: list[float]) -> float:
    """Twice the distance of strikes near the price, and enough to be seen."""
    seen = (bounds[1] - bounds[0]) / 110
    spot = rows[-1]["spot"]
    if spot is None:
        return seen
    near = cells.filter(pl.col("strike").is_between(spot * 0.97, spot * 1.03))["strike"].unique().sort()
    distance = near.diff().drop_nulls().median()
    return seen if distance is None else max(seen, 2 * float(distance))  # type: ignore[arg-type]


def _cell_text(cell: Row, title: str) -> str:
    change = cell["open_interest_change"]
    net, trades = cell.get("taker_net_quantity"), cell.get("trades")
    traded = "" if net is None or trades is None else f"<br>takers net {net:+,.1f} in {trades:,} trades"
    moved = f" ({change:+,.0f})" if change is not None else ""
    held = f"{words.count(cell['open_interest'])}{moved}{traded}".replace("-", "−")
    return (
        f"<b>strike {words.price(cell['strike'])}</b>, {title}"
        f"<br>net GEX {words.dollars(cell['net_gex_usd_per_1pct'])} {words.PER_1PCT}"
        f"<br>change {words.dollars(cell['net_gex_change_usd_per_1pct'])}"
        f"<br>open interest {held}"
    )


def _cells_trace(grid: Grid, columns: Columns, limit: float, unit: tuple[float, str]) -> Json:
    title = f"net GEX of a strike, {words.unit_words(unit[1])}; ends at ±{limit:,.3g}"
    return trace(
        "heatmap", "net GEX", x=list(range(len(columns))), y=grid.edges, z=grid.net, text=grid.texts,
        zmin=-limit, zmax=limit, zmid=0, colorscale=DIVERGING, hoverongaps=False,
        hovertemplate="%{text}<extra></extra>",
        xgap=1 if len(columns) <= 60 else 0,
        colorbar={
            "orientation": "h", "thickness": 10, "len": 1, "x": 0.5, "y": -0.11, "yanchor": "top", "outlinewidth": 0,
            "title": {"text": title, "side": "top", "font": {"size": 12, "color": MUTED}}, "tickformat": ",~r",
            "nticks": 7, "tickfont": {"color": MUTED},
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Jumps:
    """Marks of changes far beyond what a strike usually shows: column, strike, what happened."""

    marks: list[tuple[int, float, str]]
    left_out: int

    @classmethod
    def of(cls, jumps: pl.DataFrame, columns: Columns) -> Jumps:
        """A jump between two columns stands at the later one, which is the first that shows it."""
        largest = jumps.top_k(MOST_JUMPS, by=pl.col("net_gex_change_usd_per_1pct").abs()).sort("snapshot_ts", "strike")
        marks = []
        for jump in largest.iter_rows(named=True):
            told = words.dollars(jump["net_gex_change_usd_per_1pct"])
            x = min(bisect_left(columns.snapshots, jump["snapshot_ts"]), len(columns) - 1)
            marks.append((x, jump["strike"], f"{told} at once, {columns.told(jump['snapshot_ts'])}"))
        return cls(marks, jumps.height - len(marks))

    def traces(self) -> list[Json]:
        if not self.marks:
            return []
        xs, ys, texts = zip(*self.marks, strict=True)
        size, width = (10, 2) if len(self.marks) <= 30 else (7, 1.2)
        return [
            trace(
                "scatter", "jump", mode="markers", x=list(xs), y=list(ys), text=list(texts),
                hovertemplate="<b>jump at %{y:,}</b><br>%{text}<extra></extra>",
                marker={"symbol": "diamond-open", "size": size, "color": INK, "line": {"width": width}},
            )
        ]  # fmt: skip


def _blank_notes(rows: Sequence[Row]) -> list[Json]:
    """A word in every longer stretch of columns without figures: it is empty, not zero."""
    stretches: list[tuple[int, int, str]] = []
    for status, group in itertools.groupby(enumerate(rows), key=lambda item: item[1]["scope_status"]):
        places = [n for n, _ in group]
        if status in words.BLANK and len(places) >= _BLANK_SHARE * len(rows):
            stretches.append((places[0], places[-1], words.BLANK[status]))
    return [
        note(
            told, x=(first + last) / 2, xref="x", y=sum(_CELLS) / 2, yref="paper", yanchor="middle", textangle=-90,
            font={"size": 12, "color": MUTED}, bgcolor=SURFACE,
        )
        for first, last, told in stretches
    ]  # fmt: skip


def _caption(known: pl.Series, limit: float, jumps: Jumps, columns: Columns, left: int) -> str:
    beyond = (known.abs() > limit * (1 + 1e-9)).sum()
    shut = "nights and weekends take no room" if columns.zone != words.UTC else "times are UTC"
    told = [
        f"Every column is a snapshot; {shut}. Blue strikes damp moves, red ones amplify them. "
        "Solid: spot. Dashed: gamma flip. Dotted: walls. "
        f"Colours end at the {100 * CLIP_QUANTILE:.0f} % quantile of the sizes; {beyond} of {len(known)} cells lie "
        "beyond it and show their true value when pointed at."
    ]
    if left:
        told.append(f"{left} far strikes with {100 * (1 - _DRAWN_SHARE):.0f} % of the gamma are left out.")
    if jumps.marks:
        told.append("Diamonds mark jumps: changes far beyond what the strike usually shows.")
    if jumps.left_out:
        told.append(f"{jumps.left_out} smaller jumps are not marked.")
    return " ".join(told)
