"""What was known then stays known then: restated curves, moved pages, pages that say nothing."""

from __future__ import annotations

from datetime import date, datetime
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake.store import Lake
from pipelines.stages import parsed
from tests.integration.spine import current, derive, land, refusals

HEADER = "Date,1 Mo,3 Mo,1 Yr,10 Yr"


def curve_file(folder: Path, name: str, **months: str) -> Path:
    """A file of curves, newest first; `d20240617="5.34"` states the one-month yield of a day."""
    rows = [
        f"{day[5:7]}/{day[7:9]}/{day[1:5]},{value},5.30,5.10,4.30"
        for day, value in sorted(months.items(), reverse=True)
    ]
    path = folder / name
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


def one_month(lake: Lake, known_at: datetime) -> float:
    curves = current(lake, "treasury_zero_curve", known_at).filter(pl.col("session_date") == date(2024, 6, 17))
    return round(100 * curves.sort("tenor_years")["par_yield_frac"][0], 2)


def test_a_restated_curve_leaves_the_snapshot_its_original_one(lake: Lake, market: list[Path], tmp_path: Path) -> None:
    page = next(p for p in market if "spy_quotedata_2024-06-21" in p.name)
    land(lake, [curve_file(tmp_path, "first.csv", d20240618="5.34", d20240620="5.37"), page])
    derive(lake)
    before = current(lake, "snapshot_marks")
    land(lake, [curve_file(tmp_path, "later.csv", d20240620="5.39", d20240627="5.40")])
    assert refusals(derive(lake)) == []
    after = current(lake, "snapshot_marks")
    assert after.equals(before)
    assert after["discount_curve_date"].to_list() == [date(2024, 6, 20)]
    assert current(lake, "treasury_zero_curve")["known_at"].max() == datetime(2024, 6, 27, 22)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_yield_stated_changed_and_stated_again_was_each_at_its_time(
    lake: Lake, tmp_path: Path, order: tuple[int, ...]
) -> None:
    files = [
        curve_file(tmp_path, "a.csv", d20240617="5.34", d20240618="5.35"),
        curve_file(tmp_path, "b.csv", d20240617="5.10", d20240620="5.35"),
        curve_file(tmp_path, "c.csv", d20240617="5.34", d20240621="5.35"),
    ]
    for place in order:
        land(lake, [files[place]])
        derive(lake)
    moments = [datetime(2024, 6, day, 23) for day in (17, 18, 20, 21)]
    assert [one_month(lake, at) for at in moments] == [5.34, 5.34, 5.10, 5.34]


def test_a_page_without_a_live_contract_keeps_its_rows_and_says_so(
    lake: Lake, market: list[Path], tmp_path: Path
) -> None:
    lines = next(p for p in market if "spy_quotedata_2024-06-21" in p.name).read_text().splitlines()
    page = tmp_path / "expired.csv"
    page.write_text("\n".join([*lines[:4], *(line for line in lines if line.startswith("Fri Jun 21 2024")), ""]))
    land(lake, [page])
    assert refusals(derive(lake)) == []
    assert current(lake, "snapshot_quality")["rows_live"].to_list() == [0]
    levels = current(lake, "key_levels")
    assert set(levels["scope_status"]) == {"empty", "after_expiry"}
    assert levels["gamma_flip"].null_count() == levels.height == 12


def test_stored_carry_reaches_over_sessions_without_live_contracts(
    lake: Lake, market: list[Path], tmp_path: Path
) -> None:
    zeroed = next(p for p in market if "spx_quotedata_2024-06-20" in p.name)
    lines = next(p for p in market if "spx_quotedata_2024-06-18" in p.name).read_text().splitlines()
    expired = tmp_path / "expired.csv"
    expired.write_text("\n".join([*lines[:4], *(line for line in lines if line.startswith("Tue Jun 18 2024")), ""]))
    first = next(p for p in market if "spx_quotedata_2024-06-17" in p.name)
    land(lake, [first, expired, zeroed])
    assert refusals(derive(lake)) == []
    sources = current(lake, "expiry_forwards").filter(pl.col("session_date") == date(2024, 6, 20))["forward_source"]
    assert "stored" in set(sources)


def test_a_refusal_goes_when_the_owner_moves_the_page(lake: Lake, market: list[Path], tmp_path: Path) -> None:
    page = next(p for p in market if "spx_quotedata_2024-06-25" in p.name)
    late = tmp_path / "late.csv"
    text = page.read_text()
    clock = text.splitlines()[2]
    rows = [line for line in text.splitlines()[4:] if line[4:11] not in {"Jun 25 ", "Jun 26 ", "Jun 27 ", "Jun 28 "}]
    moved = clock.replace("25 June", "2 July").replace("June 25", "July 2").replace("25 juin", "2 juillet")
    assert moved != clock
    late.write_text("\n".join([*text.splitlines()[:2], moved, text.splitlines()[3], *rows, ""]))
    land(lake, [late])
    assert refusals(derive(lake)) == ["header_clock_contradicted"]
    land(lake, [late], session=date(2024, 6, 25))
    assert refusals(derive(lake)) == []
    assert lake.catalogue.rows("select * from refusals") == []


def test_a_name_that_is_no_text_and_a_pipe_do_not_stop_a_load(lake: Lake, market: list[Path], tmp_path: Path) -> None:
    import os

    page = next(p for p in market if "spy" in p.name)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.csv"))
    odd.write_bytes(page.read_bytes())
    os.mkfifo(tmp_path / "pipe.csv")
    loaded = land(lake, [odd, tmp_path / "pipe.csv", page])
    assert [one.fate for one in loaded] == ["landed", "refused", "duplicate_bytes"]
    assert loaded[0].name == "bad\\xff.csv"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Last: ", "Last: 1.2.", "no last price"),
        ("Last: ", "Last: 9999999999999", "no last price"),
        ("2024 at 8:35 PM EDT", "1999 at 8:35 PM EDT", "clock cannot be read"),
    ],
)
def test_a_header_out_of_all_bounds_is_refused(
    lake: Lake, market: list[Path], tmp_path: Path, old: str, new: str, reason: str
) -> None:
    page = next(p for p in market if "spy_quotedata_2024-06-17" in p.name)
    text = page.read_text()
    assert old in text
    bad = tmp_path / "bad.csv"
    bad.write_text(text.replace(old, new, 1))
    [refused] = land(lake, [bad])
    assert refused.fate == "refused"
    assert reason in (refused.reason or "")


def test_of_two_declarations_of_the_same_content_the_newer_counts(
    lake: Lake, market: list[Path], tmp_path: Path
) -> None:
    page = next(p for p in market if "spy_quotedata_2024-06-21" in p.name)
    copy = tmp_path / "copy.csv"
    copy.write_text(page.read_text().replace("18:34", "18:35").replace("6:34", "6:35"))
    assert copy.read_bytes() != page.read_bytes()
    for path, session in ((page, date(2024, 6, 20)), (copy, date(2024, 6, 21))):
        land(lake, [path], session=session)
        derive(lake)
    assert current(lake, "pages")["session_date"].to_list() == [date(2024, 6, 21)]


def test_a_lost_page_of_the_session_before_proves_nothing_and_stops_nothing(
    lake: Lake, market: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    before, after = (next(p for p in market if f"spx_quotedata_2024-06-{day}" in p.name) for day in (17, 18))
    [lost] = land(lake, [before])
    derive(lake)
    assert lost.raw_sha256 is not None
    (lake.paths.raw / lost.raw_sha256[:2] / lost.raw_sha256).unlink()
    parsed.forget()
    land(lake, [after])
    assert refusals(derive(lake)) == []
    newest = current(lake, "pages").filter(pl.col("session_date") == date(2024, 6, 18))
    assert newest["open_interest_evidence"].to_list() == ["none"]
    assert "is gone: no evidence from it" in caplog.text
