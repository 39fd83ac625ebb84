"""A small fabricated lake with its catalogue exports: the layout of the real one, none of its numbers."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from pipelines.settings import Paths
from pipelines.tables import LAKE_TABLES, TABLES, Table

Row = dict[str, Any]
MODELS = ("calls_long_puts_short", "short_all")
SCOPES = ("all", "0dte", "weekly", "monthly", "le_30d", "next_expiry")
EXPIRY_DAYS = (7, 60)
STRIKES = (90.0, 100.0, 110.0)


def close_of(session: date) -> datetime:
    return datetime(session.year, session.month, session.day, 21, 0)


def _filled(table: Table, row: Row) -> Row:
    """A whole row: what is not given is null where that is legal, else a plain value of its type."""
    plain: dict[pl.DataType, Any] = {
        pl.String(): "x", pl.Boolean(): False, pl.Int64(): 1, pl.Float64(): 1.0,
        pl.Datetime("us"): row.get("snapshot_ts"), pl.Date(): row.get("expiry_date"),
    }  # fmt: skip
    return {
        name: row.get(name, None if name in table.nullable else plain.get(dtype))
        for name, dtype in table.schema().items()
    }


class FakeLake:
    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.versions: list[Row] = []
        self.loads: list[Row] = []

    def write(self, table: str, session: date, part: str, rows: list[Row], known_at: datetime) -> None:
        """One more version of a partition."""
        place: Row = {"table_name": table, "market": "us", "session_date": session, "part": part}
        v = 1 + sum(all(version[name] == value for name, value in place.items()) for version in self.versions)
        path = f"{table}/market=us/session_date={session}/part={part}/v={v}.parquet"
        target = self.paths.lake / path
        target.parent.mkdir(parents=True, exist_ok=True)
        filled = [_filled(TABLES[table], row) for row in rows]
        pl.DataFrame(filled, schema=TABLES[table].schema()).write_parquet(target)
        self.versions.append(
            place
            | {"v": v, "known_at": known_at, "known_at_basis": "header_clock", "method_version": "1"}
            | {"code_version": "0", "inputs": "[]", "row_count": len(rows), "row_accounting": "{}", "path": path}
            | {"output_sha256": hashlib.sha256(target.read_bytes()).hexdigest()}
        )

    def land(
        self,
        session: date,
        part: str,
        *,
        known_at: datetime | None = None,
        open_interest: float = 10.0,
        is_partial: bool = False,
        skew: float = 0.0,
    ) -> None:
        """One snapshot in every table. `skew` breaks the sums of strikes on purpose."""
        known = known_at or close_of(session)
        head: Row = {"underlying": part, "snapshot_ts": close_of(session), "source": "fake", "known_at": known}
        head |= {"is_partial": is_partial, "partial_reason": "cut short" if is_partial else None}
        for table, rows in snapshot_rows(head, session, open_interest, skew).items():
            self.write(table, session, part, rows, known)

    def withdraw(self, session: date, part: str, known_at: datetime) -> None:
        """A newer current version without rows in every table that has the partition."""
        for table in LAKE_TABLES:
            if any((v["table_name"], v["session_date"], v["part"]) == (table, session, part) for v in self.versions):
                self.write(table, session, part, [], known_at)

    def load(self, name: str, fate: str = "landed", reason: str | None = None) -> None:
        number = len(self.loads) + 1
        loaded_at = datetime(2024, 2, 1) + timedelta(seconds=number)
        row = {"load_id": number, "loaded_at": loaded_at, "original_name": name, "fate": fate, "reason": reason}
        self.loads.append(row)

    def export(self) -> None:
        """The catalogue's Parquet files."""
        self.paths.exports.mkdir(parents=True, exist_ok=True)
        rank = pl.struct("known_at", "v").rank("ordinal", descending=True)
        partition = ["table_name", "market", "session_date", "part"]
        schema = {name: dtype for name, dtype in TABLES["partition_versions"].schema().items() if name != "is_current"}
        versions = pl.DataFrame(self.versions, schema=schema).with_columns(is_current=rank.over(partition) == 1)
        versions.write_parquet(self.paths.exports / "partition_versions.parquet")
        loads = pl.DataFrame(
            [_filled(TABLES["load_ledger"], row) for row in self.loads], schema=TABLES["load_ledger"].schema()
        )
        loads.write_parquet(self.paths.exports / "load_ledger.parquet")
        pl.DataFrame(schema=TABLES["refusals"].schema()).write_parquet(self.paths.exports / "refusals.parquet")


def snapshot_rows(head: Row, session: date, open_interest: float, skew: float) -> dict[str, list[Row]]:
    """Rows of one snapshot that satisfy every published identity."""
    part = f"{head['underlying']}{session}+"
    expiries = [_expiry(session, days) for days in EXPIRY_DAYS]
    contracts = [
        head | expiry | {"strike": strike, "option_type": side, "contract_id": f"{part}{day}{side}{strike}"}
        for day, expiry in zip(EXPIRY_DAYS, expiries, strict=True) for strike in STRIKES for side in ("call", "put")
    ]  # fmt: skip
    priced = {"open_interest": open_interest, "multiplier": 100.0, "iv_source": "solved_mid", "iv_frac": 0.2}
    scoped = [head | {"dealer_model": model, "scope": scope} for model in MODELS for scope in SCOPES]
    counts = {"rows_in": 12, "rows_landed": 12, "rows_quarantined": 0, "rows_duplicate": 0, "rows_live": 12}
    per_expiry = {"forward_source": "parity", "contracts_live": 6, "contracts_solved_mid": 6}
    no_other = {
        f"contracts_{source}": 0 for source in ("solved_american", "solved_pair", "vendor", "interpolated", "none")
    }
    marks = {"spot": 100.0, "spot_source": "underlying_last", "discount_source": "none", "rows_expired": 0}
    gex = 2.0 * open_interest
    heat = [
        row | {"strike": strike, "net_gex_usd_per_1pct": gex} for row in scoped for strike in STRIKES
        if row["scope"] in ("all", "0dte")
    ]  # fmt: skip
    return {
        "chains": [row | priced for row in contracts],
        "pages": [head | counts],
        "snapshot_marks": [head | marks],
        "expiry_forwards": [head | expiry | {"forward_source": "parity"} for expiry in expiries],
        "option_snapshots": [row | priced for row in contracts],
        "expiry_surface": [head | expiry | per_expiry | no_other for expiry in expiries],
        "snapshot_quality": [head | counts | marks],
        "strike_exposures": [
            head | expiry | {"dealer_model": model, "strike": strike} | _totals(open_interest, skew)
            for expiry in expiries for strike in STRIKES for model in MODELS
        ],
        "exposure_summary": [row | _summary(row["scope"], open_interest) for row in scoped],
        "key_levels": [row | _levels(row["scope"]) | {"spot": 100.0} for row in scoped],
        "gamma_profile": [
            row | {"spot_levels": [90.0, 110.0], "net_gex_usd_per_1pct_curve": [-gex, gex]} for row in scoped
        ],
        "exposure_heatmap": heat,
        "opex_rolloff": [
            head | expiry | {"dealer_model": model, "gross_share_frac": 0.5} for expiry in expiries for model in MODELS
        ],
        "price_bars": [head | {"interval": "1d", "bar_ts": head["snapshot_ts"], "close": 100.0}],
        "treasury_zero_curve": [{"source": "fake", "known_at": head["known_at"], "tenor_years": 0.25}],
    }  # fmt: skip


def _expiry(session: date, days: int) -> Row:
    day = session + timedelta(days=days)
    return {"root": "R", "expiry_date": day, "expiry_ts": close_of(day), "t_years": days / 365, "days_to_expiry": days}


def _totals(quantity: float, skew: float = 0.0) -> Row:
    row: Row = {"call_open_interest": quantity, "put_open_interest": quantity, "quantity_unit": "contracts"}
    for measure in ("gex_usd_per_1pct", "gex_usd_per_1usd", "dex_usd", "vex_usd_per_volpt", "chex_usd_per_day"):
        row |= {f"call_{measure}": 3.0 * quantity, f"put_{measure}": -quantity, f"net_{measure}": 2.0 * quantity + skew}
    return row


def _summary(scope: str, open_interest: float) -> Row:
    if scope in ("0dte", "monthly"):
        return {"scope_status": "empty", "contracts_counted": 0, "contracts_not_counted": 0}
    expiries = len(EXPIRY_DAYS) if scope == "all" else 1
    quantity = open_interest * expiries * len(STRIKES)
    return {"scope_status": "ok", "gross_gex_usd_per_1pct": 4.0 * quantity} | _totals(quantity)


def _levels(scope: str) -> Row:
    if scope in ("0dte", "monthly"):
        return {"scope_status": "empty"}
    return {
        "scope_status": "ok", "gamma_flip": 95.0, "gamma_flip_status": "ok", "gamma_flips": [95.0],
        "gamma_flip_root_count": 1, "gamma_flip_low": 94.0, "gamma_flip_high": 96.0,
        "distance_to_flip_pct": 100 * (100.0 / 95.0 - 1), "call_wall": 110.0, "put_wall": 90.0,
    }  # fmt: skip
