"""What dealers hold by strike if they took the other side of every trade, beside what open interest would say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from models.conventions import DEALER_MODELS, FLOW_MODELS, DealerModel, Scope
from models.positioning import dealer_quantity
from models.scopes import next_daily_expiry_date, scope_members
from models.taker_flow import share_of_open_interest
from pipelines.looking import words
from pipelines.looking.figure import (
    GRID,
    INK,
    MUTED,
    NEGATIVE,
    POSITIVE,
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
from pipelines.looking.frames import Published
from pipelines.looking.heatmap import core
from pipelines.looking.profile import bar_widths

Row = dict[str, Any]
FLOW, SCREEN = FLOW_MODELS
HEIGHT = 620
_SEEN_SHARE = 0.9
_ABOVE = 1 + 1e-9
_BUCKET_MINUTES = 10
_LONGEST_LAG = timedelta(hours=1)
_CALLS, _PUTS = [0.55, 1.0], [0.0, 0.45]
_INSTANT = """
select max(bucket_ts) from dealer_inventory
where market = $market and underlying = $underlying and session_date = $session"""
_HELD = """
select dealer_model, contract_id, option_type, expiry_date, strike, inventory_quantity, quantity_unit,
       trades_missing, trades_of_unknown_side, is_history_complete, known_at
from dealer_inventory
where market = $market and underlying = $underlying and session_date = $session and expiry_ts > $at
  and bucket_ts <= $at
qualify row_number() over (partition by dealer_model, contract_id order by bucket_ts desc) = 1
order by dealer_model, contract_id"""
_SNAPSHOT = """
select snapshot_ts, any_value(spot) as spot from key_levels
where market = $market and underlying = $underlying and session_date = $session and snapshot_ts <= $at
group by snapshot_ts order by any_value(is_partial), snapshot_ts desc limit 1"""
_OPEN_INTEREST = """
select expiry_date, strike, sum(call_open_interest) as call, sum(put_open_interest) as put
from strike_exposures
where market = $market and underlying = $underlying and dealer_model = 'short_all' and snapshot_ts = $snapshot
group by all order by all"""
_BY_CONTRACT = """
select contract_id, open_interest from option_snapshots
where market = $market and underlying = $underlying and session_date = $session and snapshot_ts = $snapshot
order by contract_id"""
_MONTHLY = """
select distinct expiry_date from opex_rolloff
where market = $market and underlying = $underlying and snapshot_ts = $snapshot and is_opex"""
_SUMMARY = """
select dealer_model, scope_status, net_gex_usd_per_1pct, positions_ts, history_complete_share_frac
from exposure_summary
where market = $market and underlying = $underlying and snapshot_ts = $snapshot and scope = $scope"""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The state at one instant, of the expiries of one scope."""

    underlying: str
    market: str
    scope: str
    at: datetime
    held: pl.DataFrame  # a row a contract and model of taker flow, beside the open interest of the chain
    snapshot: datetime | None
    spot: float | None
    open_interest: pl.DataFrame  # a row a strike: call, put; no rows without a chain
    summary: dict[str, Row]  # by dealer model

    @property
    def unit(self) -> str:
        return str(self.held["quantity_unit"][0]) if self.held.height else "contracts"

    def by_strike(self, model: str, option_type: str) -> pl.DataFrame:
        mine = self.held.filter(pl.col("dealer_model") == model, pl.col("option_type") == option_type)
        return mine.group_by("strike").agg(pl.col("inventory_quantity").sum()).sort("strike")

    def total(self, model: DealerModel, option_type: str) -> float | None:
        """What dealers hold in all under a model; None where no chain says it."""
        if model in FLOW_MODELS:
            return float(self.by_strike(model, option_type)["inventory_quantity"].sum())
        return None if self.open_interest.is_empty() else sum(_if_open(self.open_interest, model, option_type))

    @property
    def above_open_interest(self) -> pl.DataFrame:
        """Contracts of which the flow would have dealers hold more than there is."""
        mine = self.held.filter(pl.col("dealer_model") == FLOW, pl.col("inventory_to_open_interest") > _ABOVE)
        return mine.sort("inventory_to_open_interest", descending=True)


def read_inventory(published: Published, market: str, underlying: str, session: date, scope: str) -> Inventory | None:
    """The last state of a session; None if nothing is known of it."""
    here: Row = {"market": market, "underlying": underlying}
    newest: datetime | None = published.column(_INSTANT, session=session, **here)[0]
    if newest is None:
        return None
    chains = published.frame(_SNAPSHOT, session=session, at=newest, **here).rows()
    snapshot, spot = chains[0] if chains else (None, None)
    # A chain knows nothing of the trades after it: beside it stands what was held when it was taken.
    at = snapshot if snapshot is not None and newest - snapshot <= _LONGEST_LAG else newest
    at = at.replace(minute=at.minute // _BUCKET_MINUTES * _BUCKET_MINUTES, second=0, microsecond=0)
    open_now = published.frame(_BY_CONTRACT, session=session, snapshot=snapshot, **here)
    held = published.frame(_HELD, session=session, at=at, **here).join(open_now, on="contract_id", how="left")
    held = held.with_columns(share_of_open_interest()).sort("dealer_model", "contract_id")
    open_interest = published.frame(_OPEN_INTEREST, snapshot=snapshot, **here)
    monthly = published.column(_MONTHLY, snapshot=snapshot, **here)
    same_day = next_daily_expiry_date(at) if words.zone(market) == words.UTC else None

    def of_scope(rows: pl.DataFrame) -> pl.DataFrame:
        dates = rows["expiry_date"].to_numpy().astype("datetime64[D]")
        name: Scope = scope  # type: ignore[assignment]
        return rows.filter(pl.Series(scope_members(dates, session, monthly, same_day)[name], dtype=pl.Boolean))

    summary = published.frame(_SUMMARY, snapshot=snapshot, scope=scope, **here).to_dicts()
    by_strike = of_scope(open_interest).group_by("strike").agg(pl.col("call", "put").sum()).sort("strike")
    return Inventory(
        underlying, market, scope, at, of_scope(held), snapshot, spot, by_strike,
        {row["dealer_model"]: row for row in summary},
    )  # fmt: skip


def inventory_finding(inventory: Inventory) -> str:
    """ "dealers would be long 1,200 coins of calls and short 800 of puts"."""
    told = []
    for kind in ("call", "put"):
        held = inventory.total(FLOW, kind) or 0.0
        amount = f"{abs(held):,.0f}" if abs(held) >= 10 else f"{abs(held):,.1f}"
        of = f" {inventory.unit} of" if kind == "call" else " of"
        told.append(f"{'long' if held >= 0 else 'short'} {amount}{of} {kind}s")
    return f"dealers would be {' and '.join(told)}"


def inventory_figure(inventory: Inventory) -> Figure:
    """The picture of an inventory that holds at least one contract."""
    bounds = _first_view(inventory)
    unit = inventory.unit
    data: list[Json] = []
    for kind, of in (("call", "y"), ("put", "y2")):
        data += [*_open_interest(inventory, kind, of), *_flow(inventory, kind, of)]
    frame = layout(
        HEIGHT,
        barmode="overlay", bargap=0,
        xaxis=axis(
            title={"text": f"{plain(inventory.underlying)} strike, USD", "font": {"color": MUTED, "size": 12}},
            range=bounds, tickformat=",~r", anchor="y2", nticks=9,
        ),
        yaxis=axis(domain=_CALLS, zeroline=True, tickformat=",~r", nticks=6, **_range(inventory, "call", bounds)),
        yaxis2=axis(domain=_PUTS, zeroline=True, tickformat=",~r", nticks=6, **_range(inventory, "put", bounds)),
        shapes=_spot_line(inventory),
        annotations=[
            panel_title(f"calls: dealers long up, short down, {unit}", _CALLS),
            panel_title(f"puts: dealers long up, short down, {unit}", _PUTS),
            *_spot_label(inventory, bounds),
        ],
    )  # fmt: skip
    frame["margin"] = frame["margin"] | {"r": 20, "t": 62}
    return Figure(
        data, frame, f"Dealers' inventory by strike: {inventory_finding(inventory)}.", _caption(inventory),
        _narrow(frame),
    )  # fmt: skip


def _open_interest(inventory: Inventory, kind: str, of: str) -> list[Json]:
    """Wide pale bars: all that is open, held long or short."""
    rows = inventory.open_interest.filter(pl.col(kind) > 0)
    if rows.is_empty():
        return []
    places = rows["strike"].to_list()
    models_of: dict[tuple[float, ...], list[str]] = {}  # by what they say, for bars that are the same cover each other
    for model in DEALER_MODELS:
        models_of.setdefault(tuple(_if_open(rows, model, kind)), []).append(model)
    named = [(names[0] if len(names) == 1 else "both open-interest models", held) for held, names in models_of.items()]
    return [
        trace(
            "bar", name, x=places, y=list(held), width=bar_widths(places), yaxis=of,
            marker={"color": GRID, "line": {"width": 0}},
            hovertemplate=f"<b>{kind}s at %{{x:,}}</b><br>{name}: %{{y:+,.1f}} {inventory.unit}<extra></extra>",
        )
        for name, held in named
    ]  # fmt: skip


def _if_open(open_interest: pl.DataFrame, model: DealerModel, kind: str) -> list[float]:
    """What dealers hold by strike under a model of open interest."""
    held = open_interest[kind].cast(pl.Float64).to_numpy()
    positions: list[float] = dealer_quantity(held, np.full(held.shape, kind == "call"), model).tolist()
    return positions


def _flow(inventory: Inventory, kind: str, of: str) -> list[Json]:
    """Narrow bars: what the flow says; rings: without blocks, quote requests and liquidations."""
    rows = inventory.by_strike(FLOW, kind)
    places, held = rows["strike"].to_list(), rows["inventory_quantity"].to_list()
    screen = inventory.by_strike(SCREEN, kind)
    told = f"%{{y:+,.1f}} {inventory.unit}<extra></extra>"
    found = [
        trace(
            "bar", FLOW, x=places, y=held, width=[0.5 * width for width in bar_widths(places)], yaxis=of,
            marker={"color": [POSITIVE if value > 0 else NEGATIVE for value in held], "line": {"width": 0}},
            hovertemplate=f"<b>{kind}s at %{{x:,}}</b><br>{FLOW}: {told}",
        )
    ] if places else []  # fmt: skip
    if not screen.is_empty():
        found.append(
            trace(
                "scatter", SCREEN, x=screen["strike"].to_list(), y=screen["inventory_quantity"].to_list(),
                yaxis=of, mode="markers",
                marker={"symbol": "circle", "size": 6, "color": SURFACE, "line": {"width": 1.5, "color": INK}},
                hovertemplate=f"<b>{kind}s at %{{x:,}}</b><br>{SCREEN}: {told}",
            )
        )  # fmt: skip
    return found


def _first_view(inventory: Inventory) -> list[float]:
    """The strikes with nearly all of what is held or open, and at least 3 % to either side of the spot."""
    held = inventory.held.select("strike", size=pl.col("inventory_quantity").abs())
    both = pl.concat(
        [
            held,
            *(inventory.open_interest.select("strike", size=pl.col(kind).cast(pl.Float64)) for kind in ("call", "put")),
        ]
    )
    wanted = core(both["strike"], both["size"], _SEEN_SHARE) or both["strike"].to_list() or [0.0, 1.0]
    spots = [] if inventory.spot is None else [inventory.spot * 0.97, inventory.spot * 1.03]
    ends = [*wanted, *spots]
    margin = 0.02 * (max(ends) - min(ends)) or 1.0
    return [min(ends) - margin, max(ends) + margin]


def _range(inventory: Inventory, kind: str, bounds: Sequence[float]) -> Json:
    """Room for every bar in view."""
    is_seen = pl.col("strike").is_between(bounds[0], bounds[1])
    open_now = inventory.open_interest.filter(is_seen)
    held = [0.0]
    for model in FLOW_MODELS:
        held += inventory.by_strike(model, kind).filter(is_seen)["inventory_quantity"].to_list()
    for model in DEALER_MODELS:
        held += _if_open(open_now, model, kind)
    high, low = max(held), min(held)
    margin = 0.06 * (high - low) or 1.0
    return {"range": [low - margin, high + margin]}


def _spot_line(inventory: Inventory) -> list[Json]:
    if inventory.spot is None:
        return []
    return [
        {"type": "line", "xref": "x", "yref": "paper", "x0": inventory.spot, "x1": inventory.spot, "y0": 0, "y1": 1,
         "layer": "below", "line": {"color": INK, "width": 2}}
    ]  # fmt: skip


def _spot_label(inventory: Inventory, bounds: Sequence[float]) -> list[Json]:
    if inventory.spot is None:
        return []
    share = (inventory.spot - bounds[0]) / (bounds[1] - bounds[0])
    edge = "left" if share < 0.12 else "right" if share > 0.88 else "center"
    text = f"spot {words.price(inventory.spot, is_rough=True)}"
    return [note(text, x=inventory.spot, xref="x", xanchor=edge, y=1, yref="paper", yanchor="bottom", yshift=28)]


def _caption(inventory: Inventory) -> str:
    unit = inventory.unit
    beside = (
        "Wide pale bars: all open interest, which calls_long_puts_short takes for calls held long and puts held short, "
        "and short_all for both held short. "
        if not inventory.open_interest.is_empty()
        else "No chain of the day says what is open, so nothing stands beside it. "
    )
    return (
        f"Narrow bars: dealers' inventory in {unit} if they took the other side of every trade since the first one "
        f"known; blue long, red short. {beside}Rings: the same flow without blocks, quote requests and liquidations."
    )


def _narrow(frame: Json) -> Json:
    return {
        "margin": frame["margin"] | {"l": 50, "r": 10},
        "xaxis": frame["xaxis"] | {"nticks": 5},
        "annotations": [item | {"font": item["font"] | {"size": 11}} for item in frame["annotations"]],
        "dragmode": False,
    }
