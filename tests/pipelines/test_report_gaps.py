"""Gaps of reports in the ledger: at each report's own rhythm, filled by files of that report and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from pipelines.daily.gap_ledger import Gap, recorded_gaps, settle
from pipelines.daily.report_owed import items_owed
from pipelines.daily.survey import Found, would_fill
from pipelines.lake.catalogue import PartitionKey, Refusal, Sighting, timestamp
from pipelines.lake.store import Lake, opened
from pipelines.operator_settings import Follow, operator_settings
from pipelines.settings import Paths

MONDAY, TUESDAY, THURSDAY, FRIDAY = (date(2024, 6, day) for day in (17, 18, 20, 21))  # the 19th is a holiday
NOW = datetime(2024, 6, 22, 12)
FOLLOWED = """
[follow]
finra_short_volume = true
finra_weekly = ["T1"]
occ_open_interest = ["BRK.B"]
occ_volume = true
"""


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    (tmp_path / "dealerflow.toml").write_text(FOLLOWED)
    with opened(Paths(tmp_path)) as opened_lake:
        yield opened_lake


def see(lake: Lake, source: str, part: str, *days: date) -> None:
    for day in days:
        number = f"{source}{day}{part}"
        lake.catalogue.add_raw(number, {"source": source, "size_bytes": 1, "original_name": "x"})
        key = PartitionKey("us", day, part)
        lake.catalogue.add_sighting(Sighting(source, key, number, number, NOW, "vendor_schedule", "{}"))


def refuse_load(lake: Lake, name: str, loaded_at: datetime, reason: str = "HTTP 404") -> None:
    row = {"loaded_at": timestamp(loaded_at), "original_name": name, "fate": "refused", "reason": reason}
    lake.catalogue.add_load(row)


def told(gaps: list[Gap]) -> list[tuple[str, str, str | None]]:
    return [(f"{gap.source} {gap.part} {gap.session_date:%m-%d}", gap.status, gap.reason) for gap in gaps]


def follow(lake: Lake) -> Follow:
    return operator_settings(lake.paths).follow


def test_a_missed_report_is_a_gap_until_any_file_of_it_comes(lake: Lake) -> None:
    see(lake, "finra_short_volume", "CNMS", MONDAY, TUESDAY, FRIDAY)
    assert told(settle(lake, NOW)) == [("finra_short_volume CNMS 06-20", "missing", None)]
    see(lake, "finra_short_volume", "FNSQ", THURSDAY)
    see(lake, "occ_volume", "_all", THURSDAY, FRIDAY)
    assert ("finra_short_volume CNMS 06-20", "missing", None) in told(settle(lake, NOW))
    see(lake, "finra_short_volume", "CNMS", THURSDAY)
    assert settle(lake, datetime(2024, 6, 24, 12)) == []  # the clearing house's Friday is due later this morning
    assert told(recorded_gaps(lake)) == [("finra_short_volume CNMS 06-20", "filled", "by finra_short_volume")]


def test_weeks_of_one_source_are_filled_by_another_of_the_same_report(lake: Lake) -> None:
    first, second, third = date(2024, 5, 3), date(2024, 5, 10), date(2024, 5, 17)
    see(lake, "finra_weekly_json", "T1.ATS_W_SMBL", first, third)
    later = datetime(2024, 6, 8)
    assert [line for line, *_ in told(settle(lake, later))] == ["finra_weekly T1.ATS_W_SMBL 05-10"]
    see(lake, "finra_weekly_txt", "T1.ATS_W_SMBL", second)
    assert settle(lake, later) == []
    assert told(recorded_gaps(lake))[0][1:] == ("filled", "by finra_weekly_txt")


def test_a_chain_does_not_fill_a_report_nor_a_report_a_curve_of_the_same_part(lake: Lake) -> None:
    see(lake, "occ_series", "BRKB", MONDAY, TUESDAY, FRIDAY)
    see(lake, "treasury_par_csv", "_all", MONDAY, FRIDAY)
    see(lake, "occ_volume", "_all", TUESDAY, THURSDAY)
    opening = datetime(2024, 6, 21, 14)
    assert [line for line, *_ in told(settle(lake, opening))] == [
        "occ_open_interest BRKB 06-20", "treasury_par_csv _all 06-18", "treasury_par_csv _all 06-20",
    ]  # fmt: skip
    see(lake, "treasury_par_csv", "_all", TUESDAY, THURSDAY)
    assert [line for line, *_ in told(settle(lake, opening))] == ["occ_open_interest BRKB 06-20"]


def test_a_refused_answer_to_the_very_question_is_the_reason(lake: Lake) -> None:
    see(lake, "finra_short_volume", "CNMS", MONDAY)
    see(lake, "occ_series", "BRKB", MONDAY)
    refuse_load(lake, "finra-short-volume CNMS:2024-06-18", NOW)
    refuse_load(lake, "occ-open-interest BRKB", datetime(2024, 6, 20, 12), "of the 18th")  # 08:00 the next morning
    refuse_load(lake, "occ-open-interest BRKB", datetime(2024, 6, 24, 12), "of the 21st")
    reasons = {line: reason for line, _, reason in told(settle(lake, NOW))}
    assert reasons == {
        "finra_short_volume CNMS 06-18": "finra-short-volume CNMS:2024-06-18: HTTP 404",
        "finra_short_volume CNMS 06-20": None,
        "finra_short_volume CNMS 06-21": None,
        "occ_open_interest BRKB 06-18": "occ-open-interest BRKB: of the 18th",
        "occ_open_interest BRKB 06-20": None,
    }


def test_a_report_that_a_gate_refused_is_a_refused_period(lake: Lake) -> None:
    see(lake, "occ_volume", "_all", MONDAY, TUESDAY, THURSDAY)
    refusal = Refusal("conservation", "half of it is gone")
    key = PartitionKey("us", TUESDAY, "_all")
    lake.catalogue.record_derivation("cleared_volume", key, NOW, "f", "refused", [refusal])
    gaps = [("occ_volume _all 06-18", "refused", "conservation: half of it is gone")]
    assert told(settle(lake, NOW)) == gaps  # Friday's is due on Monday morning
    lake.catalogue.record_derivation(
        "cleared_volume", PartitionKey("us", MONDAY, "_all"), NOW, "f", "refused", [refusal]
    )
    assert len(settle(lake, NOW)) == 2  # that of the first period moves no bound


def test_a_refused_report_of_a_day_is_no_reason_for_a_chain_of_it(lake: Lake) -> None:
    see(lake, "treasury_par_csv", "_all", MONDAY, THURSDAY)
    refuse_load(lake, "occ-volume 2024-06-18", NOW)
    assert told(settle(lake, NOW)) == [("treasury_par_csv _all 06-18", "missing", None)]


def test_a_file_fills_gaps_of_its_own_report_only() -> None:
    due = datetime(2024, 6, 19)
    volume = Gap("occ_volume", "_all", TUESDAY, due, "missing", None)
    curve = Gap("treasury_par_csv", "_all", TUESDAY, due, "missing", None)
    files = [Found(Path("a"), source="occ_volume", places=(("us", "_all", TUESDAY),))]
    assert would_fill([volume, curve], files) == [volume]


# What is asked for


def test_a_feed_that_never_brought_anything_is_asked_for_the_newest_period_alone(lake: Lake) -> None:
    assert items_owed(lake, "finra-short-volume", follow(lake), NOW) == ["CNMS:2024-06-21"]
    assert items_owed(lake, "occ-volume", follow(lake), NOW) == ["2024-06-20"]  # that of Friday is out on Monday
    assert items_owed(lake, "occ-open-interest", follow(lake), NOW) == ["BRKB"]
    assert items_owed(lake, "finra-weekly", follow(lake), NOW) == [
        "T1:ATS_W_SMBL:2024-05-27", "T1:OTC_W_SMBL:2024-05-27",
    ]  # fmt: skip
    everything = Follow(occ_totals=True, sec_fails=True, finra_short_interest=True)
    assert items_owed(lake, "occ-totals", everything, NOW) == ["2024-06"]
    assert items_owed(lake, "sec-fails", everything, NOW) == ["2024-05b"]
    assert items_owed(lake, "finra-short-interest", everything, NOW) == ["2024-05-31"]


def test_a_feed_is_asked_for_all_that_is_out_since_and_did_not_come(lake: Lake) -> None:
    see(lake, "finra_short_volume", "CNMS", MONDAY, THURSDAY)
    assert items_owed(lake, "finra-short-volume", follow(lake), NOW) == ["CNMS:2024-06-18", "CNMS:2024-06-21"]
    see(lake, "occ_series", "BRKB", MONDAY)
    assert items_owed(lake, "occ-open-interest", follow(lake), NOW) == ["BRKB"]
    see(lake, "occ_series", "BRKB", THURSDAY)
    assert items_owed(lake, "occ-open-interest", follow(lake), NOW) == []


def test_weeks_that_may_be_restated_are_asked_for_again_once_a_day(lake: Lake) -> None:
    weeks = [date(2024, 4, 26), date(2024, 5, 3), date(2024, 5, 10), date(2024, 5, 17), date(2024, 5, 24)]
    see(lake, "finra_weekly_json", "T1.ATS_W_SMBL", *weeks)
    see(lake, "finra_weekly_json", "T1.OTC_W_SMBL", *weeks)

    def asked() -> list[str]:
        items = items_owed(lake, "finra-weekly", follow(lake), NOW)
        return [item.rpartition(":")[2] for item in items if ":ATS_W" in item]

    assert asked() == ["2024-05-06", "2024-05-13", "2024-05-20", "2024-05-27"]  # the last has not come yet
    refuse_load(lake, "finra-weekly T1:ATS_W_SMBL:2024-05-13", datetime(2024, 6, 22, 1))  # the evening before
    refuse_load(lake, "finra-weekly T1:ATS_W_SMBL:2024-05-20", NOW)
    refuse_load(lake, "finra-weekly T1:ATS_W_SMBL:2024-05-27", NOW)
    assert asked() == ["2024-05-06", "2024-05-13", "2024-05-27"]  # what did not come is asked for whenever anyone asks
