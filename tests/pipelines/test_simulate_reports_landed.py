"""Every report of the sample market is read by its vendor's parser and lands, with all of its rows."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from pipelines import sources
from pipelines.lake.store import opened
from pipelines.load import Loaded, load_files
from pipelines.sample import declared_of
from pipelines.settings import Paths
from tests.pipelines.simulated import whole_reports

KINDS = {
    "finra_short_volume": 16,
    "nasdaq_short_volume": 2,
    "finra_weekly_json": 13,
    "finra_short_interest": 2,
    "occ_volume": 12,
    "occ_series": 14,
    "occ_totals_csv": 1,
    "sec_fails": 2,
    "index_members_csv": 1,
    "cboe_open_close": 12,
}


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> list[Loaded]:
    folder = tmp_path_factory.mktemp("reports")
    files = []
    for name, data in sorted(whole_reports().files.items()):
        (folder / name).write_bytes(data)
        files.append(folder / name)
    with opened(Paths(folder / "data")) as lake, lake.writing():
        return [
            loaded
            for path in files
            for loaded in load_files(lake, [path], declared=declared_of(path.name), progress=lambda _: None)
        ]


def test_every_file_lands_and_is_told_by_what_is_in_it(landed: list[Loaded]) -> None:
    assert [(one.name, one.reason) for one in landed if one.fate != "landed"] == []
    assert Counter(one.source for one in landed) == KINDS
    assert set(KINDS) <= {source.NAME for source in sources.REPORT_SOURCES}


def test_no_row_is_rejected_or_said_twice(landed: list[Loaded]) -> None:
    for one in landed:
        assert (one.rows_in, one.rows_quarantined, one.rows_duplicate) == (one.rows_landed, 0, 0), one.name


def test_what_a_file_says_is_known_after_the_day_that_it_is_of(landed: list[Loaded]) -> None:
    for one in landed:
        assert one.session_date is not None and one.known_at is not None
        assert one.known_at.date() >= one.session_date
    members = next(one for one in landed if one.source == "index_members_csv")
    assert members.session_date in {date(2024, 6, 14), date(2024, 6, 24)}


def test_only_open_close_files_need_a_word_of_their_owner() -> None:
    needing = {name for name in whole_reports().files if declared_of(name).exchange is not None}
    assert needing == {name for name in whole_reports().files if "OpenClose" in name} and len(needing) == 12
