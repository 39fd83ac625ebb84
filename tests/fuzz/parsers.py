"""Every parser by its name: how it is called, and with which of its owner's words."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pipelines import sources
from pipelines.calendar import CalendarError
from pipelines.placing import Origin, Placed, place_bars, place_curves, place_pages
from pipelines.placing_reports import place_report
from pipelines.placing_trades import place_venue_file
from pipelines.sources import archive, mapping, treasury_par_csv
from pipelines.sources.page import Declared, Unreadable
from tests.fuzz import checks, mutate

HERE = Path(__file__).parent
SEEDS, CORPUS = HERE / "seeds", HERE / "corpus"
MOST_SECONDS = 5.0  # of processor time for a file of some kilobytes
READER_OF_MAPPINGS = "mapping"
NAMES = (*(source.NAME for source in sources.SOURCES), READER_OF_MAPPINGS)
_DECLARED = {
    "cboe_open_close": Declared(exchange="C1"),
    "cboe_index_csv": Declared(underlying="VIX"),
    "mapped_chain": Declared(underlying="XMPL"),
    "finra_weekly_txt": Declared(session=date(2024, 6, 12)),
    "occ_series": Declared(session=date(2026, 9, 25)),
    "optionsdx_eod": Declared(underlying="SPY"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A file, and the mapping that its owner declares of it."""

    data: bytes
    mapping: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failure`: what went wrong, alike for alike reasons; None where nothing did."""

    is_read: bool
    seconds: float
    failure: str | None = None


@cache
def cases(folder: Path) -> tuple[Case, ...]:
    """The files of a folder with the mappings beside them."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        beside = path.with_suffix(".toml")
        if path.suffix != ".toml" or folder.name == READER_OF_MAPPINGS:
            has_mapping = beside.is_file() and beside != path
            found.append(Case(path.read_bytes(), beside.read_text() if has_mapping else None))
    return tuple(found)


def examples(name: str, numbers: range) -> Iterator[Case]:
    """Spoilt seeds of a parser; of those with a mapping one in five has its mapping spoilt instead."""
    seeds = cases(SEEDS / name)
    others = [case.data for other in NAMES for case in cases(SEEDS / other) if other != name]
    for number in numbers if seeds else ():
        seed = seeds[number % len(seeds)]
        if seed.mapping is not None and random.Random(number).random() < 0.2:
            spoilt = mutate.example(
                name, number, seed.mapping.encode(), [one.mapping.encode() for one in seeds if one.mapping]
            )
            yield replace(seed, mapping=spoilt.decode("utf-8", "replace"))
        else:
            yield replace(seed, data=mutate.example(name, number, seed.data, others))


def outcome(name: str, case: Case) -> Outcome:
    """Reads a file as `load` does, and finds fault with what comes of it."""
    started = time.process_time()
    failure, is_read = None, False
    try:
        with warnings.catch_warnings(action="error"):
            is_read = _read(name, case)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - what is not foreseen is what is looked for
        failure = _told(error)
    seconds = time.process_time() - started
    if failure is None and seconds > MOST_SECONDS:
        failure = "takes too long"
    return Outcome(is_read, seconds, failure)


def _read(name: str, case: Case) -> bool:
    """Whether the file is read and placed; Broken and all that is unforeseen are raised."""
    try:
        if name == READER_OF_MAPPINGS:
            mapping.read_mapping(case.data.decode("utf-8", "replace"))
            return True
        data = archive.content(case.data)
        sources.recognise(data)
        function, check, place = _handling(name)
        is_bundle = data.startswith(b'{"dealerflow_bundle"')  # which says itself what was asked for
        declared = replace(Declared() if is_bundle else _DECLARED.get(name, Declared()), mapping=case.mapping)
        found = function(data) if name == treasury_par_csv.NAME else function(data, declared)
        check(found)
        checks.placed(place(found, Origin(name, "0" * 64, declared, "1" * 64 if case.mapping else None)))
    except (Unreadable, CalendarError) as error:
        checks.message(error)
        return False
    return True


def _handling(name: str) -> tuple[Callable[..., Any], Callable[[Any], None], Callable[[Any, Origin], Placed]]:
    """Of a source: its function, the check of what that gives, and where this is placed."""
    source = next(source for source in sources.SOURCES if name == source.NAME)
    if source in sources.CHAIN_SOURCES:
        return source.pages, checks.pages, place_pages
    if source in sources.BAR_SOURCES:
        return source.bars, checks.bars, place_bars
    if source in sources.COIN_SOURCES:
        return source.coin_file, checks.coin_file, place_venue_file
    if source in sources.REPORT_SOURCES:
        return source.report, checks.report, place_report
    return source.parse, checks.curves, place_curves


def _told(error: BaseException) -> str:
    """The error and the place in the project where it came from."""
    frames, place = error.__traceback__, ""
    while frames is not None:
        path = frames.tb_frame.f_code.co_filename
        if "/pipelines/" in path and "/tests/" not in path and "site-packages" not in path:
            place = f" at {path.rpartition('/pipelines/')[2]}:{frames.tb_frame.f_code.co_name}"
        frames = frames.tb_next
    said = str(error).splitlines()[0][:80] if isinstance(error, checks.Broken) else ""
    return f"{type(error).__name__}{': ' if said else ''}{said}{place}"
