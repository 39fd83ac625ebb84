"""What pages show, read from the published file: frames for one underlying, dealer model and scope."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import numpy as np
import polars as pl

from models.conventions import Scope
from models.scopes import next_daily_expiry_date, scope_members
from pipelines.looking import words
from pipelines.settings import Paths
from pipelines.warehouse.connection import QueryError, one_line
from pipelines.warehouse.query import connect_readonly

HEATMAP_SCOPES = ("all", "0dte")
_LEVELS = """
select l.*, e.net_gex_usd_per_1pct, e.gross_gex_usd_per_1pct, e.zero_dte_share_frac,
       e.call_open_interest, e.put_open_interest, e.contracts_not_counted
from key_levels l left join exposure_summary e using (market, session_date, part, v, snapshot_ts, dealer_model, scope)
where l.market = $market and l.underlying = $underlying and l.dealer_model = $model and l.scope = $scope
  and ($first is null or l.session_date >= $first) and ($last is null or l.session_date <= $last)
order by l.snapshot_ts"""
_PLACES = """
select distinct market, underlying from key_levels where $session is null or session_date = $session order by all"""
_ENDS = """
select min(session_date), max(session_date) from key_levels where market = $market and underlying = $underlying"""
_FLAGGED_MODEL = """
select dealer_model from key_levels
where market = $market and underlying = $underlying and is_default_model
  and ($first is null or session_date >= $first) and ($last is null or session_date <= $last)
order by snapshot_ts desc limit 1"""
_OTHER_DEFAULTS = """
select count(distinct snapshot_ts) from key_levels
where market = $market and underlying = $underlying and scope = $scope and is_default_model and dealer_model <> $model
  and list_contains($snapshots, snapshot_ts)"""
_CELLS = """
select snapshot_ts, strike, net_gex_usd_per_1pct, net_gex_change_usd_per_1pct, open_interest, open_interest_change,
       coalesce(is_jump, false) as is_jump, taker_net_quantity, trades
from exposure_heatmap
where market = $market and underlying = $underlying and dealer_model = $model and scope = $scope
  and snapshot_ts between $first and $last and snapshot_ts in (select unnest($snapshots::timestamp[]))
order by snapshot_ts, strike"""
_JUMPS = """
select snapshot_ts, strike, net_gex_change_usd_per_1pct from exposure_heatmap
where market = $market and underlying = $underlying and dealer_model = $model and scope = $scope and is_jump
  and snapshot_ts between $first and $last
order by snapshot_ts, strike"""
_STRIKES = """
select session_date, expiry_date, strike, sum(call_gex_usd_per_1pct) as call_gex_usd_per_1pct,
       sum(put_gex_usd_per_1pct) as put_gex_usd_per_1pct, sum(net_gex_usd_per_1pct) as net_gex_usd_per_1pct,
       sum(call_open_interest) as call_open_interest, sum(put_open_interest) as put_open_interest
from strike_exposures
where market = $market and underlying = $underlying and dealer_model = $model and snapshot_ts = $snapshot
group by all order by expiry_date, strike"""
_CURVE = """
select unnest(spot_levels) as price, unnest(net_gex_usd_per_1pct_curve) as net_gex_usd_per_1pct
from gamma_profile
where market = $market and underlying = $underlying and dealer_model = $model and scope = $scope
  and snapshot_ts = $snapshot"""
_ROLLOFF = """
select expiry_date, days_to_expiry, gross_gex_usd_per_1pct, net_gex_usd_per_1pct, gross_share_frac, is_opex
from opex_rolloff
where market = $market and underlying = $underlying and dealer_model = $model and snapshot_ts = $snapshot
order by expiry_date"""
_CURVE_SNAPSHOT = """
select max(snapshot_ts) from gamma_profile
where market = $market and underlying = $underlying and dealer_model = $model and scope = $scope
  and session_date = $session and snapshot_ts <= $snapshot and len(net_gex_usd_per_1pct_curve) > 0"""
_QUALITY = """
select * from snapshot_quality where market = $market and underlying = $underlying and snapshot_ts = $snapshot"""
_FILES = """
select distinct l.snapshot_ts, l.original_name
from snapshot_quality q join load_ledger l using (raw_sha256)
where q.market = $market and q.underlying = $underlying and list_contains($snapshots, q.snapshot_ts)
  and l.original_name is not null
order by all"""
_VERSIONS = """
select v, known_at, known_at_basis, is_current from partition_versions
where table_name = 'key_levels' and market = $market and session_date = $session and part = $underlying
order by known_at, v"""


@dataclass(frozen=True, slots=True)
class View:
    """Whose exposures, under which assumption, over which expiries."""

    underlying: str
    model: str
    scope: str = "all"
    market: str = "us"


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

    def places(self, session: date | None = None) -> list[tuple[str, str]]:
        """Markets and underlyings that have levels, of one session or at all."""
        return self.frame(_PLACES, session=session).rows()

    def newest_sessions(self) -> dict[str, date]:
        """The newest session of every market."""
        return dict(self.frame("select market, max(session_date) from key_levels group by market order by all").rows())

    def sessions(self, view: View) -> tuple[date, date]:
        """The first session of the underlying and the newest."""
        first, last = self._of(view, _ENDS).row(0)
        return first, last

    def view(
        self,
        underlying: str,
        model: str | None,
        scope: str,
        market: str | None = None,
        *,
        first: date | None = None,
        last: date | None = None,
    ) -> View:
        """The view that was asked for; QueryError naming what there is, if it is not there."""
        market, name = self.place(underlying, market)
        here = {"market": market, "underlying": name}
        mine = "select distinct {} from key_levels where market = $market and underlying = $underlying order by all"
        models = self.column(mine.format("dealer_model"), **here)
        chosen = model or self.default_model(market, name, first, last)
        if chosen not in models:
            raise QueryError(f"no dealer model {chosen!r}; there are: {', '.join(models)}")
        scopes = self.column(mine.format("scope"), **here)
        if scope not in scopes:
            raise QueryError(f"no scope {scope!r}; there are: {', '.join(scopes)}")
        return View(name, chosen, scope, market)

    def place(self, underlying: str, market: str | None, table: str = "key_levels") -> tuple[str, str]:
        """Market and name of an underlying that the table has rows of; QueryError naming what there is."""
        known = self.frame(f"select distinct market, underlying from {table} order by all").rows()
        here = [(where, name) for where, name in known if market in (None, where)]
        for wanted in (underlying, underlying.upper()):
            found = [place for place in here if place[1] == wanted]
            if len(found) > 1:
                markets = " and ".join(where for where, _ in found)
                raise QueryError(f"{wanted} stands in the markets {markets}: say which with --market")
            if found:
                return found[0]
        there = ", ".join(sorted({name for _, name in here})) or "none yet"
        raise QueryError(f"no underlying {underlying!r}; there are: {there}")

    def default_model(self, market: str, underlying: str, first: date | None = None, last: date | None = None) -> str:
        """The model that the newest snapshot of these sessions is flagged with, else the venue's."""
        flagged = self.column(_FLAGGED_MODEL, market=market, underlying=underlying, first=first, last=last)
        declared = "select dealer_model from default_models where market = $market order by venue limit 1"
        return str((flagged or self.column(declared, market=market))[0])

    def other_defaults(self, view: View, snapshots: list[datetime]) -> int:
        """At how many of these snapshots another model is the default."""
        return int(self._of(view, _OTHER_DEFAULTS, snapshots=snapshots).item())

    def levels(self, view: View, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """One row a snapshot: levels and totals, oldest first."""
        return self._of(view, _LEVELS, first=first, last=last)

    def cells(self, view: View, snapshots: list[datetime]) -> pl.DataFrame:
        """The heatmap of these snapshots, a row a strike."""
        if view.scope not in HEATMAP_SCOPES:
            raise QueryError(f"the heatmap is kept for the scopes {' and '.join(HEATMAP_SCOPES)}, not {view.scope!r}")
        return self._of(view, _CELLS, snapshots=snapshots, first=min(snapshots), last=max(snapshots))

    def jumps(self, view: View, first: datetime, last: datetime) -> pl.DataFrame:
        """The cells that jumped, between two instants."""
        return self._of(view, _JUMPS, first=first, last=last)

    def curve_snapshot(self, view: View, session: date, snapshot: datetime) -> datetime | None:
        """The last snapshot of the session up to this one whose profile is kept: not every one's is."""
        found: datetime | None = self._of(view, _CURVE_SNAPSHOT, session=session, snapshot=snapshot).item()
        return found

    def curve(self, view: View, snapshot: datetime) -> pl.DataFrame:
        """Net gamma over spot; empty where it could not be told."""
        return self._of(view, _CURVE, snapshot=snapshot)

    def rolloff(self, view: View, snapshot: datetime) -> pl.DataFrame:
        return self._of(view, _ROLLOFF, snapshot=snapshot)

    def strikes(self, view: View, snapshot: datetime) -> pl.DataFrame:
        """Gamma and open interest by strike over the expiries of the scope."""
        rows = self._of(view, _STRIKES, snapshot=snapshot)
        if rows.is_empty():
            return rows.drop("session_date", "expiry_date")
        monthly = self.rolloff(view, snapshot).filter("is_opex")["expiry_date"].to_list()
        dates = rows["expiry_date"].to_numpy().astype("datetime64[D]")
        scope: Scope = view.scope  # type: ignore[assignment]
        same_day = next_daily_expiry_date(snapshot) if words.zone(view.market) == words.UTC else None
        members = scope_members(dates, rows["session_date"][0], monthly, same_day)[scope]
        figures = pl.col("^(call|put|net)_.*$")
        sums = pl.when(figures.is_not_null().any()).then(figures.sum())  # unknown is not zero
        return rows.filter(pl.Series(np.asarray(members))).group_by("strike").agg(sums).sort("strike")

    def quality(self, view: View, snapshot: datetime) -> dict[str, Any]:
        rows = self._of(view, _QUALITY, snapshot=snapshot).to_dicts()
        return rows[0] if rows else {}

    def files(self, view: View, snapshots: list[datetime]) -> list[str]:
        """The names under which the pages behind these snapshots arrived."""
        rows = self._of(view, _FILES, snapshots=snapshots)
        return rows["original_name"].unique(maintain_order=True).to_list()

    def versions(self, view: View, session: date) -> list[dict[str, Any]]:
        return self._of(view, _VERSIONS, session=session).to_dicts()

    def _of(self, view: View, sql: str, **values: Any) -> pl.DataFrame:
        asked = {name: value for name, value in asdict(view).items() if f"${name}" in sql}
        return self.frame(sql, **asked, **values)


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
