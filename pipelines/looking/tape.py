"""The premium tape read from the published file: what takers paid and received, summed over bins of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.looking import words
from pipelines.looking.frames import Published

MOST_BINS = 1440  # a day by the minute
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440)
TRAIL = timedelta(hours=1)
_NEWEST = "select max(session_date) from {table} where market = $market and underlying = $underlying"
_FLOW = """
select minute_ts, option_type, taker_side, flow_class, premium_usd, trades, trades_without_premium, delta_usd,
       trades_without_delta, coalesce(is_spike, false) as is_spike, known_at, session_date
from {table}
where market = $market and underlying = $underlying and session_date between $first and $last
order by all"""
_SPOT = """
select snapshot_ts, any_value(spot) as spot from key_levels
where market = $market and underlying = $underlying and session_date between $first and $last and scope = 'all'
  and spot is not null
group by snapshot_ts order by snapshot_ts"""
_FILES = """
with trades as (
    select unnest(json_extract_string(inputs, '$[*].raw')) as raw_sha256
    from partition_versions
    where table_name = 'option_trades' and is_current and market = $market
      and part in ($underlying, $underlying || '.trades') and session_date between $first and $last
)
select distinct original_name from load_ledger semi join trades using (raw_sha256)
where original_name is not null order by all"""
KINDS = ("call", "put")
_SUMS = ("call_buy", "call_sell", "put_buy", "put_sell", "call_unknown", "put_unknown")


@dataclass(frozen=True, slots=True)
class Tape:
    """Flow of one underlying by minute, series and class; times by the zone's clock in `at`."""

    underlying: str
    market: str
    rows: pl.DataFrame
    spots: pl.DataFrame
    minutes: int  # of a bin
    is_same_day: bool

    @property
    def zone(self) -> str:
        return words.zone(self.market)

    @property
    def classes(self) -> list[str]:
        present = set(self.rows["flow_class"].to_list())
        return [name for name in words.FLOW_CLASSES if name in present]

    def bins(self, classes: list[str]) -> pl.DataFrame:
        """A row a bin in which these classes traded: premium by series, its running net, delta, put share, spikes."""
        mine = self.rows.filter(pl.col("flow_class").is_in(classes)).with_columns(
            bin=pl.col("at").dt.truncate(timedelta(minutes=self.minutes)),
            series=pl.concat_str("option_type", "taker_side", separator="_"),
        )
        summed = [
            pl.col("premium_usd").filter(pl.col("series") == name).sum().fill_null(0.0).alias(name) for name in _SUMS
        ]
        spikes = [(pl.col("is_spike") & (pl.col("series") == name)).any().alias(f"{name}_spike") for name in _SUMS[:4]]
        found = (
            mine.group_by("bin")
            .agg(
                *summed, *spikes,
                pl.col("delta_usd").sum().fill_null(0.0), pl.col("trades").sum(),
                pl.col("trades_without_premium").sum(), pl.col("trades_without_delta").sum(),
            )
            .sort("bin")
        )  # fmt: skip
        calls, puts = pl.col("call_buy") - pl.col("call_sell"), pl.col("put_buy") - pl.col("put_sell")
        return found.with_columns(
            call_net=calls.cum_sum(), put_net=puts.cum_sum(), delta_net=pl.col("delta_usd").cum_sum(),
            put_share=self._put_share(found),
        )  # fmt: skip

    def _put_share(self, found: pl.DataFrame) -> pl.Series:
        """Of all premium of the hour up to the bin's end, or of the bin where it is longer, in percent."""
        sums = found.select(
            "bin", **{kind: pl.sum_horizontal(pl.col(f"^{kind}_(buy|sell|unknown)$")) for kind in KINDS}
        )
        period = max(TRAIL, timedelta(minutes=self.minutes))
        rolled = sums.select(pl.col(kind).rolling_sum_by("bin", window_size=period) for kind in KINDS)
        total = pl.col("put") + pl.col("call")
        return rolled.select(put_share=pl.when(total > 0).then(100 * pl.col("put") / total)).to_series()

    def totals(self, classes: list[str]) -> dict[str, Any]:
        """What these classes did over the whole window."""
        mine = self.rows.filter(pl.col("flow_class").is_in(classes))
        series = pl.concat_str("option_type", "taker_side", separator="_")
        found: dict[str, Any] = mine.select(
            *(pl.col("premium_usd").filter(series == name).sum().alias(name) for name in _SUMS),
            *(pl.col(name).sum() for name in ("delta_usd", "trades", "trades_without_premium", "trades_without_delta")),
            pl.col("trades").filter(pl.col("taker_side") == "unknown").sum().alias("trades_of_unknown_side"),
            pl.col("is_spike").sum().alias("spikes"),
        ).row(0, named=True)
        return found


def read_tape(
    published: Published, market: str, underlying: str, first: date | None, last: date | None, *, is_same_day: bool
) -> tuple[Tape, date, date]:
    """The tape of these sessions, without any of the newest; and which they are."""
    table = "zero_dte_flow" if is_same_day else "premium_flow"
    here = {"market": market, "underlying": underlying}
    newest = published.column(_NEWEST.format(table="premium_flow"), **here)[0]
    last = last or (newest if first is None or newest is None else max(newest, first))
    first = first or last
    rows = published.frame(_FLOW.format(table=table), first=first, last=last, **here)
    spots = published.frame(_SPOT, first=first, last=last, **here)
    zone = words.zone(market)
    rows = rows.with_columns(at=_local("minute_ts", zone))
    spots = spots.with_columns(at=_local("snapshot_ts", zone))
    return Tape(underlying, market, rows, spots, bin_minutes(rows), is_same_day), first, last


def bin_minutes(rows: pl.DataFrame) -> int:
    """The shortest bin that gives a picture few enough of them."""
    if rows.is_empty():
        return _STEPS[0]
    at = rows["minute_ts"]
    span: timedelta = at.max() - at.min()  # type: ignore[operator, assignment]
    minutes = span.total_seconds() / 60 + 1
    return next((step for step in _STEPS if minutes / step <= MOST_BINS), _STEPS[-1])


def trade_files(published: Published, market: str, underlying: str, first: date, last: date) -> list[str]:
    """The names under which the trades of these sessions arrived."""
    return published.column(_FILES, market=market, underlying=underlying, first=first, last=last)


def _local(column: str, zone: str) -> pl.Expr:
    if zone == words.UTC:
        return pl.col(column)
    return (
        pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York").dt.replace_time_zone(None)
    )
