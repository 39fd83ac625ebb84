"""A made-up published file: every table that pages read, in the declared types, with numbers of a toy market."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import duckdb
import polars as pl

from pipelines.settings import Paths
from pipelines.tables import TABLES

Row = dict[str, Any]
MODELS = ("calls_long_puts_short", "short_all")
FLOW_MODELS = ("taker_flow", "taker_flow_screen")
SCOPES = ("all", "0dte", "weekly", "monthly", "le_30d", "next_expiry")
STRIKES = [*range(80, 96, 5), *range(96, 105), *range(105, 121, 5)]
EXPIRY_DAYS = (3, 25, 60)
MONTHLY_DAYS = 25
CLOSES = [datetime(2024, 6, day, 20) for day in (17, 18, 20, 21, 24, 25)]
READ_TABLES = (
    "key_levels", "exposure_summary", "exposure_heatmap", "strike_exposures", "gamma_profile", "opex_rolloff",
    "snapshot_quality", "partition_versions", "load_ledger", "default_models", "premium_flow", "zero_dte_flow",
    "dealer_inventory", "option_snapshots",
)  # fmt: skip
_PLAIN: dict[pl.DataType, Any] = {
    pl.String(): "x", pl.Boolean(): False, pl.Int64(): 1, pl.Float64(): 1.0,
    pl.Datetime("us"): datetime(2024, 6, 17), pl.Date(): date(2024, 6, 17),
}  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """One snapshot of one underlying; what is not said is ordinary."""

    moment: datetime
    underlying: str = "SPX"
    spot: float = 100.0
    flip: float | None = 99.0
    flip_status: str = "ok"
    scope_status: str = "ok"
    is_partial: bool = False
    quality: tuple[tuple[str, Any], ...] = ()
    jump_at: float | None = None
    size: float = 1e9
    market: str = "us"
    has_positions: bool = True  # of the models of taker flow, in market crypto
    has_profile: bool = True

    @property
    def session(self) -> date:
        is_midnight = self.market != "us" and self.moment.time() == time(0)
        return self.moment.date() - timedelta(days=1) if is_midnight else self.moment.date()

    @property
    def models(self) -> tuple[str, ...]:
        return MODELS if self.market == "us" else MODELS + FLOW_MODELS

    def is_default(self, model: str) -> bool | None:
        if self.market == "us":
            return None
        return model == (FLOW_MODELS[0] if self.has_positions else MODELS[0])

    def status(self, model: str) -> str:
        return "no_positions" if model in FLOW_MODELS and not self.has_positions else self.scope_status


def gamma(strike: float, days: int, size: float) -> tuple[float, float]:
    """Call and put GEX of a strike under calls_long_puts_short: calls above, puts below, a hump at 100."""
    hump = size * math.exp(-(((strike - 100) / 6) ** 2)) / days
    return hump * (1.4 if strike >= 100 else 0.5), -hump * (0.6 if strike >= 100 else 1.3)


def publish(
    paths: Paths,
    snapshots: Sequence[Snapshot],
    name: Callable[[Snapshot], str] | None = None,
    more: dict[str, list[Row]] | None = None,
) -> Paths:
    """The published file with these snapshots, each under its market's dealer models and every scope, and more rows."""
    tables: dict[str, list[Row]] = {table: [] for table in READ_TABLES}
    for number, snapshot in enumerate(snapshots):
        for table, rows in _rows(snapshot, name(snapshot) if name else f"simulated_{number}.csv").items():
            tables[table] += rows
    tables["default_models"] = [
        {"market": "us", "venue": "us_options", "dealer_model": MODELS[0], "rule": "the rule"},
        {"market": "crypto", "venue": "deribit", "dealer_model": FLOW_MODELS[0], "rule": "the rule"},
    ]
    for table, rows in (more or {}).items():
        tables[table] += rows
    paths.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(paths.warehouse)) as connection:
        for table, rows in tables.items():
            connection.register("made", _frame(table, rows).to_arrow())
            connection.execute(f"create table {table} as from made")
            connection.unregister("made")
    return paths


def _frame(table: str, rows: Sequence[Row]) -> pl.DataFrame:
    declared = TABLES[table]
    schema = dict(declared.schema())
    if declared.is_partitioned:
        schema |= {"market": pl.String(), "session_date": pl.Date(), "part": pl.String(), "v": pl.Int64()}
    ordinary = {name: None if name in declared.nullable else _PLAIN.get(dtype) for name, dtype in schema.items()}
    filled = [{name: row.get(name, default) for name, default in ordinary.items()} for row in rows]
    return pl.DataFrame(filled, schema=schema)


def _rows(made: Snapshot, file_name: str) -> dict[str, list[Row]]:
    known_at = made.moment + timedelta(minutes=40)
    head: Row = {
        "market": made.market, "session_date": made.session, "part": made.underlying, "v": 1,
        "underlying": made.underlying, "snapshot_ts": made.moment, "source": "made_csv", "known_at": known_at,
    }  # fmt: skip
    sha = f"{made.underlying}-{made.moment:%d%H%M}"
    quality = head | {
        "raw_sha256": sha, "known_at_basis": "header_clock", "is_partial": made.is_partial,
        "zeroed_quote_share_frac": 0.0, "discount_source": "treasury", "discount_curve_date": date(2024, 6, 14),
        "open_interest_date": date(2024, 6, 14), "is_discount_stale": False, "discount_age_sessions": 1,
        "spot_source": "underlying_last", "smooth_carry_source": "parity_slope", "rows_quarantined": 0,
    }  # fmt: skip
    version = {
        "table_name": "key_levels", "market": made.market, "session_date": made.session, "part": made.underlying,
        "v": 1, "known_at": known_at, "known_at_basis": "header_clock", "is_current": True,
    }  # fmt: skip
    tables: dict[str, list[Row]] = {
        "snapshot_quality": [quality | dict(made.quality)],
        "partition_versions": [version],
        "load_ledger": [{"raw_sha256": sha, "original_name": file_name, "snapshot_ts": made.moment}],
    }
    for model in made.models:
        for table, rows in _exposures(made, head | {"dealer_model": model}, model).items():
            tables.setdefault(table, []).extend(rows)
    return tables


def _exposures(made: Snapshot, head: Row, model: str) -> dict[str, list[Row]]:
    is_told = made.status(model) == "ok"
    strikes = [_strike(made, head, model, strike, days) for strike in STRIKES for days in EXPIRY_DAYS]
    nets = [row["net_gex_usd_per_1pct"] for row in strikes]
    total = sum(net for net in nets if net is not None) if is_told else None
    gross = (
        sum(abs(row["call_gex_usd_per_1pct"]) + abs(row["put_gex_usd_per_1pct"]) for row in strikes)
        if is_told
        else None
    )
    if total is not None and made.flip is not None and (made.spot < made.flip) != (total < 0):
        total = -total
    levels, sums = [], []
    for scope in SCOPES:
        status = "after_expiry" if scope == "0dte" and made.market == "us" else made.status(model)
        here = head | {"scope": scope, "scope_status": status, "is_default_model": made.is_default(model)}
        levels.append(here | _levels(made, status))
        sums.append(
            here | {"contracts_counted": 10, "contracts_not_counted": 0}
            | ({"net_gex_usd_per_1pct": total, "gross_gex_usd_per_1pct": gross} if status == "ok" else {})
        )  # fmt: skip
    prices = [made.spot * (0.8 + 0.01 * step) for step in range(41)]
    root = made.spot * 0.99 if made.flip is None else made.flip
    curve = [made.size * math.tanh((price - root) / 5) for price in prices]
    profile = {"spot_levels": prices, "net_gex_usd_per_1pct_curve": curve} if is_told else {}
    return {
        "key_levels": levels,
        "exposure_summary": sums,
        "strike_exposures": strikes,
        "gamma_profile": [head | {"scope": "all"} | profile] if made.has_profile else [],
        "exposure_heatmap": _cells(made, head, strikes),
        "opex_rolloff": [_expiry(made, head, strikes, days) for days in EXPIRY_DAYS],
    }


def _gross(strikes: Sequence[Row]) -> float:
    return sum(abs(row["call_gex_usd_per_1pct"]) + abs(row["put_gex_usd_per_1pct"]) for row in strikes)


def _strike(made: Snapshot, head: Row, model: str, strike: float, days: int) -> Row:
    expiry = made.session + timedelta(days=days)
    call, put = gamma(strike, days, made.size)
    call = -call if model == MODELS[1] else call
    told = {"call_gex_usd_per_1pct": call, "put_gex_usd_per_1pct": put, "net_gex_usd_per_1pct": call + put}
    unit, hour = ("contracts", 20) if made.market == "us" else ("coins", 8)
    return (
        head
        | {"root": made.underlying, "strike": float(strike), "expiry_date": expiry, "quantity_unit": unit}
        | {"expiry_ts": datetime(expiry.year, expiry.month, expiry.day, hour)}
        | (told if made.status(model) == "ok" else dict.fromkeys(told))
        | ({"call_open_interest": 700.0, "put_open_interest": 500.0} if made.scope_status == "ok" else {})
    )


def _levels(made: Snapshot, status: str) -> Row:
    row: Row = {"spot": made.spot, "is_partial": made.is_partial}
    if status != "ok":
        return row
    row |= {
        "call_wall": 104.0, "put_wall": 97.0, "max_pain": 100.0, "gamma_flip_status": made.flip_status,
        "gamma_flip_search_low": made.spot * 0.8, "gamma_flip_search_high": made.spot * 1.2,
    }  # fmt: skip
    if made.flip is None:
        return row | {"gamma_flips": [], "gamma_flip_root_count": 0}
    roots = [made.flip] if made.flip_status == "ok" else [made.flip - 6, made.flip]
    return row | {
        "gamma_flip": made.flip, "gamma_flips": roots, "gamma_flip_root_count": len(roots),
        "gamma_flip_low": made.flip - 0.5, "gamma_flip_high": made.flip + 0.5,
        "distance_to_flip_pct": 100 * (made.spot / made.flip - 1),
    }  # fmt: skip


def _cells(made: Snapshot, head: Row, strikes: Sequence[Row]) -> list[Row]:
    found = []
    for strike in STRIKES:
        nets = [row["net_gex_usd_per_1pct"] for row in strikes if row["strike"] == strike]
        known = [net for net in nets if net is not None]
        found.append(
            head | {"scope": "all", "strike": float(strike), "open_interest": 3600.0, "is_jump": strike == made.jump_at}
            | {"net_gex_usd_per_1pct": sum(known) if known else None, "net_gex_change_usd_per_1pct": -1.5e6}
        )  # fmt: skip
    return found


def _expiry(made: Snapshot, head: Row, strikes: Sequence[Row], days: int) -> Row:
    expiry = made.session + timedelta(days=days)
    row = head | {"expiry_date": expiry, "days_to_expiry": days, "is_opex": days == MONTHLY_DAYS}
    if made.status(head["dealer_model"]) != "ok":
        return row
    mine = [each for each in strikes if each["expiry_date"] == expiry]
    return row | {
        "gross_gex_usd_per_1pct": _gross(mine),
        "gross_share_frac": _gross(mine) / _gross(strikes),
        "net_gex_usd_per_1pct": sum(each["net_gex_usd_per_1pct"] for each in mine),
    }


def week(underlying: str = "SPX", **said: Any) -> list[Snapshot]:
    """Six sessions; in the last the spot falls below the flip."""
    spots = [100.0, 100.5, 101.5, 101.0, 100.2, 97.8]
    return [Snapshot(close, underlying, spot, **said) for close, spot in zip(CLOSES, spots, strict=True)]


def coin_hours(first: datetime, count: int, *, minutes: int = 10, **said: Any) -> list[Snapshot]:
    """Snapshots of a coin on its own clock; the profile is kept for the first of each hour."""
    moments = [first + timedelta(minutes=minutes * n) for n in range(count)]
    return [
        Snapshot(
            moment, spot=100.0 + 2 * math.sin(n / 9), market="crypto",
            has_profile=n == 0 or moment.hour != moments[n - 1].hour, **({"underlying": "BTC"} | said),
        )
        for n, moment in enumerate(moments)
    ]  # fmt: skip


def flow_row(minute: datetime, option_type: str, side: str, premium: float | None, **said: Any) -> Row:
    """A row of `premium_flow` of BTC, whose delta is a tenth of its premium."""
    sign = {("call", "buy"): 1, ("call", "sell"): -1, ("put", "buy"): -1, ("put", "sell"): 1}.get((option_type, side))
    return {
        "market": "crypto", "session_date": minute.date(), "part": "BTC", "v": 1, "underlying": "BTC",
        "minute_ts": minute, "known_at": minute + timedelta(minutes=1), "option_type": option_type, "taker_side": side,
        "flow_class": "screen", "premium_usd": premium, "quantity": 1.0, "quantity_unit": "coins", "trades": 2,
        "trades_without_premium": int(premium is None), "trades_without_delta": 0,
        "delta_usd": None if sign is None or premium is None else sign * premium / 10, "is_spike": False,
    } | said  # fmt: skip


def held_row(contract: str, bucket: datetime, inventory: float, **said: Any) -> Row:
    """A row of `dealer_inventory`; `contract` as in BTC-28JUN24-100-C."""
    _, _, strike, kind = contract.split("-")
    return {
        "market": "crypto", "session_date": (bucket - timedelta(seconds=1)).date(), "part": "BTC", "v": 1,
        "underlying": "BTC", "bucket_ts": bucket, "known_at": bucket, "dealer_model": "taker_flow",
        "contract_id": contract, "expiry_date": date(2024, 6, 28), "expiry_ts": datetime(2024, 6, 28, 8),
        "strike": float(strike), "option_type": "call" if kind == "C" else "put", "taker_net_quantity": -inventory,
        "trades": 1, "inventory_quantity": inventory, "quantity_unit": "coins", "open_interest": 100.0,
        "inventory_to_open_interest": abs(inventory) / 100, "trades_missing": 0, "trades_of_unknown_side": 0,
        "is_history_complete": True,
    } | said  # fmt: skip
