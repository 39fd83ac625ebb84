"""Gates of chains and reports: the doctor says of each what it found, be it nothing."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from pipelines.lake.store import Lake
from pipelines.load import Arrival, load_arrivals
from pipelines.materialise import bring_up_to_date
from pipelines.sources.page import Declared
from pipelines.stages.reports import REPORT_STAGES
from pipelines.upkeep import health_of_chains, health_of_reports
from pipelines.upkeep.doctor import Check, examine
from pipelines.upkeep.findings import Finding
from tests.integration.spine import derive, land
from tests.pipelines import test_occ_series as series
from tests.pipelines import test_occ_volume as volume
from tests.pipelines import test_sec_fails as fails
from tests.pipelines.finra_made import WEEKLY_TXT, array, bundle, short_interest_row, short_volume, weekly_row

NOW = datetime(2026, 9, 29)
FRIDAY, MONDAY = date(2026, 9, 25), date(2026, 9, 28)
WEEK = array([weekly_row()]).decode()


def load(lake: Lake, *files: bytes, session: date | None = None) -> None:
    for place, data in enumerate(files):
        arrival = Arrival(f"{place}.txt", lambda data=data: data)  # type: ignore[misc]
        list(load_arrivals(lake, [arrival], declared=Declared(session=session), progress=lambda _: None))


def told(check: Check, lake: Lake) -> list[tuple[str, str]]:
    bring_up_to_date(lake, REPORT_STAGES.values())
    return [(finding.severity, finding.what) for finding in check(lake, NOW)]


def day(number: int, rows: int) -> bytes:
    return short_volume(*(f"202406{number}|S{place}|1|0|9|Q,N" for place in range(rows)))


def test_an_empty_lake_has_no_gate_to_tell_of(lake: Lake) -> None:
    assert [finding.what for finding in examine(lake.paths, NOW) if "newest" in finding.what] == []


@pytest.mark.parametrize(("rows", "severity"), [(20, "fine"), (10, "fine"), (9, "watch")])
def test_a_report_with_less_than_half_of_its_usual_rows_is_watched(lake: Lake, rows: int, severity: str) -> None:
    load(lake, day(10, 19), day(11, 20), day(12, 400))
    assert told(health_of_reports.row_counts, lake) == []  # too few to say what is usual
    load(lake, day(13, 20), day(14, rows))
    ((found, what),) = told(health_of_reports.row_counts, lake)
    assert found == severity
    assert ("short_volume_daily CNMS 2024-06-14 (9 rows, 20 usually)" in what) is (severity == "watch")


def test_files_that_count_their_rows_are_counted_and_so_are_those_that_miscount(lake: Lake) -> None:
    weekly = bundle("finra_weekly_json", WEEK, total=1)
    load(lake, day(10, 3), day(11, 3), short_volume("20240612|A|1|0|9|Q,N", count=2), weekly)
    load(lake, b"PK\x03\x04 an archive that is cut off counts nothing")
    agreed = "counts that files state of themselves: 3 agree, 1 refused for theirs"
    assert told(health_of_reports.trailers, lake) == [("fine", agreed)]


def test_an_array_that_states_no_count_is_not_among_those_that_agree(lake: Lake) -> None:
    load(lake, array([weekly_row()]), array([short_interest_row()]))
    assert told(health_of_reports.trailers, lake) == []


@pytest.mark.parametrize(
    "data",
    [
        day(10, 3)[:-2],
        short_volume("20240612|A|1|0|9|Q,N", count=2),
        fails.half(fails.ROWS).encode()[:-60],
        fails.half(fails.ROWS, count=2).encode(),
        fails.half(fails.ROWS, shares=1).encode(),
        bundle("finra_weekly_json", WEEK, total=2),
        bundle("finra_weekly_json", WEEK, total=1, offsets=[1]),
        bundle("finra_weekly_json", WEEK, total=1).replace(b'{"url"', b'{"record_total": 2, "body": ""}, {"url"', 1),
    ],
)
def test_every_way_to_miscount_is_told_as_one(lake: Lake, data: bytes) -> None:
    load(lake, data)
    assert told(health_of_reports.trailers, lake) == [
        ("fine", "counts that files state of themselves: 0 agree, 1 refused for theirs")
    ]


def test_cleared_volume_without_its_other_side_is_counted_as_refused(lake: Lake) -> None:
    calls = [row for row in volume.ROWS if ",C,C" in row or ",M,C" in row]
    customers = [row for row in volume.ROWS if ",C,C," in row or ",C,P," in row]
    uneven = [f"1,S{place},S{place},{kind},CBOE" for place in range(9) for kind in ("C,C", "F,P")]
    load(lake, *map(volume.answer, (volume.ROWS, calls, customers, uneven)))
    ((severity, what),) = told(health_of_reports.clearing, lake)
    assert severity == "fine"
    assert what.startswith("cleared volume: 1 days with both sides") and what.endswith("3 refused")


@pytest.mark.parametrize(("changed", "severity"), [(False, "watch"), (True, "fine")])
def test_an_answer_of_the_clearing_house_that_stands_still_while_its_date_moves_is_watched(
    lake: Lake, *, changed: bool, severity: str
) -> None:
    after = series.answer([series.LINES[0].replace("\t4\t", "\t5\t"), *series.LINES[1:]] if changed else series.LINES)
    load(lake, series.bundle(series.answer(series.LINES)), series.bundle(after, MONDAY))
    ((found, what),) = told(health_of_reports.clearing, lake)
    assert found == severity
    assert ("ABC 2026-09-28" in what) is not changed


def test_weekly_rows_that_do_not_say_when_they_were_published_are_watched(lake: Lake) -> None:
    load(lake, array([weekly_row(), weekly_row("MSFT")]))
    ((severity, what),) = told(health_of_reports.publication_days, lake)
    assert (severity, what.split(":")[1]) == ("fine", " all 2 of 1 newest parts are known since FINRA published them")
    text = f"{WEEKLY_TXT}\nNMS Tier 1|AAPL|Apple Inc. Common Stock|EBXL LEVEL ATS|EBXL|1000|10|2024-07-01\n"
    load(lake, text.encode(), session=date(2024, 6, 14))
    ((severity, what),) = told(health_of_reports.publication_days, lake)
    assert severity == "watch" and what.startswith("1 of 3 newest weekly rows say when they were changed")


def test_symbols_that_spell_something_else_are_found_as_texts(lake: Lake) -> None:
    load(lake, short_volume(*(f"20240610|{name}|1|0|9|Q,N" for name in ("A", "NAN", "TRUE", "BRK/B"))))
    (found,) = told(health_of_reports.symbols, lake)
    assert found == ("fine", "symbols: 4 in 1 newest reports, all texts, NAN and TRUE among them")


def of(findings: list[Finding], words: str) -> Finding:
    (found,) = [finding for finding in findings if words in finding.what]
    return found


def test_every_gate_of_chains_has_a_line_and_contradicted_open_interest_needs_its_owner(
    lake: Lake, market: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [path for path in market if any(f"{day}_" in path.name for day in ("2024-06-17", "2024-06-18"))]
    stale = tmp_path / "stale.csv"
    later = pages[-1].read_text().replace("7:15", "8:15").replace("19:15", "20:15")
    stale.write_text(later)
    misnamed = tmp_path / "my_spx_page.csv"
    misnamed.write_bytes(next(path for path in market if "spy_quotedata_2024-06-20" in path.name).read_bytes())
    land(lake, [*pages, stale, misnamed])
    derive(lake)
    found = examine(lake.paths, NOW)
    assert "1 repeat another of" in of(found, "stale pages").what
    assert of(found, "named after another underlying").severity == "watch"
    assert "my_spx_page.csv holds SPY" in of(found, "named after another underlying").what
    for words in ("rows of chains: 0 of 2", "quotes: ", "expired series: ", "dates of open interest: 2 newest"):
        assert of(found, words).severity == "fine"
    monkeypatch.setattr(health_of_chains, "LEAST_SHARE_FRAC", 1.01)
    wrong = of(examine(lake.paths, NOW), "open interest that the pages around contradict")
    assert (wrong.severity, "--session" in wrong.do) == ("wrong", True)
    assert "SPY 2024-06-20" in wrong.what
