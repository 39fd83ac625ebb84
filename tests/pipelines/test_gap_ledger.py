"""The ledger of gaps over the catalogue: missing, refused, filled, and never a gap that is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from pipelines.calendar import us_sessions
from pipelines.daily.gap_ledger import Gap, current_gaps, recorded_gaps, settle
from pipelines.lake.catalogue import PartitionKey, Refusal, Sighting, canonical_json, timestamp
from pipelines.lake.store import Lake, opened
from pipelines.operator_settings import Follow
from pipelines.settings import Paths

JSON, ARCHIVE, MAPPED = "cboe_delayed_json", "cboe_datashop_eod", "mapped_chain"
MONDAY, TUESDAY, THURSDAY, FRIDAY = (date(2024, 6, day) for day in (17, 18, 20, 21))  # the 19th is a holiday
NOW = datetime(2024, 6, 22, 12)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    (tmp_path / "dealerflow.toml").write_text('[follow]\ncboe = ["SPX"]\n')
    with opened(Paths(tmp_path)) as opened_lake:
        yield opened_lake


def see(lake: Lake, source: str, session: date, part: str = "SPX", clock: datetime | None = None) -> None:
    """A page of a session, at its close unless another clock is given."""
    number = f"{source}{session}{part}{clock}"
    snapshot = clock or us_sessions().close_of(session)
    detail = {"session_basis": "x", "pages": [{"place": 0, "snapshot_ts": timestamp(snapshot), "header_ts": None}]}
    lake.catalogue.add_raw(number, {"source": source, "size_bytes": 1, "original_name": "x"})
    key = PartitionKey("us", session, part)
    lake.catalogue.add_sighting(Sighting(source, key, number, number, snapshot, "header_clock", canonical_json(detail)))


def refuse_load(lake: Lake, name: str, loaded_at: datetime, reason: str = "cut short") -> None:
    row = {"loaded_at": timestamp(loaded_at), "original_name": name, "fate": "refused", "reason": reason}
    lake.catalogue.add_load(row)


def told(gaps: list[Gap]) -> list[tuple[str, str, str | None]]:
    return [(f"{gap.source} {gap.part} {gap.session_date:%m-%d}", gap.status, gap.reason) for gap in gaps]


def test_a_missed_day_is_a_gap_until_any_source_shows_its_end(lake: Lake) -> None:
    for session in (MONDAY, TUESDAY, FRIDAY):
        see(lake, JSON, session)
    assert told(settle(lake, NOW)) == [(f"{JSON} SPX 06-20", "missing", None)]
    see(lake, MAPPED, THURSDAY, clock=datetime(2024, 6, 20, 16))  # at noon
    assert told(settle(lake, NOW)) == [(f"{JSON} SPX 06-20", "missing", None)]
    see(lake, MAPPED, THURSDAY, clock=datetime(2024, 6, 20, 19, 45))
    assert settle(lake, NOW) == []
    assert told(recorded_gaps(lake)) == [(f"{JSON} SPX 06-20", "filled", "by mapped_chain")]


def test_what_came_before_anyone_looked_was_never_a_gap(lake: Lake) -> None:
    for session in (FRIDAY, THURSDAY, MONDAY, TUESDAY):
        see(lake, ARCHIVE, session)
    assert settle(lake, NOW) == []
    assert recorded_gaps(lake) == []


def test_a_page_in_the_session_does_not_stand_for_its_end(lake: Lake) -> None:
    see(lake, JSON, THURSDAY)
    see(lake, JSON, FRIDAY, clock=datetime(2024, 6, 21, 14))
    assert told(settle(lake, NOW)) == [(f"{JSON} SPX 06-21", "missing", None)]


def test_a_gap_appears_when_it_is_due_and_the_export_changes_only_then(lake: Lake) -> None:
    see(lake, JSON, THURSDAY)
    file = lake.paths.exports / "gap_ledger.parquet"

    def exported(now: datetime) -> bytes:
        settle(lake, now)
        return file.read_bytes()

    before = exported(datetime(2024, 6, 21, 14))
    assert exported(datetime(2024, 6, 21, 23, 59)) == before  # 19:59 in New York
    after = exported(datetime(2024, 6, 22))
    assert after != before
    assert exported(datetime(2024, 6, 24, 12)) == after  # nothing more falls due over the weekend
    assert pl.read_parquet(file)["due_ts"].to_list() == [datetime(2024, 6, 22)]


def test_a_page_that_the_clock_gate_refused_is_a_refused_session(lake: Lake) -> None:
    for session in (MONDAY, TUESDAY, THURSDAY):
        see(lake, ARCHIVE, session)
    refusal = Refusal("clock", "three days off")
    lake.catalogue.record_derivation("landing", PartitionKey("us", TUESDAY, "SPX"), NOW, "f", "refused", [refusal])
    assert told(settle(lake, NOW)) == [(f"{ARCHIVE} SPX 06-18", "refused", "clock: three days off")]


def test_a_refused_file_of_the_day_and_a_refused_answer_of_the_feed_are_the_reason(lake: Lake) -> None:
    for session in (MONDAY, THURSDAY):
        see(lake, ARCHIVE, session, "SPY")
    see(lake, JSON, THURSDAY)
    refuse_load(lake, "EOD_20240618.csv", NOW)
    refuse_load(lake, "cboe SPX", datetime(2024, 6, 20, 21), "403")  # on the session before
    refuse_load(lake, "cboe SPX", datetime(2024, 6, 21, 21), "429")
    assert told(settle(lake, NOW)) == [
        (f"{ARCHIVE} SPY 06-18", "refused", "EOD_20240618.csv: cut short"),
        (f"{JSON} SPX 06-21", "refused", "cboe SPX: 429"),
    ]


def test_a_gap_of_a_feed_that_is_not_followed_any_more_is_dropped(lake: Lake) -> None:
    see(lake, JSON, THURSDAY)
    assert len(settle(lake, NOW)) == 1
    (lake.paths.root / "dealerflow.toml").unlink()
    assert settle(lake, NOW) == []
    assert recorded_gaps(lake) == []


def test_looking_at_gaps_writes_nothing(lake: Lake) -> None:
    see(lake, JSON, THURSDAY)
    assert len(current_gaps(lake, Follow(cboe=("SPX",)), NOW)) == 1
    assert recorded_gaps(lake) == []
    assert not (lake.paths.exports / "gap_ledger.parquet").exists()


def test_curves_of_other_files_do_not_fill_chains(lake: Lake) -> None:
    for session in (MONDAY, THURSDAY):
        see(lake, ARCHIVE, session)
        see(lake, "treasury_par_csv", session, "_all")
    assert told(settle(lake, NOW)) == [
        (f"{ARCHIVE} SPX 06-18", "missing", None),
        ("treasury_par_csv _all 06-18", "missing", None),
    ]
