"""Reports of off-exchange trading in the sample market: each is whole by its own count and agrees with the others."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, timedelta

import polars as pl
import pytest

from pipelines.calendar import us_sessions
from pipelines.simulate import full
from pipelines.simulate.history import simulate
from pipelines.simulate.reports import SimulatedReports, simulate_reports
from tests.pipelines.simulated import hash_of, small_market, whole_market, whole_reports

# A changed hash means that everybody's sample market changes: say so in the changelog.
REPORTS_SHA256 = "dbb7f8faead0b1759d704e8b37fd9528dd5cebbc99e8d4a3b179123b853be665"
WITH_OPTIONS = {"SPY", "AAPL", "AMZN", "NVDA", "TSLA"}
SESSIONS = us_sessions().between(date(2024, 6, 17), date(2024, 7, 3))
MONDAYS = (date(2024, 6, 17), date(2024, 6, 24))


@pytest.fixture(scope="module")
def reports() -> SimulatedReports:
    return whole_reports()


def daily(data: bytes) -> pl.DataFrame:
    """A file of short volume, without its count, every cell a text."""
    lines = [line for line in data.decode().splitlines() if "|" in line]
    header, *rows = (line.split("|") for line in lines)
    words = [word.upper().replace(" ", "") for word in header]
    table = pl.DataFrame(rows, schema=words, orient="row")
    return table.with_columns(pl.col("SHORTVOLUME", "TOTALVOLUME").cast(pl.Float64))


def consolidated(reports: SimulatedReports, day: date) -> pl.DataFrame:
    return daily(reports.files[f"simulated_CNMSshvol{day:%Y%m%d}.txt"])


def weekly(reports: SimulatedReports, name: str) -> pl.DataFrame:
    pages = json.loads(reports.files[f"simulated_finra_weekly_{name}.json"])["pages"]
    rows = [row for page in pages for row in json.loads(page["body"])]
    assert {page["record_total"] for page in pages} == {len(rows)}
    return pl.DataFrame(rows, infer_schema_length=None)


def test_the_reports_are_those_whose_hash_is_committed(reports: SimulatedReports) -> None:
    assert hash_of(reports.files) == REPORTS_SHA256


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    first, second, other = (simulate_reports(seed).files for seed in (2, 2, 3))
    assert first == second
    assert set(first) == set(other)
    assert sum(first[name] != other[name] for name in first) == len(first) - 1  # the members of an index are declared


def test_a_small_market_has_the_reports_of_its_own_days() -> None:
    names = simulate_reports().files
    days = {page.session_date for page in small_market().pages}
    assert {name for name in names if "CNMS" in name} == {f"simulated_CNMSshvol{day:%Y%m%d}.txt" for day in days}
    assert not any("weekly_2024-06-24" in name for name in names)  # it ends on Tuesday


def test_reports_are_few_and_small_and_told_from_the_pages_by_name(reports: SimulatedReports) -> None:
    assert len(reports.files) < 120
    assert sum(map(len, reports.files.values())) < 4e6
    assert all(name.startswith("simulated_") for name in reports.files)
    assert not set(reports.files) & set(whole_market().files)


def test_every_session_has_its_short_volume_and_the_last_line_counts_the_rows(reports: SimulatedReports) -> None:
    for day in SESSIONS:
        data = reports.files[f"simulated_CNMSshvol{day:%Y%m%d}.txt"]
        table = consolidated(reports, day)
        assert data.decode().splitlines()[-1] == str(table.height)
        assert table["SYMBOL"].is_unique().all() and set(table["DATE"]) == {f"{day:%Y%m%d}"}
        assert (table["SHORTVOLUME"] <= table["TOTALVOLUME"]).all()
        assert (table["SHORTEXEMPTVOLUME"].cast(pl.Float64) <= table["SHORTVOLUME"]).all()
    assert sum("CNMS" in name for name in reports.files) == len(SESSIONS)


def test_spellings_that_matter_are_there(reports: SimulatedReports) -> None:
    symbols = set(consolidated(reports, SESSIONS[0])["SYMBOL"])
    assert {"NAN", "TRUE", "ZZB/B", "ZZpK", "ZZPK", "ZZW/WS"} | WITH_OPTIONS <= symbols
    assert len(symbols) > 36


def test_off_exchange_volume_is_a_part_of_the_days_true_volume(reports: SimulatedReports) -> None:
    for instrument in full().instruments:
        if instrument.name in WITH_OPTIONS:
            history = simulate(instrument, full(), 2)
            for day in SESSIONS:
                [total] = consolidated(reports, day).filter(SYMBOL=instrument.name)["TOTALVOLUME"]
                assert 0.35 < total / history.sessions[day].shares < 0.49


def test_who_is_sold_short_today_is_sold_short_tomorrow(reports: SimulatedReports) -> None:
    share = reports.shares.with_columns(share=pl.col("short") / pl.col("total")).sort("symbol", "session_date")
    both = share.with_columns(before=pl.col("share").shift().over("symbol")).drop_nulls("before")
    assert both.select(pl.corr("share", "before")).item() > 0.5


def test_fractional_shares_are_reported_on_the_last_days_only(reports: SimulatedReports) -> None:
    for day in SESSIONS:
        is_fractional = b"." in reports.files[f"simulated_CNMSshvol{day:%Y%m%d}.txt"]
        assert is_fractional == (day >= date(2024, 7, 1))


def test_facilities_have_less_than_all_together(reports: SimulatedReports) -> None:
    for day in SESSIONS[:2]:
        parts = [daily(reports.files[f"simulated_{name}shvol{day:%Y%m%d}.txt"]) for name in ("FNSQ", "FNYX")]
        assert [set(part["MARKET"]) for part in parts] == [{"Q"}, {"N"}]
        together = pl.concat(parts).group_by("SYMBOL").agg(pl.col("TOTALVOLUME", "SHORTVOLUME").sum())
        both = consolidated(reports, day).join(together, on="SYMBOL", suffix="_PARTS")
        assert both.height > 30
        assert (both["TOTALVOLUME_PARTS"] < both["TOTALVOLUME"]).all()
        assert (both["SHORTVOLUME_PARTS"] <= both["SHORTVOLUME"]).all()


def test_files_of_exchanges_have_no_count_and_an_empty_last_line(reports: SimulatedReports) -> None:
    for exchange, code in (("NQBX", "B"), ("NPSX", "X")):
        data = reports.files[f"simulated_{exchange}shvol20240620.txt"]
        table = daily(data)
        assert set(table["MARKET"]) == {code} and data.endswith(b"\n\n")
        assert (table["SHORTVOLUME"] <= table["TOTALVOLUME"]).all()
        assert data.decode().splitlines()[0] == "DATE|SYMBOL|SHORT VOLUME|TOTAL VOLUME|MARKET"


@pytest.mark.parametrize("monday", MONDAYS)
@pytest.mark.parametrize("tier", ["T1", "T2"])
def test_a_week_of_trading_systems_and_others_is_what_its_days_add_up_to(
    reports: SimulatedReports, monday: date, tier: str
) -> None:
    week = us_sessions().between(monday, monday + timedelta(days=4))
    assert len(week) == (4 if monday == date(2024, 6, 17) else 5)
    days = pl.concat([consolidated(reports, day) for day in week])
    totals = days.group_by(pl.col("SYMBOL").str.replace("/", ".", literal=True)).agg(pl.col("TOTALVOLUME").sum())
    total = dict(totals.rows())
    ats, firms, otc = (
        weekly(reports, f"{monday}_{tier}_{kind}") for kind in ("ATS_W_SMBL", "ATS_W_SMBL_FIRM", "OTC_W_SMBL")
    )
    quantity = pl.col("totalWeeklyShareQuantity")
    both = pl.concat([ats, otc]).group_by("issueSymbolIdentifier").agg(quantity.sum())
    assert both.height == 18
    assert all(total[symbol] == shares for symbol, shares in both.rows())
    by_firm = firms.group_by("issueSymbolIdentifier").agg(quantity.sum())
    assert dict(by_firm.rows()) == dict(ats.select("issueSymbolIdentifier", quantity).rows())
    assert firms["MPID"].null_count() == 0 and ats["MPID"].null_count() == ats.height


def test_a_week_is_published_three_or_five_weeks_after_its_monday(reports: SimulatedReports) -> None:
    for monday in MONDAYS:
        for tier, days in (("T1", 21), ("T2", 35)):
            table = weekly(reports, f"{monday}_{tier}_OTC_W_SMBL")
            assert set(table["initialPublishedDate"]) == {str(monday + timedelta(days=days))}
            assert (table["lastUpdateDate"] == table["initialPublishedDate"]).all()


def test_an_answer_of_many_rows_comes_in_several_pages(reports: SimulatedReports) -> None:
    pages = json.loads(reports.files["simulated_finra_weekly_2024-06-17_T1_ATS_W_SMBL_FIRM.json"])["pages"]
    assert [page["offset"] for page in pages] == [0, 40, 80]
    assert {page["record_total"] for page in pages} == {90}


def test_a_few_rows_of_the_first_week_are_restated_two_weeks_later(reports: SimulatedReports) -> None:
    first, again = (
        weekly(reports, f"2024-06-17_T1_ATS_W_SMBL{ending}").rows_by_key(
            "issueSymbolIdentifier", named=True, unique=True
        )
        for ending in ("", "_restated")
    )
    changed = {symbol for symbol in first if first[symbol] != again[symbol]}
    assert set(first) == set(again) and changed == {"AAPL", "NVDA", "SPY", "ZQC"}
    for symbol in changed:
        assert again[symbol]["lastUpdateDate"] == "2024-07-22" > first[symbol]["lastUpdateDate"]
        assert again[symbol]["initialPublishedDate"] == first[symbol]["initialPublishedDate"]
        assert again[symbol]["totalWeeklyShareQuantity"] > first[symbol]["totalWeeklyShareQuantity"]


def test_the_later_short_positions_restate_one_of_the_earlier(reports: SimulatedReports) -> None:
    earlier, later = (
        {
            row["symbolCode"]: row
            for page in json.loads(reports.files[name])["pages"]
            for row in json.loads(page["body"])
        }
        for name in sorted(reports.files)
        if "short_interest" in name
    )
    assert set(earlier) == set(later) >= WITH_OPTIONS | {"NAN", "TRUE", "ZZBB"}
    assert {row["settlementDate"] for row in later.values()} == {"2024-06-28"}
    revised = {
        symbol
        for symbol in later
        if later[symbol]["previousShortPositionQuantity"] != earlier[symbol]["currentShortPositionQuantity"]
    }
    assert revised == {symbol for symbol, row in later.items() if row["revisionFlag"] == "R"} == {"ZQD"}


@pytest.mark.parametrize(("half", "days"), [("202406a", (3, 14)), ("202406b", (17, 28))])
def test_an_archive_of_fails_holds_one_file_with_two_trailers(
    reports: SimulatedReports, half: str, days: tuple[int, int]
) -> None:
    with zipfile.ZipFile(io.BytesIO(reports.files[f"simulated_cnsfails{half}.zip"])) as archive:
        [member] = archive.namelist()
        text = archive.read(member).decode("cp1252")
    header, *rows, count, shares = text.splitlines()
    assert header == "SETTLEMENT DATE|CUSIP|SYMBOL|QUANTITY (FAILS)|DESCRIPTION|PRICE"
    assert count == f"Trailer record count {len(rows)}"
    cells = [row.split("|") for row in rows]
    assert shares == f"Trailer total quantity of shares {sum(int(row[3]) for row in cells)}"
    assert {row[0] for row in cells} == {
        f"{day:%Y%m%d}" for day in us_sessions().between(date(2024, 6, days[0]), date(2024, 6, days[1]))
    }
    assert any(row[-1] == "." for row in cells) and any(len(row) == 7 for row in cells)


def test_a_member_leaves_the_index(reports: SimulatedReports) -> None:
    table = pl.read_csv(reports.files["simulated_index_members.csv"])
    assert table.columns == ["index", "effective_date", "symbol"] and set(table["index"]) == {"SIMX"}
    before, after = (set(table.filter(effective_date=day)["symbol"]) for day in ("2024-06-14", "2024-06-24"))
    assert before == WITH_OPTIONS - {"SPY"} and before - after == {"TSLA"} and after < before
