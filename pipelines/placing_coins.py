"""Where what a coin venue's file holds belongs: a sighting for each kind of row, underlying and UTC day.

The venue publishes everything to everyone at once, so trades and rows of a recorded file are known at their own clock;
what was fetched live otherwise is known when it was fetched. A state at midnight (a chain, the end of a bar) belongs to
the day that ends then, a trade to the day that begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from pipelines.lake.catalogue import PartitionKey, Sighting, canonical_json, timestamp
from pipelines.markets import CRYPTO
from pipelines.placing import Origin, Placed
from pipelines.sources.coin_file import CoinFile
from pipelines.sources.page import EARLIEST_YEAR, LATEST_YEAR, Unreadable

# What sightings of a file are called, by kind of row. Files that hold one kind alone go by their own name.
DERIBIT = "deribit_responses"
DERIBIT_KINDS = {
    "chains": "deribit_chain",
    "trades": "deribit_trades",
    "instruments": "deribit_instruments",
    "bars": "deribit_bars",
    "deliveries": "deribit_deliveries",
}
_CLOCKS = {
    "chains": "snapshot_ts", "trades": "trade_ts", "instruments": "known_at", "bars": "bar_ts",
    "deliveries": "delivery_ts",
}  # fmt: skip
_OWN_PARTS = {"bars": ".bars", "deliveries": ".deliveries"}
_INSTANT_BEFORE = pl.duration(microseconds=1)
_MOST_DAYS = 4000  # of one file
_MOST_COVERED = 20_000  # days times underlyings


def session_of(kind: str) -> pl.Expr:
    """The UTC day to which rows of a kind belong."""
    clock = pl.col(_CLOCKS[kind])
    return (clock if kind == "trades" else clock - _INSTANT_BEFORE).dt.date()


def part_column(kind: str) -> str:
    """What names the partition of a row: bars stand under the instrument's own symbol."""
    return "symbol" if kind == "bars" else "underlying"


def part_of(kind: str, name: str) -> str:
    """The part in which rows of a kind stand: bars and settlement prices beside the chains, in parts of their own."""
    return name + _OWN_PARTS.get(kind, "")


def name_of_part(kind: str, part: str) -> str:
    return part.removesuffix(_OWN_PARTS.get(kind, ""))


def kind_source(module: str, kind: str) -> str:
    """The source name under which rows of one kind of a file stand."""
    return DERIBIT_KINDS[kind] if module == DERIBIT else module


def place_coins(file: CoinFile, origin: Origin) -> Placed:
    """Sightings of every kind, and the file's line in the ledger."""
    if origin.declared.session is not None:
        raise Unreadable("the file states its own days; --session is for single pages")
    sightings = [s for kind in _CLOCKS for s in _of_kind(file, kind, origin)]
    if not sightings:
        reason = file.rejected["reason"][0] if file.rejected.height else "there are none"
        raise Unreadable(f"none of {file.rows_in} rows is a chain, a trade or a bar ({reason})")
    days = [sighting.key.session_date for sighting in sightings]
    if (max(days) - min(days)).days > _MOST_DAYS or not EARLIEST_YEAR <= min(days).year <= max(
        days
    ).year <= LATEST_YEAR:
        raise Unreadable(f"the file's clocks run from {min(days)} to {max(days)}")
    landed = sum(getattr(file, kind).height for kind in _CLOCKS)
    parts = {name for kind in _CLOCKS for name in getattr(file, kind)[part_column(kind)].unique()}
    newest = file.chains["snapshot_ts"].max()
    return Placed(
        sightings=[_with_rejected(sightings[0]), *sightings[1:]],
        rows_in=file.rows_in,
        rows_landed=landed,
        rows_quarantined=file.rejected.height,
        rows_duplicate=file.rows_in - landed - file.rejected.height,
        part=parts.pop() if len(parts) == 1 else None,
        session_date=max(days),
        session_basis="venue_clock",
        snapshot_ts=newest if isinstance(newest, datetime) else None,
        known_at=max(sighting.known_at for sighting in sightings),
    )


def _with_rejected(sighting: Sighting) -> Sighting:
    """Rows that were set aside often cannot say where they belong: they stand with the file's first place."""
    return replace(sighting, detail=canonical_json(json.loads(sighting.detail) | {"has_rejected": True}))


def _of_kind(file: CoinFile, kind: str, origin: Origin) -> Iterator[Sighting]:
    rows: pl.DataFrame = getattr(file, kind)
    places = rows.select(
        part=part_column(kind), day=session_of(kind), known_at="known_at", snapshot_ts=_CLOCKS[kind]
    )  # fmt: skip
    if kind == "trades":
        places = pl.concat([places, _covered_days(file.coverage)])
    facts = places.group_by("part", "day").agg(
        pl.col("known_at").max(), pl.col("snapshot_ts").unique().sort() if kind == "chains" else pl.lit(None)
    )
    for name, day, known_at, instants in facts.sort("part", "day").iter_rows():
        yield _sighting(kind, origin, name, day, known_at, instants)


def _covered_days(coverage: pl.DataFrame) -> pl.DataFrame:
    """Days on which a file says that no trade is missing, be there one or not."""
    first, last = pl.col("from_ts").dt.date(), (pl.col("until_ts") - _INSTANT_BEFORE).dt.date()
    count = coverage.select((last - first).dt.total_days().sum() + pl.len()).item()
    if count > _MOST_COVERED:  # before they are spelt out: a few bytes can claim decades of a thousand coins
        raise Unreadable(f"the file claims {count} days of trades; more than {_MOST_COVERED} are in no file")
    days = coverage.select(part="underlying", day=pl.date_ranges(first, last), known_at="known_at").explode("day")
    return days.drop_nulls("day").select(
        "part", "day", "known_at", snapshot_ts=pl.lit(None, dtype=pl.Datetime("us"))
    )  # fmt: skip


def _sighting(
    kind: str, origin: Origin, part: str, day: date, known_at: datetime, instants: list[datetime] | None
) -> Sighting:
    detail: dict[str, Any] = {
        "module": origin.source,
        "session_basis": "venue_clock",
        "underlying": origin.declared.underlying,
        "mapping": origin.mapping_sha256,
    }
    if kind == "chains":
        detail["snapshots"] = [timestamp(instant) for instant in instants or ()]
    return Sighting(
        kind_source(origin.source, kind),
        PartitionKey(CRYPTO.name, day, part_of(kind, part)),
        f"{kind}:{part}:{day}:{origin.raw_sha256}",
        origin.raw_sha256,
        known_at,
        "header_clock" if origin.captured_at is None or kind == "trades" else "captured_live",
        canonical_json(detail),
    )


def end_of_hour(instant: datetime) -> datetime:
    """Derived partitions count a sighting from the end of its hour: a day has 24 versions at most, not 144."""
    start = instant.replace(minute=0, second=0, microsecond=0)
    return start if start == instant else start + timedelta(hours=1)
