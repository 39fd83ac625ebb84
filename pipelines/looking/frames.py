"""What pages show, read from the published file: frames for one underlying, dealer model and scope."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import numpy as np
import polars as pl

from models.conventions import Scope
from models.scopes import scope_members
from pipelines.settings import Paths
from pipelines.warehouse.connection import QueryError, one_line
from pipelines.warehouse.query import connect_readonly

HEATMAP_SCOPES = ("all", "0dte")
_LEVELS = """
select l.*, e.net_gex_usd_per_1pct, e.gross_gex_usd_per_1pct, e.zero_dte_share_frac,
       e.call_open_interest, e.put_open_interest, e.contracts_not_counted
from key_levels l left join exposure_summary e using (market, session_date, part, v, snapshot_ts, dealer_model, scope)
where l.underlying = $underlying and l.dealer_model = $model and l.scope = $scope
order by l.snapshot_ts"""
_CELLS = """
select snapshot_ts, strike, net_gex_usd_per_1pct, net_gex_change_usd_per_1pct, open_interest, open_interest_change,
       coalesce(is_jump, false) as is_jump
from exposure_heatmap
where underlying = $underlying and dealer_model = $model and scope = $scope and list_contains($snapshots, snapshot_ts)
order by snapshot_ts, strike"""
_STRIKES = """
select session_date, expiry_date, strike, sum(call_gex_usd_per_1pct) as call_gex_usd_per_1pct,
       sum(put_gex_usd_per_1pct) as put_gex_usd_per_1pct, sum(net_gex_usd_per_1pct) as net_gex_usd_per_1pct,
       sum(call_open_interest) as call_open_interest, sum(put_open_interest) as put_open_interest
from strike_exposures where underlying = $underlying and dealer_model = $model and snapshot_ts = $snapshot
group by all order by expiry_date, strike"""
_CURVE = """
select unnest(spot_levels) as price, unnest(net_gex_usd_per_1pct_curve) as net_gex_usd_per_1pct
from gamma_profile
where underlying = $underlying and dealer_model = $model and scope = $scope and snapshot_ts = $snapshot"""
_ROLLOFF = """
select expiry_date, days_to_expiry, gross_gex_usd_per_1pct, net_gex_usd_per_1pct, gross_share_frac, is_opex
from opex_rolloff where underlying = $underlying and dealer_model = $model and snapshot_ts = $snapshot
order by expiry_date"""
_QUALITY = "select * from snapshot_quality where underlying = $underlying and snapshot_ts = $snapshot"
_FILES = """
select distinct l.snapshot_ts, l.original_name
from snapshot_quality q join load_ledger l using (raw_sha256)
where q.underlying = $underlying and list_contains($snapshots, q.snapshot_ts) and l.original_name is not null
order by all"""
_VERSIONS = """
select v, known_at, known_at_basis, is_current from partition_versions
where table_name = 'key_levels' and session_date = $session and part = $underlying
order by known_at, v"""


@dataclass(frozen=True, slots=True)
class View:
    """Whose exposures, under which assumption, over which expiries."""

    underlying: str
    model: str
    scope: str = "all"


class Published:
    """The published file, open for reading."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def frame(self, sql: str, **values: Any) -> pl.DataFrame:
        try:
            return self._connection.execute(sql, values or None).pl()
        except duckdb.Error as error:
            raise QueryError(one_line(error)) from None

    def column(self, sql: str, **values: Any) -> list[Any]:
        return self.frame(sql, **values).to_series().to_list()

    def underlyings(self, session: date | None = None) -> list[str]:
        everywhere = "select distinct underlying from key_levels where $session is null or session_date = $session"
        return sorted(self.column(everywhere, session=session))

    def newest_session(self) -> date | None:
        newest: date | None = self.column("select max(session_date) from key_levels")[0]
        return newest

    def view(self, underlying: str, model: str | None, scope: str) -> View:
        """The view that was asked for; QueryError naming what there is, if it is not there."""
        known = self.underlyings()
        matching = [name for name in (underlying, underlying.upper()) if name in known]
        if not matching:
            raise QueryError(f"no underlying {underlying!r}; there are: {', '.join(known) or 'none yet'}")
        models = self.column("select distinct dealer_model from key_levels order by all")
        chosen = model or self.default_model()
        if chosen not in models:
            raise QueryError(f"no dealer model {chosen!r}; there are: {', '.join(models)}")
        scopes = self.column("select distinct scope from key_levels order by all")
        if scope not in scopes:
            raise QueryError(f"no scope {scope!r}; there are: {', '.join(scopes)}")
        return View(matching[0], chosen, scope)

    def default_model(self) -> str:
        return str(self.column("select dealer_model from default_models order by market, venue limit 1")[0])

    def levels(self, view: View, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """One row a snapshot: levels and totals, oldest first."""
        found = self.frame(_LEVELS, underlying=view.underlying, model=view.model, scope=view.scope)
        within = pl.lit(True)
        if first is not None:
            within &= pl.col("session_date") >= first
        if last is not None:
            within &= pl.col("session_date") <= last
        return found.filter(within)

    def cells(self, view: View, snapshots: list[datetime]) -> pl.DataFrame:
        """The heatmap of these snapshots, a row a strike."""
        if view.scope not in HEATMAP_SCOPES:
            raise QueryError(f"the heatmap is kept for the scopes {' and '.join(HEATMAP_SCOPES)}, not {view.scope!r}")
        return self._of(view, _CELLS, snapshots=snapshots)

    def curve(self, view: View, snapshot: datetime) -> pl.DataFrame:
        """Net gamma over spot; empty where it could not be told."""
        return self._of(view, _CURVE, snapshot=snapshot)

    def rolloff(self, view: View, snapshot: datetime) -> pl.DataFrame:
        return self.frame(_ROLLOFF, underlying=view.underlying, model=view.model, snapshot=snapshot)

    def strikes(self, view: View, snapshot: datetime) -> pl.DataFrame:
        """Gamma and open interest by strike over the expiries of the scope."""
        rows = self.frame(_STRIKES, underlying=view.underlying, model=view.model, snapshot=snapshot)
        if rows.is_empty():
            return rows.drop("session_date", "expiry_date")
        monthly = self.rolloff(view, snapshot).filter("is_opex")["expiry_date"].to_list()
        dates = rows["expiry_date"].to_numpy().astype("datetime64[D]")
        scope: Scope = view.scope  # type: ignore[assignment]
        members = scope_members(dates, rows["session_date"][0], monthly)[scope]
        figures = pl.col("^(call|put|net)_.*$")
        sums = pl.when(figures.is_not_null().any()).then(figures.sum())  # unknown is not zero
        return rows.filter(pl.Series(np.asarray(members))).group_by("strike").agg(sums).sort("strike")

    def quality(self, underlying: str, snapshot: datetime) -> dict[str, Any]:
        rows = self.frame(_QUALITY, underlying=underlying, snapshot=snapshot).to_dicts()
        return rows[0] if rows else {}

    def files(self, underlying: str, snapshots: list[datetime]) -> list[str]:
        """The names under which the pages behind these snapshots arrived."""
        rows = self.frame(_FILES, underlying=underlying, snapshots=snapshots)
        return rows["original_name"].unique(maintain_order=True).to_list()

    def versions(self, underlying: str, session: date) -> list[dict[str, Any]]:
        return self.frame(_VERSIONS, underlying=underlying, session=session).to_dicts()

    def _of(self, view: View, sql: str, **values: Any) -> pl.DataFrame:
        return self.frame(sql, underlying=view.underlying, model=view.model, scope=view.scope, **values)


@contextmanager
def open_published(paths: Paths) -> Iterator[Published]:
    """The published file; QueryError if there is none yet."""
    connection = connect_readonly(paths.warehouse)
    try:
        yield Published(connection)
    finally:
        connection.close()


def newest_snapshot(levels: pl.DataFrame) -> dict[str, Any] | None:
    """The newest whole snapshot, or the newest of all if none is whole."""
    whole = levels.filter(~pl.col("is_partial"))
    rows = levels if whole.is_empty() else whole
    if rows.is_empty():
        return None
    newest: dict[str, Any] = rows.sort("snapshot_ts").row(-1, named=True)
    return newest
