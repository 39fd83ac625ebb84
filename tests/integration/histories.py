"""Publication histories: files of several feeds as they came out, late, twice, restated, out of order of their days."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import polars as pl

from pipelines.calendar import PUBLISHED_AT, new_york_to_utc, us_sessions
from pipelines.lake.export import export_catalogue
from pipelines.lake.store import Lake
from pipelines.load import Arrival, load_arrivals
from pipelines.materialise import bring_up_to_date
from pipelines.reports import REPORTS
from pipelines.sources.page import NOTHING_DECLARED, Declared
from pipelines.stages.rates import RATES
from pipelines.stages.reports import REPORT_STAGES
from pipelines.stages.spine import US_SPINE
from pipelines.tables import LAKE_TABLES, TABLES
from pipelines.warehouse.history import connect_as_known
from tests.integration.coin_lakes import facts
from tests.integration.test_mapped_files import CHAIN, CHAIN_MAPPING
from tests.pipelines.finra_made import array, short_interest_row, short_volume, weekly_row

DAYS = (date(2024, 6, 10), date(2024, 6, 11), date(2024, 6, 12), date(2024, 6, 13))
FEEDS = ("short_volume_daily", "ats_weekly", "short_interest", "cleared_volume", "open_interest_daily")
STAGES = (RATES, *(REPORT_STAGES[table] for table in FEEDS))
_CHAIN_DAY = date(2024, 6, 17)  # of the document's chain
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_LATEST = timedelta(days=6)  # that somebody who waited for a report would still take for its coming out


@dataclass(frozen=True)
class Publication:
    """What came out at an instant, and was fetched then."""

    name: str
    data: bytes
    at: datetime
    declared: Declared = NOTHING_DECLARED


def history(random: Random, *, has_chains: bool) -> list[Publication]:
    """In the order in which they came out, each at an instant of its own."""
    feeds: list[Callable[[Random], Iterator[Publication]]] = [
        _short_volume, _weekly, _short_interest, _cleared, _series, _curves,
    ]  # fmt: skip
    chosen = random.sample(feeds, random.randint(2, 4))
    if has_chains:
        chosen = [*{*chosen, _curves}, _chains]
    found = [publication for feed in chosen for publication in feed(random)]
    random.shuffle(found)
    ordered: list[Publication] = []
    for publication in sorted(found, key=lambda one: one.at):
        is_dated = publication.name.startswith(("curves", "week", "chain"))  # by its own day, whenever it comes
        if is_dated or not ordered or publication.at > ordered[-1].at:
            ordered.append(publication)
        else:
            ordered.append(replace(publication, at=ordered[-1].at + timedelta(seconds=1)))
    return ordered


def _later(random: Random, name: str, first: datetime, say: Callable[[], bytes]) -> Iterator[Publication]:
    """A file, and perhaps the same again, or another word on the same."""
    at, data = first, say()
    for _ in range(random.randint(1, 3)):
        yield Publication(name, data, at)
        at += random.choice([_MINUTE, _HOUR, _DAY, 3 * _DAY, 9 * _DAY]) * random.randint(1, 5)
        data = random.choice([lambda told=data: told, lambda told=data: told + b"\n", say])()


def _came(random: Random, table: str, day: date, earliest: timedelta) -> datetime:
    """Around when it is due: a little early, in time, or so late that the days of a feed come in another order."""
    hours = (_LATEST - earliest) // _HOUR
    return REPORTS[table].due(day, "_all") + earliest + random.randint(0, hours) * _HOUR


def _short_volume(random: Random) -> Iterator[Publication]:
    for day in random.sample(DAYS, random.randint(1, 3)):

        def say(day: date = day) -> bytes:
            symbols = random.sample(["A", "BRK/B", "NAN"], random.randint(1, 3))
            return short_volume(*(f"{day:%Y%m%d}|{name}|{random.randint(0, 3)}|0|9|Q,N" for name in sorted(symbols)))

        yield from _later(random, f"short {day}", _came(random, "short_volume_daily", day, -_HOUR), say)


def _weekly(random: Random) -> Iterator[Publication]:
    """FINRA's word on a week: rows that are new or changed carry the day, of the others some are left out."""
    days = [date(2024, 6, 24) + _DAY * after for after in sorted(random.sample(range(1, 30), random.randint(0, 3)))]
    state: dict[str, dict[str, object]] = {}
    for day in [date(2024, 6, 24), *days]:
        fresh = random.sample(["AAPL", "BRK.B", "TRUE", "ZZZ"], random.randint(1, 3))
        for symbol in fresh:
            first = state.get(symbol, {}).get("initialPublishedDate", str(day))
            dates = {"initialPublishedDate": first, "lastUpdateDate": str(day)}
            state[symbol] = weekly_row(symbol, random.randint(1, 3) * 100, **dates)
        told = [row for symbol, row in sorted(state.items()) if symbol in fresh or random.random() < 0.5]
        yield Publication(f"week {day}", array(told), new_york_to_utc(day, PUBLISHED_AT))


def _short_interest(random: Random) -> Iterator[Publication]:
    settled, symbols = date(2024, 6, 14), ["AAPL", "BRKB", "NAN"]
    at = _came(random, "short_interest", settled, timedelta())
    yield Publication("settled", array([short_interest_row(name) for name in symbols]), at)
    for _ in range(random.randint(0, 2)):
        at += _DAY * random.randint(1, 6)
        told = random.sample(symbols, random.randint(1, 3))
        yield Publication(
            "revised", array([short_interest_row(name, random.randint(998, 1001)) for name in told]), at
        )  # fmt: skip


def _cleared(random: Random) -> Iterator[Publication]:
    for day in random.sample(DAYS, random.randint(1, 2)):

        def say(day: date = day) -> bytes:
            rows = [
                f"{random.randint(1, 3) * 2},{name},{name},{account},{side},CBOE,{day:%m/%d/%Y}"
                for name in ("ABC", "XYZ")
                for account in "CM"
                for side in "CP"
            ]
            return "\r\n".join(["quantity,underlying,symbol,actype,porc,exchange,actdate", *rows, ""]).encode()

        yield from _later(random, f"cleared {day}", _came(random, "cleared_volume", day, -8 * _HOUR), say)


def _series(random: Random) -> Iterator[Publication]:
    for day in random.sample(DAYS, random.randint(1, 2)):

        def say(day: date = day) -> bytes:
            header = "ProductSymbol\tyear\tMonth\tDay\tInteger\tDec\tC/P\tCall\tPut\tPosition Limit\t"
            strikes = random.sample((90, 95, 100), random.randint(1, 3))
            lines = [
                f"ABC   \t\t2024\t07\t19\t{k}\t000\tC P \t{random.randint(0, 3)}\t5\t25000000" for k in sorted(strikes)
            ]
            text = "\r\n".join(["Series Search Results for ABC", "", header, *lines, ""])
            midnight = datetime.combine(day, time(5), UTC)  # in Chicago
            last = {"entity": {"lastBusDateOI": {"activityDate": round(midnight.timestamp() * 1000)}, "optionsOI": []}}
            pages = [{"url": "u", "body": text}, {"url": "v", "body": json.dumps(last)}]
            return json.dumps(
                {"dealerflow_bundle": "occ_series", "request": {"symbol": "ABC"}, "pages": pages}
            ).encode()  # fmt: skip

        yield from _later(random, f"series {day}", _came(random, "open_interest_daily", day, -8 * _HOUR), say)


def _curves(random: Random) -> Iterator[Publication]:
    """A file an evening, of all days so far; now and then it states an earlier one otherwise."""
    yields: dict[date, str] = {}
    for day in DAYS:
        yields[day] = f"5.3{random.randint(0, 3)}"
        if random.random() < 0.3:
            yields[random.choice(list(yields))] = f"5.4{random.randint(0, 3)}"
        rows = [f"{past:%m/%d/%Y},{value},5.30,5.10,4.30" for past, value in sorted(yields.items(), reverse=True)]
        text = "\n".join(["Date,1 Mo,3 Mo,1 Yr,10 Yr", *rows, ""])
        yield Publication(f"curves {day}", text.encode(), new_york_to_utc(day, PUBLISHED_AT))


def _chains(random: Random) -> Iterator[Publication]:
    """Pages whose open interest is that of the close, known as the next session opens."""
    for day in random.sample(DAYS[1:], random.randint(1, 2)):
        known_at = us_sessions().open_of(us_sessions().after(day))
        # Without the document's volatilities, which are of its own day and would contradict another's clock.
        text = re.sub(r";[0-9.]+;100\.00$", ";-;100.00", CHAIN.replace(str(_CHAIN_DAY), str(day)), flags=re.MULTILINE)
        yield Publication(f"chain {day}", text.encode(), known_at, Declared(mapping=CHAIN_MAPPING))


def land(lake: Lake, publications: Iterable[Publication]) -> None:
    for one in publications:
        fetched_at = None if one.declared.mapping else one.at
        arrival = Arrival(one.name, lambda data=one.data: data, captured_at=fetched_at)  # type: ignore[misc]
        (loaded,) = load_arrivals(lake, [arrival], declared=one.declared, progress=lambda _: None)
        assert loaded.fate != "refused", loaded.reason


def derive(lake: Lake, *, has_chains: bool) -> None:
    reports = bring_up_to_date(lake, (*STAGES, *(US_SPINE if has_chains else ())))
    assert [(report.stage, *refused) for report in reports for refused in report.refused] == []


def shown(lake: Lake, at: datetime = datetime(9999, 1, 1)) -> dict[str, pl.DataFrame]:
    """Every table of the lake by content."""
    return facts(lake, at, LAKE_TABLES)


def shown_as_known(lake: Lake, at: datetime) -> dict[str, pl.DataFrame]:
    """The same as `dealerflow sql --as-known` answers, of exports made before."""
    found = {}
    with connect_as_known(lake.paths, at) as connection:
        for name in LAKE_TABLES:
            rows = connection.execute(f"from {name}").pl().drop("market", "v", "raw_sha256", strict=False)
            if rows.height:
                place, key = ["session_date", "part"], [one for one in TABLES[name].key if one in rows.columns]
                found[name] = rows.select(pl.exclude(place), *place).sort(*place, *key)
    return found


def exported(lake: Lake) -> Lake:
    export_catalogue(lake)
    return lake
