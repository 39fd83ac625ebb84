"""Net gamma over spot, and below it the chain's gamma by strike, on one price axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import polars as pl

from pipelines.looking import words
from pipelines.looking.figure import (
    BAND,
    CALL_WALL,
    FLIP,
    GRID,
    INK,
    MUTED,
    NEGATIVE,
    POSITIVE,
    PUT_WALL,
    SURFACE,
    Figure,
    Json,
    axis,
    layout,
    note,
    panel_title,
    plain,
    trace,
)
from pipelines.looking.heatmap import core

Row = dict[str, Any]
HEIGHT = 620
_CURVE, _CHAIN = [0.54, 1.0], [0.0, 0.46]
_SEEN_SHARE = 0.85
_NET_SHOWN_FRAC = 0.03  # of the largest: smaller sums would only draw a line along zero
_LABEL_FRAC = 0.3  # of the axis, what a label takes on a telephone
_LABEL_PX = 16
_ROOTS_NAMED = 6


def profile_figure(row: Row, curve: pl.DataFrame, strikes: pl.DataFrame, underlying: str) -> Figure:
    """`row` of key_levels with net GEX; `curve` price and net GEX; `strikes` the chain's sums by strike."""
    drawn = strikes
    if row["gamma_flip_search_low"] is not None:
        drawn = strikes.filter(pl.col("strike").is_between(row["gamma_flip_search_low"], row["gamma_flip_search_high"]))
    curve_unit = words.scale_of(curve["net_gex_usd_per_1pct"].to_list())
    chain_unit = words.scale_of(drawn["call_gex_usd_per_1pct"].to_list() + drawn["put_gex_usd_per_1pct"].to_list())
    bounds = _first_view(row, curve, drawn)
    labels, tiers = _level_labels(row, bounds)
    above = _LABEL_PX * tiers + 6
    frame = layout(
        HEIGHT,
        barmode="relative",
        bargap=0,
        xaxis=axis(
            title={"text": f"{plain(underlying)} price and strike, USD", "font": {"color": MUTED, "size": 12}},
            range=bounds, tickformat=",~r", anchor="y2", nticks=9,
        ),
        yaxis=axis(
            domain=_CURVE, zeroline=True, tickformat=",~r", nticks=6, range=_visible_range(curve, bounds, curve_unit[0])
        ),
        yaxis2=axis(domain=_CHAIN, zeroline=True, tickformat=",~r", nticks=6),
        shapes=_level_lines(row),
        annotations=[
            panel_title(f"net GEX if spot were there, {words.unit_words(curve_unit[1])}", _CURVE) | {"yshift": above},
            panel_title(f"GEX by strike at the spot, {words.unit_words(chain_unit[1])}", _CHAIN),
            *labels,
        ],
    )  # fmt: skip
    frame["margin"] = frame["margin"] | {"t": 26 + above, "r": 20}
    data = [*_curve_traces(curve, curve_unit), *_root_rings(row), *_chain_traces(drawn, chain_unit)]
    return Figure(
        data, frame, f"Net gamma over price, and gamma by strike: {words.finding(row)}.", _caption(row), _narrow(frame)
    )  # fmt: skip


def _caption(row: Row) -> str:
    roots = row["gamma_flips"] or []
    named = ", ".join(words.price(root) for root in roots[:_ROOTS_NAMED])
    more = f" and at {len(roots) - _ROOTS_NAMED} more prices" if len(roots) > _ROOTS_NAMED else ""
    several = f" The curve crosses zero at {named}{more}: rings." if len(roots) > 1 else ""
    band = (
        f" Shaded: the band of the flip, {words.price(row['gamma_flip_low'])} to {words.price(row['gamma_flip_high'])}."
        if row["gamma_flip_low"] is not None
        else ""
    )
    return (
        "Above: the whole book repriced at each price; where the curve is above zero, dealers damp moves. "
        f"Below: gamma at the spot by strike; calls blue, puts red, dots their sum.{several}{band}"
    )


def _first_view(row: Row, curve: pl.DataFrame, strikes: pl.DataFrame) -> list[float]:
    """The prices that matter: the strikes with nearly all the gamma, the levels, and at least 3 % to either side."""
    spot = row["spot"]
    if spot is None:
        known = strikes["strike"].to_list() or [0.0, 1.0]
        return [min(known), max(known)]
    sizes = strikes.select(pl.sum_horizontal(pl.col("call_gex_usd_per_1pct", "put_gex_usd_per_1pct").abs()))
    wanted = [spot * 0.97, spot * 1.03, *core(strikes["strike"], sizes.to_series(), _SEEN_SHARE)]
    wanted += [row[name] for name in ("gamma_flip", "call_wall", "put_wall") if row[name] is not None]
    prices = curve["price"].to_list() or [spot * 0.8, spot * 1.2]
    return [max(min(wanted) * 0.997, min(prices)), min(max(wanted) * 1.003, max(prices))]


def _visible_range(curve: pl.DataFrame, bounds: list[float], size: float) -> list[float]:
    seen = curve.filter(pl.col("price").is_between(bounds[0], bounds[1]))["net_gex_usd_per_1pct"].drop_nulls().to_list()
    low, high = min([*seen, 0.0]) / size, max([*seen, 0.0]) / size
    margin = 0.08 * (high - low) or 1.0
    return [low - margin, high + margin]


def _curve_traces(curve: pl.DataFrame, unit: tuple[float, str]) -> list[Json]:
    """The curve, filled in the colour of its sign."""
    prices = [round(price, 2) for price in curve["price"].to_list()]
    values = [words.scaled(value, unit[0]) for value in curve["net_gex_usd_per_1pct"].to_list()]
    if not prices:
        return []
    sides = (
        ("damps", [None if v is None else max(v, 0.0) for v in values], "var(--positive-fill)"),
        ("amplifies", [None if v is None else min(v, 0.0) for v in values], "var(--negative-fill)"),
    )
    fills = [
        trace(
            "scatter", name, x=prices, y=side, mode="lines", fill="tozeroy", fillcolor=colour, line={"width": 0},
            hoverinfo="skip",
        )
        for name, side, colour in sides
    ]  # fmt: skip
    told = f"at %{{x:,.2f}}<br>net GEX %{{y:+,.4~r}} {words.unit_words(unit[1])}<extra></extra>"
    return [
        *fills,
        trace(
            "scatter", "net GEX", x=prices, y=values, mode="lines", line={"color": INK, "width": 2}, hovertemplate=told
        ),
    ]  # fmt: skip


def _root_rings(row: Row) -> list[Json]:
    """Every price at which the curve crosses zero; only the flip, the nearest, gets a line."""
    roots = row["gamma_flips"] or []
    if len(roots) < 2:
        return []
    return [
        trace(
            "scatter", "roots", x=roots, y=[0.0] * len(roots), mode="markers",
            hovertemplate="crosses zero at %{x:,.2f}<extra></extra>",
            marker={"symbol": "circle-open", "size": 8, "color": FLIP, "line": {"width": 2}},
        )
    ]  # fmt: skip


def _chain_traces(strikes: pl.DataFrame, unit: tuple[float, str]) -> list[Json]:
    places = strikes["strike"].to_list()
    if not places:
        return []
    unit_text = words.unit_words(unit[1])

    def side(kind: str, colour: str) -> Json:
        values = [words.scaled(value, unit[0]) for value in strikes[f"{kind}_gex_usd_per_1pct"].to_list()]
        held = [words.count(value) for value in strikes[f"{kind}_open_interest"].to_list()]
        return trace(
            "bar", f"{kind}s", x=places, y=values, width=bar_widths(places), yaxis="y2", text=held,
            textposition="none", marker={"color": colour, "line": {"width": 0}},
            hovertemplate=(
                f"<b>{kind}s at %{{x:,}}</b><br>GEX %{{y:+,.4~r}} {unit_text}<br>open interest %{{text}}<extra></extra>"
            ),
        )  # fmt: skip

    largest = strikes["net_gex_usd_per_1pct"].abs().max() or 0.0
    sums = strikes.filter(pl.col("net_gex_usd_per_1pct").abs() >= _NET_SHOWN_FRAC * largest)  # type: ignore[operator]
    net = [words.scaled(value, unit[0]) for value in sums["net_gex_usd_per_1pct"].to_list()]
    return [
        side("call", POSITIVE),
        side("put", NEGATIVE),
        trace(
            "scatter", "net", x=sums["strike"].to_list(), y=net, yaxis="y2", mode="markers",
            marker={"size": 5, "color": INK, "line": {"width": 1, "color": SURFACE}},
            hovertemplate=f"<b>net at %{{x:,}}</b><br>GEX %{{y:+,.4~r}} {unit_text}<extra></extra>",
        ),
    ]  # fmt: skip


def bar_widths(places: Sequence[float]) -> list[float]:
    """As wide as the nearest neighbour allows, so that bars never overlap."""
    gaps = [after - before for before, after in pairwise(places)]
    around = zip([*gaps[:1], *gaps], [*gaps, *gaps[-1:]], strict=True) if gaps else [(1.0, 1.0)]
    return [0.85 * min(pair) for pair in around]


def _levels(row: Row) -> list[tuple[str, float, str, str]]:
    named = [
        ("put wall", row["put_wall"], PUT_WALL, "dot"),
        ("call wall", row["call_wall"], CALL_WALL, "dot"),
        ("flip", row["gamma_flip"], FLIP, "dash"),
        ("spot", row["spot"], INK, "solid"),
    ]
    return [item for item in named if item[1] is not None]


def _level_lines(row: Row) -> list[Json]:
    lines: list[Json] = [
        {
            "type": "line", "xref": "x", "yref": "paper", "x0": place, "x1": place, "y0": 0, "y1": 1,
            "layer": "below", "line": {"color": colour, "width": 2 if name == "spot" else 1.5, "dash": dash},
        }
        for name, place, colour, dash in _levels(row)
    ]  # fmt: skip
    if row["gamma_flip_low"] is not None and row["gamma_flip_high"] is not None:
        lines.append(
            {
                "type": "rect", "xref": "x", "yref": "paper", "x0": row["gamma_flip_low"], "x1": row["gamma_flip_high"],
                "y0": 0, "y1": 1, "fillcolor": BAND, "line": {"width": 0, "color": GRID}, "layer": "below",
            }
        )  # fmt: skip
    return lines


def _level_labels(row: Row, bounds: list[float]) -> tuple[list[Json], int]:
    """Names above the lines, on as many tiers as it takes that none covers another, even on a telephone."""
    span = bounds[1] - bounds[0]
    ends: list[float] = []
    labels = []
    for name, place, colour, _ in sorted(_levels(row), key=lambda item: item[1]):
        if not bounds[0] <= place <= bounds[1]:
            continue
        tier = next((n for n, end in enumerate(ends) if place - _LABEL_FRAC * span / 2 >= end), len(ends))
        ends[tier : tier + 1] = [place + _LABEL_FRAC * span / 2]
        edge = "left" if place - bounds[0] < 0.12 * span else "right" if bounds[1] - place < 0.12 * span else "center"
        labels.append(
            note(
                f"{name} {words.price(place, is_rough=True)}", x=place, xref="x", xanchor=edge, y=1, yref="paper",
                yanchor="bottom", yshift=tier * _LABEL_PX, font={"size": 12, "color": colour},
            )
        )  # fmt: skip
    return labels, max(1, len(ends))


def _narrow(frame: Json) -> Json:
    return {
        "margin": frame["margin"] | {"l": 48, "r": 10},
        "xaxis": frame["xaxis"] | {"nticks": 5},
        "annotations": [item | {"font": item["font"] | {"size": 11}} for item in frame["annotations"]],
        "dragmode": False,
    }
