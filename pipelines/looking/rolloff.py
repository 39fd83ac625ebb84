"""What goes away when: gross and net gamma by expiry date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.looking import words
from pipelines.looking.figure import (
    GRID,
    NARROW_TICKS,
    NEGATIVE,
    POSITIVE,
    WIDE_TICKS,
    Figure,
    Json,
    axis,
    dated,
    layout,
    panel_title,
    thinned,
    trace,
)

Row = dict[str, Any]
HEIGHT = 300
MOST_EXPIRIES = 24


def rolloff_figure(expiries: pl.DataFrame) -> Figure:
    """`expiries` as in `opex_rolloff`, of one snapshot. The largest are drawn, in the order of their dates."""
    known = expiries.filter(pl.col("gross_gex_usd_per_1pct").is_not_null())
    drawn = known.top_k(MOST_EXPIRIES, by="gross_gex_usd_per_1pct").sort("expiry_date")
    unit = words.scale_of(drawn["gross_gex_usd_per_1pct"].to_list())
    rows = drawn.to_dicts()
    places = list(range(len(rows)))
    net = [words.scaled(row["net_gex_usd_per_1pct"], unit[0]) for row in rows]
    texts = [
        f"<b>{words.day(row['expiry_date'])}{', monthly' if row['is_opex'] else ''}</b>"
        f"<br>in {row['days_to_expiry']} days"
        f"<br>gross {words.dollars(row['gross_gex_usd_per_1pct'])} {words.PER_1PCT}"
        f"<br>net {words.dollars(row['net_gex_usd_per_1pct'])} {words.PER_1PCT}"
        f"<br>{words.percent(_hundred(row['gross_share_frac']))} of all"
        for row in rows
    ]
    gross = [words.scaled(row["gross_gex_usd_per_1pct"], unit[0]) for row in rows]
    told = "%{text}<extra></extra>"
    data = [
        trace(
            "bar", "gross", x=places, y=gross, text=texts, textposition="none", hovertemplate=told,
            marker={"color": ["var(--monthly)" if row["is_opex"] else GRID for row in rows]},
        ),
        trace(
            "bar", "net", x=places, y=net, text=texts, textposition="none", hovertemplate=told, width=0.35,
            marker={"color": [POSITIVE if (value or 0) > 0 else NEGATIVE for value in net]},
        ),
    ]  # fmt: skip
    frame = layout(
        HEIGHT,
        barmode="overlay",
        bargap=0.3,
        xaxis=axis(showgrid=False, tickmode="array", tickangle=0, **_ticks(rows, WIDE_TICKS)),
        yaxis=axis(zeroline=True, tickformat=",~r"),
        annotations=[panel_title(f"GEX by expiry, {words.unit_words(unit[1])}", [0, 1])],
    )
    frame["margin"] = frame["margin"] | {"r": 20}
    narrow = {
        "margin": frame["margin"] | {"l": 48, "r": 10},
        "xaxis": frame["xaxis"] | _ticks(rows, NARROW_TICKS),
        "dragmode": False,
    }
    return Figure(data, frame, f"Gamma by expiry date: {rolloff_finding(expiries)}.", _caption(known, drawn), narrow)


def _ticks(rows: Sequence[Row], most: int) -> Json:
    places = thinned(list(range(len(rows))), most)
    return {"tickvals": places, "ticktext": dated([rows[n]["expiry_date"] for n in places])}


def rolloff_finding(expiries: pl.DataFrame) -> str:
    """When most goes away: "17.1 % of all gamma expires within a week"."""
    shares = expiries.filter(pl.col("gross_share_frac").is_not_null())
    if shares.is_empty():
        return "no gamma by expiry is known"
    week = float(shares.filter(pl.col("days_to_expiry") <= 7)["gross_share_frac"].sum())
    largest = shares.sort("gross_share_frac", descending=True).row(0, named=True)
    return (
        f"{words.percent(100 * week)} of all gamma expires within 7 days; the largest expiry, "
        f"{words.day(largest['expiry_date'])}, holds {words.percent(100 * largest['gross_share_frac'])}"
    )


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _caption(known: pl.DataFrame, drawn: pl.DataFrame) -> str:
    left = known.height - drawn.height
    rest = 1 - drawn["gross_share_frac"].sum()
    more = f" {left} smaller expiries are left out; they hold {rest:.1%}." if left else ""
    return f"Wide bars: gross gamma, darker for monthly expiries. Narrow bars: net gamma.{more}"
