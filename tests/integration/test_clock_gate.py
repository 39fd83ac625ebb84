"""Pages whose dates were changed: the ladder, the gate against the vendor's own volatilities, the owner's word."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from pipelines.lake.store import Lake
from tests.integration.spine import current, derive, land, refusals
from tests.samples import curves, needs_samples, sample

REAL = "cboe_quotedata/2023-04-18_spx_quotedata_bd033f.csv"  # pulled in the evening of Monday, April 17


def redated(page: Path, clock: str, folder: Path, *, first_expiry_gone: bool = False) -> Path:
    """The same page under another clock, optionally without the rows of its first expiry."""
    text = re.sub(r'(?m)^"?Date:.*?,Bid:', f'"Date: {clock}",Bid:', page.read_text(), count=1)
    if first_expiry_gone:
        lines = text.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("Expiration Date")) + 1
        first = lines[start].split(",")[0]
        text = "\n".join(line for line in lines if not line.startswith(first))
    path = folder / f"redated {re.sub('[^a-z0-9]', '', clock.lower())}.csv"
    path.write_text(text)
    return path


@needs_samples
@pytest.mark.samples
@pytest.mark.parametrize(
    ("clock", "session", "basis"),
    [
        ("April 17, 2023 at 4:10 PM EDT", date(2023, 4, 17), "header_in_session"),
        ("18 April 2023, 08:00 UTC\u22124", date(2023, 4, 17), "header_before_open"),
        ("19 avril 2023 \u00e0 22:00 UTC\u22124", date(2023, 4, 17), "first_expiry_cap"),
    ],
)
def test_a_clock_that_leads_to_the_true_session_is_let_through(
    lake: Lake, tmp_path: Path, clock: str, session: date, basis: str
) -> None:
    [_, loaded] = land(lake, [curves(), redated(sample(REAL), clock, tmp_path)])
    assert (loaded.session_date, loaded.session_basis) == (session, basis)
    assert refusals(derive(lake)) == []
    assert abs(current(lake, "snapshot_quality")["vendor_clock_offset_days"][0]) < 1.5


@needs_samples
@pytest.mark.samples
@pytest.mark.parametrize("clock", ["April 12, 2023 at 6:00 PM EDT", "20 April 2023, 19:00 UTC\u22124"])
def test_a_clock_that_the_volatilities_contradict_is_refused_and_the_owner_may_overrule_it(
    lake: Lake, tmp_path: Path, clock: str
) -> None:
    page = redated(sample(REAL), clock, tmp_path, first_expiry_gone="20" in clock)
    if "20 April" in clock:  # drop every expiry before the false date, else the first expiry caps the session
        text = page.read_text()
        page.write_text(re.sub(r"(?m)^(Tue Apr 18|Wed Apr 19|Thu Apr 20) 2023.*\n", "", text))
    land(lake, [curves(), page])
    assert refusals(derive(lake)) == ["header_clock_contradicted"]
    assert "pages" not in {v.table for v in lake.catalogue.versions(["pages", "chains"])}
    [declared] = land(lake, [page], session=date(2023, 4, 17))
    assert declared.session_basis == "declared"
    assert refusals(derive(lake)) == []
    assert current(lake, "key_levels")["session_date"].unique().to_list() == [date(2023, 4, 17)]


def test_a_stale_page_takes_the_date_of_the_open_interest_that_it_repeats(
    lake: Lake, market: list[Path], tmp_path: Path
) -> None:
    page = next(path for path in market if "spx_quotedata_2024-06-17" in path.name)
    stale = redated(page, "June 20, 2024 at 9:00 PM EDT", tmp_path)
    text = stale.read_text()
    stale.write_text(text.replace(",Change:", ",Changed:", 1))  # another body, else the earliest clock would count
    assert stale.read_text() != text
    land(lake, [*(p for p in market if "treasury" in p.name), page, stale])
    assert refusals(derive(lake)) == []
    pages = current(lake, "pages")
    assert pages["session_basis"].to_list() == ["first_expiry_cap"]
    assert pages["open_interest_date"].to_list() == [date(2024, 6, 14)]
    assert pages["open_interest_date_basis"].to_list() == ["repeats_earlier_page"]


def test_a_page_without_a_readable_clock_waits_for_its_owners_word(
    lake: Lake, market: list[Path], tmp_path: Path
) -> None:
    page = redated(next(p for p in market if "spx" in p.name), "4 June 4, 3:15 PM EDT", tmp_path)
    [refused] = land(lake, [page])
    assert refused.fate == "refused"
    assert "--session" in (refused.reason or "")
    [landed] = land(lake, [page], session=date(2024, 6, 17))
    assert (landed.fate, landed.session_basis) == ("landed", "declared")


def test_bad_files_are_refused_in_one_line_and_leave_the_others_unharmed(
    lake: Lake, market: list[Path], tmp_path: Path
) -> None:
    good = next(p for p in market if "spy" in p.name)
    text = good.read_text()
    bad = {
        "empty.csv": b"",
        "zip.csv": b"PK\x03\x04rest",
        "utf16.csv": text.encode("utf-16"),
        "other.csv": b"a,b\n1,2\n",
        "truncated.csv": text[:300].encode(),
        "mixed.csv": (
            text.rstrip() + "\n" + next(p for p in market if "spx" in p.name).read_text().splitlines()[10]
        ).encode(),
    }
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    loaded = land(lake, [*(tmp_path / name for name in bad), good])
    assert {one.name: one.fate for one in loaded} == {**dict.fromkeys(bad, "refused"), good.name: "landed"}
    assert all(one.reason and "\n" not in one.reason for one in loaded[:-1])
    assert refusals(derive(lake)) == []
    assert len(lake.catalogue.rows("select * from load_ledger where fate = 'refused'")) == len(bad)
