"""Where trades of an exchange's options belong: the session that they count towards.

Trading around the clock belongs to the next session: what is traded after 17:00 New York counts towards the session
after. Trades stand beside the chains of their underlying, in parts of their own (`SPX.trades`), for other files bring
them.
"""

from __future__ import annotations

from datetime import date, datetime, time

import polars as pl

from pipelines.calendar import new_york_to_utc, us_sessions
from pipelines.lake.catalogue import PartitionKey, Sighting, canonical_json
from pipelines.markets import US
from pipelines.placing import Origin, Placed
from pipelines.placing_coins import place_coins
from pipelines.sources.coin_file import CoinFile
from pipelines.sources.mapping import market_of
from pipelines.sources.page import Unreadable

_DAY_ENDS = time(17, 0)  # New York
_SUFFIX = ".trades"


def part_of_trades(underlying: str) -> str:
    return underlying + _SUFFIX


def underlying_of_part(part: str) -> str:
    return part.removesuffix(_SUFFIX)


def session_span(session: date) -> tuple[datetime, datetime]:
    """The instants between which trades count towards a session, in UTC; the second one not included."""
    calendar = us_sessions()
    return new_york_to_utc(calendar.before(session), _DAY_ENDS), new_york_to_utc(session, _DAY_ENDS)


def sessions_of(instants: pl.Series) -> pl.Series:
    """The session of each instant; null outside the calendar."""
    days = instants.drop_nulls()
    if days.is_empty():
        return pl.Series([None] * instants.len(), dtype=pl.Date)
    first, last = days.min(), days.max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    calendar = us_sessions()
    sessions = [*calendar.between(first.date(), last.date()), calendar.after(last.date())]
    ends = pl.DataFrame(
        {"session": sessions, "end": [new_york_to_utc(day, _DAY_ENDS) for day in sessions]},
        schema={"session": pl.Date, "end": pl.Datetime("us")},
    )
    # What is traded as a session ends counts towards the next one.
    found = pl.DataFrame({"place": range(instants.len()), "at": instants.dt.offset_by("1us")})
    joined = found.sort("at").join_asof(ends, left_on="at", right_on="end", strategy="forward")
    return joined.sort("place")["session"]


def place_venue_file(file: CoinFile, origin: Origin) -> Placed:
    """Trades of an exchange's options by session, everything of a coin venue by UTC day."""
    mapping = origin.declared.mapping
    if mapping is not None and market_of(mapping) == US.name:
        return place_trades(file, origin)
    return place_coins(file, origin)


def place_trades(file: CoinFile, origin: Origin) -> Placed:
    """A sighting for each underlying and session."""
    places = pl.concat(
        [
            file.trades.select("underlying", "known_at", at="trade_ts"),
            file.coverage.select("underlying", "known_at", at="from_ts"),
            file.coverage.select("underlying", "known_at", at=pl.col("until_ts") - pl.duration(microseconds=1)),
        ]
    )
    facts = (
        places.with_columns(session=sessions_of(places["at"]))
        .drop_nulls("session")
        .group_by("underlying", "session")
        .agg(pl.col("known_at").max())
        .sort("underlying", "session")
    )
    if facts.is_empty():
        raise Unreadable("none of the trades belongs to a session of the exchange")
    sightings = [
        _sighting(origin, underlying, session, known_at, is_first=place == 0)
        for place, (underlying, session, known_at) in enumerate(facts.iter_rows())
    ]
    parts = {sighting.key.part for sighting in sightings}
    return Placed(
        sightings=sightings,
        rows_in=file.rows_in,
        rows_landed=file.trades.height,
        rows_quarantined=file.rejected.height,
        rows_duplicate=file.rows_in - file.trades.height - file.rejected.height,
        part=parts.pop() if len(parts) == 1 else None,
        session_date=max(sighting.key.session_date for sighting in sightings),
        session_basis="venue_clock",
        known_at=max(sighting.known_at for sighting in sightings),
    )


def _sighting(origin: Origin, underlying: str, session: date, known_at: datetime, *, is_first: bool) -> Sighting:
    detail = {
        "module": origin.source,
        "session_basis": "venue_clock",
        "underlying": origin.declared.underlying,
        "mapping": origin.mapping_sha256,
        "has_rejected": is_first,
    }
    part = part_of_trades(underlying)
    return Sighting(
        origin.source,
        PartitionKey(US.name, session, part),
        f"{part}:{session}:{origin.raw_sha256}",
        origin.raw_sha256,
        known_at,
        "header_clock",
        canonical_json(detail),
    )
