"""Daily short volume of FINRA's facilities and of Nasdaq's exchanges."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from pipelines import sources
from pipelines.sources.page import NOTHING_DECLARED, Declared, Unreadable
from pipelines.sources.reports import finra_short_volume, nasdaq_short_volume
from pipelines.sources.reports.report import ReportFile
from tests.pipelines.finra_made import check_accounts, reasons, short_volume
from tests.pipelines.finra_made import nasdaq_short_volume as nasdaq_file
from tests.samples import needs_samples, sample

A = "20240614|A|36865|0|336566|B,Q,N"
AA = "20240614|AA|123881|2100|401129|Q,N"


def read(data: bytes) -> ReportFile:
    return finra_short_volume.report(data, NOTHING_DECLARED)


def read_nasdaq(data: bytes) -> ReportFile:
    return nasdaq_short_volume.report(data, NOTHING_DECLARED)


def rows(file: ReportFile) -> dict[str, list[object]]:
    columns = ("vendor_symbol", "underlying", "short_volume_shares", "short_exempt_volume_shares")
    return {symbol: rest for symbol, *rest in file.rows.select(columns).iter_rows()}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_is_read_whatever_ends_its_lines(end: str) -> None:
    data = short_volume(A, AA, end=end)
    assert sources.recognise(data) is finra_short_volume
    file = read(data)
    check_accounts(file, 2)
    assert file.rows["session_date"].unique().to_list() == [date(2024, 6, 14)]
    assert file.rows["market_codes"].to_list() == ["B,Q,N", "Q,N"]
    assert file.rows["published_date"].null_count() == 2


def test_symbols_stay_the_texts_that_they_are() -> None:
    spelled = ["NAN", "TRUE", "NULL", "ABRpA", "ABRPA", "BRK/B", "ACIC/WS", "007"]
    file = read(short_volume(*(f"20240614|{symbol}|{n}|0|10|Q,N" for n, symbol in enumerate(spelled))))
    check_accounts(file, len(spelled))
    assert file.rows["vendor_symbol"].to_list() == spelled
    assert file.rows["underlying"].to_list() == ["NAN", "TRUE", "NULL", "ABRpA", "ABRPA", "BRKB", "ACICWS", "007"]


def test_shares_may_be_fractions_and_exempt_ones_are_part_of_the_short_ones() -> None:
    file = read(short_volume("20240614|A|2551427.692872|2551427.692872|2551427.692872|B,Q,N", AA))
    assert rows(file)["A"] == ["A", 2551427.692872, 2551427.692872]


@pytest.mark.parametrize(
    ("code", "facility"), [("Q", "FNSQ"), ("B", "FNQC"), ("N", "FNYX"), ("D", "FNRA"), ("O", "FORF"), ("Q,N", "CNMS")]
)
def test_the_markets_on_the_rows_tell_whose_file_it_is(code: str, facility: str) -> None:
    file = read(short_volume(f"20240614|A|1|0|2|{code}", f"20240614|AA|1|0|2|{code}"))
    assert file.rows["part"].unique().to_list() == file.rows["facility"].unique().to_list() == [facility]


def test_a_slip_of_market_does_not_turn_the_file_of_one_facility_into_the_consolidated_one() -> None:
    file = read(short_volume(*(f"20240614|A{n}|1|0|2|Q" for n in range(100)), "20240614|B|1|0|2|N"))
    check_accounts(file, 101)
    assert (file.rows["part"].unique().to_list(), reasons(file)) == (["FNSQ"], {"other_market": 1})


def test_the_day_of_most_rows_stands_and_others_are_set_aside() -> None:
    file = read(short_volume(A, AA, "20240613|AAA|1|0|2|Q"))
    check_accounts(file, 3)
    assert (file.rows["session_date"].unique().to_list(), reasons(file)) == ([date(2024, 6, 14)], {"other_day": 1})


def test_a_file_of_two_days_in_equal_parts_is_refused() -> None:
    with pytest.raises(Unreadable, match="of 2 days"):
        read(short_volume(A, "20240613|AA|1|0|2|Q"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-06-14|X|1|0|2|Q", "unreadable_date"),
        ("20240631|X|1|0|2|Q", "unreadable_date"),
        ("19991231|X|1|0|2|Q", "date_out_of_range"),
        ("20240614||1|0|2|Q", "unreadable_symbol"),
        ("20240614|../../x|1|0|2|Q", "unreadable_symbol"),
        ("20240614|X|nan|0|2|Q", "unreadable_number"),
        ("20240614|X|1e5|0|200000|Q", "unreadable_number"),
        ("20240614|X||0|2|Q", "unreadable_number"),
        ("20240614|X|-1|0|2|Q", "negative_quantity"),
        ("20240614|X|1|0|2000000000000|Q", "not_a_quantity"),
        ("20240614|X|3|0|2|Q", "short_above_total"),
        ("20240614|X|1|2|2|Q", "exempt_above_short"),
        ("20240614|X|1|0|2|", "unreadable_market"),
        ("20240614|X|1|0|2", "wrong_column_count"),
        ("20240614|A|1|0|2|Q", "conflicting_duplicate"),
    ],
)
def test_a_row_that_cannot_stand_is_set_aside_with_its_reason(row: str, reason: str) -> None:
    file = read(short_volume(A, AA, row))
    check_accounts(file, 3)
    assert reasons(file) == {reason: 1}
    assert file.rejected["row_number"].to_list() == [4]


def test_a_row_that_comes_twice_counts_once() -> None:
    file = read(short_volume(A, AA, A))
    check_accounts(file, 3)
    assert (file.rows.height, file.rows_duplicate) == (2, 1)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.99])
def test_a_cut_off_file_is_refused(kept: float) -> None:
    data = short_volume(*(f"20240614|A{n}|1|0|2|Q" for n in range(50)))
    with pytest.raises(Unreadable, match="cut off"):
        read(data[: int(kept * len(data))])


@pytest.mark.parametrize("trailer", ["49", "51", "9" * 5000, "²"])
def test_a_count_that_is_not_that_of_the_rows_refuses_the_file(trailer: str) -> None:
    data = short_volume(*(f"20240614|A{n}|1|0|2|Q" for n in range(50)))
    with pytest.raises(Unreadable, match="cut off"):
        read(data.replace(b"\n50\n", f"\n{trailer}\n".encode()))


def test_files_without_a_row_that_can_be_read_are_refused() -> None:
    for data in (short_volume(), short_volume("x|y"), short_volume("20240614|A|x|0|2|Q")):
        with pytest.raises(Unreadable):
            read(data)
    for data in (nasdaq_file(), nasdaq_file("x|y"), nasdaq_file("20240614|A|x|2|B")):
        with pytest.raises(Unreadable):
            read_nasdaq(data)


def test_the_owner_cannot_date_what_dates_itself() -> None:
    with pytest.raises(Unreadable, match="its own days"):
        finra_short_volume.report(short_volume(A), Declared(session=date(2024, 6, 13)))
    with pytest.raises(Unreadable, match="its own days"):
        nasdaq_short_volume.report(nasdaq_file("20240614|A|1|2|B"), Declared(session=date(2024, 6, 13)))


@pytest.mark.parametrize(("market", "facility"), [("B", "NQBX"), ("X", "NPSX")])
def test_files_of_the_exchanges_tell_no_exempt_sales(market: str, facility: str) -> None:
    data = nasdaq_file(f"20240614|A|1800|5200|{market}", f"20240614|NAN|0|5|{market}")
    assert sources.recognise(data) is nasdaq_short_volume
    file = read_nasdaq(data)
    check_accounts(file, 2)
    assert file.rows["part"].unique().to_list() == [facility]
    assert rows(file) == {"A": ["A", 1800.0, None], "NAN": ["NAN", 0.0, None]}


def test_a_file_of_an_exchange_without_its_empty_last_line_is_refused_wherever_it_ends() -> None:
    data = nasdaq_file(*(f"20240614|A{n}|1800|5200|B" for n in range(9)))
    assert read_nasdaq(data).rows.height == 9
    for length in range(len(data)):
        with pytest.raises(Unreadable):
            read_nasdaq(data[:length])


def test_rows_of_another_exchange_are_set_aside() -> None:
    file = read_nasdaq(nasdaq_file("20240614|A|1|2|B", "20240614|AA|1|2|B", "20240614|AAA|1|2|X"))
    check_accounts(file, 3)
    assert (file.rows["part"].unique().to_list(), reasons(file)) == (["NQBX"], {"other_market": 1})
    with pytest.raises(Unreadable, match="neither of the markets"):
        read_nasdaq(nasdaq_file("20240614|A|1|2|Q"))


@needs_samples
@pytest.mark.samples
def test_every_row_of_the_real_files_stands() -> None:
    files = sorted(sample("finra_regsho").glob("*.txt"))
    assert len(files) == 8
    for path in files:
        data = path.read_bytes()
        source = sources.recognise(data)
        assert source is not None
        file = source.report(data, NOTHING_DECLARED)
        check_accounts(file, sum(b"|" in line for line in data.splitlines()) - 1)
        assert (file.rejected.height, file.rows_duplicate) == (0, 0)
        assert file.rows["part"].unique().to_list() == [path.name[:4]]
        assert file.rows["session_date"].unique().to_list() == [date.fromisoformat(path.stem[-8:])]


@needs_samples
@pytest.mark.samples
def test_the_share_of_short_volume_of_a_squeezed_stock_in_the_real_files() -> None:
    shares = []
    for day in range(25, 30):
        file = read(sample(f"finra_regsho/CNMSshvol202101{day}.txt").read_bytes())
        row = file.rows.filter(pl.col("vendor_symbol") == "GME").row(0, named=True)
        shares.append(round(row["short_volume_shares"] / row["total_volume_shares"], 4))
    assert shares == [0.3786, 0.3309, 0.5445, 0.5083, 0.5398]
