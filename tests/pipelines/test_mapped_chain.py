"""Chains in layouts that owners declare: the same rows as a native parser's, strictness, hostile Parquet."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import cboe_quotedata_csv, deltaneutral_csv, mapped_chain, recognise
from pipelines.sources.page import NOTHING_DECLARED, ChainPage, Declared, Unreadable
from tests.pipelines import quote_pages
from tests.pipelines import test_deltaneutral_csv as deltaneutral
from tests.pipelines.accounting import check_accounts, reasons

COLUMNS = """
[columns]
underlying = "name"
expiry = "expires"
strike = "k"
type = "right"
bid = "b"
ask = "a"
open_interest = "oi"
"""
QUOTES = '[quotes]\ncolumn = "day"\nformat = "%Y-%m-%d"\nclock = "close"\n'
TOP = 'kind = "chain"\nexpiry_format = "%d.%m.%Y"\n'
MAPPING = TOP + COLUMNS + QUOTES
HEADER = "name,expires,k,right,b,a,oi,day"
ROW = "ABC,19.07.2024,100,C,1.0,1.2,10,2024-06-17"
OTHER = ROW.replace(",100,", ",101,")
NEW_YORK_TIMES = '[quotes]\ncolumn = "day"\nformat = "%Y-%m-%d %H:%M"\nzone = "America/New_York"\n'

DELTANEUTRAL = """
kind = "chain"
expiry_format = "%Y-%m-%d"
iv_unit = "fraction"
[columns]
underlying = "underlying"
symbol = "optionroot"
expiry = "expiration"
strike = "strike"
type = "type"
bid = "bid"
ask = "ask"
last = "last"
volume = "volume"
open_interest = "openinterest"
iv = "impliedvol"
delta = "delta"
gamma = "gamma"
underlying_last = "underlying_last"
[quotes]
column = "quotedate"
format = "%Y-%m-%d"
clock = "16:15"
"""


def read(data: bytes, mapping: str = MAPPING, underlying: str | None = None) -> list[ChainPage]:
    return mapped_chain.pages(data, Declared(mapping=mapping, underlying=underlying))


def file(*rows: str, header: str = HEADER, separator: str = ",") -> bytes:
    return "\n".join([header, *rows, ""]).replace(",", separator).encode()


def parquet(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_parquet(target)
    return target.getvalue()


def table(**columns: object) -> pl.DataFrame:
    cells = {
        "name": ["ABC"], "expires": [date(2024, 7, 19)], "k": [100], "right": ["call"], "b": [1.0], "a": [1.2],
        "oi": [10], "day": [date(2024, 6, 17)],
    }  # fmt: skip
    return pl.DataFrame({**cells, **columns})


def refusal(data: bytes, mapping: str = MAPPING) -> str:
    with pytest.raises(Unreadable) as caught:
        read(data, mapping)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_file_is_recognised_as_mapped() -> None:
    assert recognise(file(ROW)) is None


def test_a_row_becomes_the_contract_that_its_columns_name() -> None:
    (page,) = read(file(ROW))
    (row,) = page.rows.iter_rows(named=True)
    assert row == {
        "row_number": 2, "contract_id": "ABC240719C00100000", "root": "ABC", "expiry_date": date(2024, 7, 19),
        "option_type": "call", "strike": 100.0, "bid": 1.0, "ask": 1.2, "last": None, "volume": None,
        "open_interest": 10.0, "vendor_iv_frac": None, "vendor_delta": None, "vendor_gamma": None,
        "is_adjusted": False, "multiplier": None,
    }  # fmt: skip
    assert (page.underlying, page.quote_ts, page.header_ts) == ("ABC", datetime(2024, 6, 17, 20), None)
    assert (page.open_interest_rule, page.underlying_last) == ("unknown", None)


SIDES = st.sampled_from(["call", "put"])
LINES = st.builds(
    deltaneutral.line,
    st.integers(1, 4),
    st.sampled_from(["2024-06-17", "2024-06-18", "2024-06-16", "never"]),
    st.sampled_from(["ABC", "SPX", "a b"]),
    st.sampled_from([None, None, None, "SPXW240719C00001000", "SPX240719C00001000"]),
    side=SIDES,
    bid=st.sampled_from([1, 0.5, -1, "x", "inf"]),
    interest=st.sampled_from([0, 7, 1.5]),
    iv=st.sampled_from([0.2, "", "x"]),
)


@settings(max_examples=50)
@given(st.lists(LINES, max_size=12))
def test_a_native_layout_that_is_mapped_gives_the_native_pages(lines: list[str]) -> None:
    data = deltaneutral.file(deltaneutral.line(), *lines)
    native, mapped = deltaneutral_csv.pages(data, NOTHING_DECLARED), read(data, DELTANEUTRAL)
    check_accounts(mapped, len(lines) + 1)
    assert [(p.underlying, p.quote_ts) for p in mapped] == [(p.underlying, p.quote_ts) for p in native]
    for ours, theirs in zip(mapped, native, strict=True):
        assert ours.rows.equals(theirs.rows)
        assert ours.underlying_last == theirs.underlying_last
        assert ours.rejected["row_number"].to_list() == theirs.rejected["row_number"].to_list()


@pytest.mark.parametrize("as_file", [lambda frame: frame.write_csv().encode(), parquet], ids=["csv", "parquet"])
def test_a_quote_page_that_is_written_anew_gives_the_same_rows(as_file) -> None:
    data = quote_pages.page(*(quote_pages.line(k, root=root) for k in (95, 100, 102.5) for root in ("ABC", "ABC1")))
    (native,) = cboe_quotedata_csv.pages(data, NOTHING_DECLARED)
    names = {
        "symbol": "contract_id", "root": "root", "expiry": "expiry_date", "strike": "strike", "type": "option_type",
        "bid": "bid", "ask": "ask", "last": "last", "volume": "volume", "open_interest": "open_interest",
        "iv": "vendor_iv_frac", "delta": "vendor_delta", "gamma": "vendor_gamma", "is_adjusted": "is_adjusted",
    }  # fmt: skip
    columns = "".join(f'{key} = "{name}"\n' for key, name in names.items())
    mapping = 'kind = "chain"\niv_unit = "fraction"\nexpiry_format = "%Y-%m-%d"\n[columns]\n' + columns + QUOTES
    rewritten = native.rows.with_columns(day=pl.lit("2024-06-17"))
    (ours,) = read(as_file(rewritten), mapping)
    assert ours.rows.drop("row_number").equals(native.rows.drop("row_number"))
    assert (ours.underlying, ours.first_expiry) == (native.underlying, native.first_expiry)


# What the columns may look like


def test_separators_quotes_and_blanks_around_names_are_read() -> None:
    plain = read(file(ROW))[0]
    assert read(file(ROW, separator=";"), 'separator = ";"\n' + MAPPING)[0].rows.equals(plain.rows)
    assert read(file(ROW.replace("ABC", '"ABC"'), header=HEADER.replace(",", " , ")))[0].rows.equals(plain.rows)


def test_declared_words_stand_for_types_and_others_do_not() -> None:
    mapping = MAPPING + '[words]\ncall = ["Kauf"]\nput = ["Verkauf"]\n'
    found = read(file(ROW.replace(",C,", ",KAUF,"), OTHER.replace(",C,", ",verkauf,"), ROW), mapping)
    assert found[0].rows["option_type"].to_list() == ["call", "put"]
    assert reasons(found) == {"unreadable_symbol": 1}


def test_texts_and_numbers_that_mean_none_are_missing_values() -> None:
    mapping = 'missing = ["NA"]\n' + MAPPING + "[none]\nbid = [0, -1]\n"
    rows = [
        ROW.replace(",1.0,", f",{bid},").replace(",100,", f",{100 + k},")
        for k, bid in enumerate(("NA", "", "-1", 0, 2))
    ]
    assert read(file(*rows), mapping)[0].rows["bid"].to_list() == [None, None, None, None, 2.0]
    assert reasons(read(file(ROW, rows[0].replace(",100,", ",7,")))) == {"unreadable_number": 1}


def test_a_volatility_in_percent_becomes_a_fraction() -> None:
    mapping = 'iv_unit = "percent"\n' + TOP + COLUMNS + 'iv = "v"\n' + QUOTES
    assert read(file(ROW + ",20", header=HEADER + ",v"), mapping)[0].rows["vendor_iv_frac"].to_list() == [0.2]


def test_the_vendors_word_on_open_interest_is_the_owners_to_give() -> None:
    assert read(file(ROW), 'open_interest_rule = "session_end"\n' + MAPPING)[0].open_interest_rule == "session_end"


def test_adjusted_contracts_and_multipliers_are_carried() -> None:
    mapping = TOP + COLUMNS + 'is_adjusted = "adj"\nmultiplier = "m"\n' + QUOTES
    found = read(file(ROW + ",Yes,150", OTHER + ",no,", ROW + ",no,0", header=HEADER + ",adj,m"), mapping)
    assert found[0].rows.select("is_adjusted", "multiplier").rows() == [(True, 150.0), (False, None)]
    assert reasons(found) == {"not_a_multiplier": 1}


def test_symbols_may_be_padded_and_must_agree_with_the_columns_beside_them() -> None:
    mapping = TOP + COLUMNS.replace("underlying", "symbol") + QUOTES
    padded = ROW.replace("ABC", "ABC   240719C00100000")
    found = read(file(padded, padded.replace(",100,", ",105,"), padded.replace(",C,", ",P,"), ROW), mapping)
    assert found[0].rows["contract_id"].to_list() == ["ABC240719C00100000"]
    assert reasons(found) == {"symbol_contradicts_columns": 2, "unreadable_symbol": 1}
    assert "is written as text" in refusal(file(padded), mapping.replace('expiry_format = "%d.%m.%Y"\n', ""))


def test_without_roots_an_index_keeps_the_series_that_can_be_told_apart() -> None:
    rows = [ROW.replace("ABC", "SPX"), ROW.replace("ABC,19", "SPX,18"), ROW]
    found = read(file(*rows))
    assert {p.underlying: p.rows["root"].to_list() for p in found} == {"ABC": ["ABC"], "SPX": ["SPXW"]}
    assert reasons(found) == {"root_not_stated": 1}


def test_the_underlying_is_a_column_or_a_constant_or_named_at_loading() -> None:
    bare = MAPPING.replace('underlying = "name"\n', "")
    assert read(file(ROW), 'underlying = "XYZ"\n' + bare)[0].underlying == "XYZ"
    assert read(file(ROW), bare, underlying="xyz")[0].rows["root"].to_list() == ["XYZ"]
    assert "--underlying" in refusal(file(ROW), bare)


# Clocks


def test_the_close_of_a_short_session_is_early() -> None:
    assert read(file(ROW.replace("2024-06-17", "2024-07-03")))[0].quote_ts == datetime(2024, 7, 3, 17)


def test_a_fixed_clock_is_one_of_new_york_in_summer_and_winter() -> None:
    found = read(file(ROW, ROW.replace("2024-06-17", "2024-01-17")), MAPPING.replace('"close"', '"15:45"'))
    assert [page.quote_ts for page in found] == [datetime(2024, 1, 17, 20, 45), datetime(2024, 6, 17, 19, 45)]


def test_times_are_read_in_their_declared_or_stated_zone() -> None:
    local = file(ROW + " 10:30", OTHER + " 10:45")
    assert [p.quote_ts.time() for p in read(local, TOP + COLUMNS + NEW_YORK_TIMES)] == [time(14, 30), time(14, 45)]
    stated = TOP + COLUMNS + '[quotes]\ncolumn = "day"\nformat = "%Y-%m-%d %H:%M%z"\n'
    assert read(file(ROW + " 10:30+0200"), stated)[0].quote_ts == datetime(2024, 6, 17, 8, 30)


def test_a_page_was_known_at_its_newest_stated_clock_whichever_day_that_is() -> None:
    known = '[known]\ncolumn = "got"\nformat = "%Y-%m-%d"\nclock = "18:00"\n'
    rows = [ROW + ",2024-06-22", OTHER + ",2024-06-18", ROW + ",soon", ROW + ",-2024-06-18"]
    (page,) = read(file(*rows, header=HEADER + ",got"), MAPPING + known)
    assert page.header_ts == datetime(2024, 6, 22, 22)
    assert reasons([page]) == {"unreadable_known_time": 1, "time_out_of_range": 1}


@pytest.mark.parametrize(
    ("day", "reason"),
    [("2024-06-16", "not_a_session"), ("soon", "unreadable_time"), ("2004-06-17", "time_out_of_range")],
)
def test_a_row_of_no_session_is_set_aside(day: str, reason: str) -> None:
    assert reasons(read(file(OTHER, ROW.replace("2024-06-17", day)))) == {reason: 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW.replace(",100,", ",100.0005,"), "strike_not_in_thousandths"),
        (ROW.replace(",100,", ",1e9,"), "unreadable_symbol"),
        (ROW.replace("19.07.2024", "2024-07-19"), "unreadable_symbol"),
        (ROW.replace("ABC", "AB1"), "unreadable_underlying"),
        (ROW.replace("ABC", ""), "unreadable_symbol"),
        (ROW + ",x", "wrong_column_count"),
        (OTHER.replace(",10,", ",11,"), "conflicting_duplicate"),
    ],
)
def test_a_broken_row_is_set_aside_with_its_reason(row: str, reason: str) -> None:
    found = read(file(OTHER, row))
    check_accounts(found, 2)
    assert reasons(found) == {reason: 1}


@pytest.mark.parametrize(
    ("data", "mapping", "message"),
    [
        (file(ROW), MAPPING.replace('bid = "b"', 'bid = "bids"'), "columns.bid: the file has no column 'bids'; it has"),
        (file(ROW), MAPPING.replace('column = "day"', 'column = "date"'), "quotes: the file has no column 'date'"),
        (file(ROW), MAPPING.replace('format = "%Y-%m-%d"\n', ""), "quotes.format: column 'day' is written as text"),
        (file(ROW), MAPPING.replace('clock = "close"\n', ""), "quotes.zone: column 'day' states no zone"),
        (file(ROW), MAPPING.replace('"%Y-%m-%d"', '"%Y %H"'), "quotes.format: "),
        (file(ROW), MAPPING.replace('"%d.%m.%Y"', '"%Y %H"'), "expiry_format: "),
        (file(ROW), 'separator = ";"\n' + MAPPING, "columns.underlying: the file has no column 'name'"),
        (
            file(ROW, header=HEADER.replace("right", '"ri\rght"')),
            MAPPING,
            "columns.type: the file has no column 'right'",
        ),
        (file(), MAPPING, "none of 0 rows"),
        (b"", MAPPING, "no column"),
    ],
)
def test_what_does_not_fit_the_file_is_one_line_that_names_the_key(data: bytes, mapping: str, message: str) -> None:
    assert message in refusal(data, mapping)


# Parquet


def test_parquet_types_need_no_formats() -> None:
    mapping = MAPPING.replace('expiry_format = "%d.%m.%Y"\n', "").replace('format = "%Y-%m-%d"\n', "")
    plain = read(file(ROW))[0].rows.drop("row_number")
    as_frames_keep_them = table(
        expires=[datetime(2024, 7, 19)], k=[Decimal("100.000")], day=[datetime(2024, 6, 17)],
        name=pl.Series(["ABC"], dtype=pl.Categorical),
    )  # fmt: skip
    for frame in (table(), as_frames_keep_them):
        assert read(parquet(frame), mapping)[0].rows.drop("row_number").equals(plain)
    assert read(parquet(table(b=[float("nan")])), mapping)[0].rows["bid"].to_list() == [None]


def test_parquet_times_state_their_zone_or_have_it_declared() -> None:
    naive, aware = datetime(2024, 6, 17, 10, 30), datetime(2024, 6, 17, 14, 30, tzinfo=UTC)
    zoned = TOP + COLUMNS + '[quotes]\ncolumn = "day"\nzone = "America/New_York"\n'
    bare = TOP + COLUMNS + '[quotes]\ncolumn = "day"\n'
    assert read(parquet(table(day=[naive])), zoned)[0].quote_ts == datetime(2024, 6, 17, 14, 30)
    assert read(parquet(table(day=[aware])), bare)[0].quote_ts == datetime(2024, 6, 17, 14, 30)
    assert "quotes.zone: column 'day' states no zone" in refusal(parquet(table(day=[naive])), bare)
    assert "quotes.zone: column 'day' states its own zone" in refusal(parquet(table(day=[aware])), zoned)
    assert "quotes.clock: column 'day' holds dates" in refusal(parquet(table()), zoned)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"b": [[1.0]]}, "neither text, number nor time"),
        ({"b": [{"x": 1}]}, "neither text, number nor time"),
        ({"b": [b"1"]}, "neither text, number nor time"),
        ({"b": [date(2024, 1, 1)]}, "columns.bid: column 'b' holds Date, not numbers"),
        ({"name": [7]}, "columns.underlying: column 'name' holds Int64, not texts"),
        ({"expires": [20240719]}, "columns.expiry: column 'expires' holds Int64, not dates"),
        ({"day": [True]}, "quotes: column 'day' holds Boolean, not dates"),
        ({"name": ["A" * 1000]}, "holds a text of 1000 bytes"),
    ],
)
def test_other_types_are_refused_by_key(column: dict[str, object], message: str) -> None:
    assert message in refusal(parquet(table(**column)))


def test_dates_and_times_beyond_all_calendars_are_set_aside() -> None:
    endless = table().select(pl.all().repeat_by(2).explode()).with_columns(k=pl.Series([100, 101]))
    date_end = pl.Series([19923, 2**31 - 1], dtype=pl.Int32).cast(pl.Date)
    instants = pl.Series([int(datetime(2024, 6, 17, 14, tzinfo=UTC).timestamp() * 1e6), 2**63 - 1])
    assert reasons(read(parquet(endless.with_columns(expires=date_end)))) == {"unreadable_symbol": 1}
    times = endless.with_columns(day=instants.cast(pl.Datetime("us")))
    zoned = TOP + COLUMNS + '[quotes]\ncolumn = "day"\nzone = "UTC"\n'
    assert reasons(read(parquet(times), zoned)) == {"unreadable_time": 1}


def test_a_long_text_repeated_a_million_times_is_refused_before_it_is_unpacked() -> None:
    rows = 1_000_000
    small = pl.DataFrame({name: column.new_from_index(0, rows) for name, column in table().to_dict().items()})
    data = _repeated(small, "A" * 1_000_000)
    assert len(data) < 4_000_000
    assert "holds a text of 1000000 bytes" in refusal(data)


def _repeated(frame: pl.DataFrame, text: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    indices = pa.array([0], pa.int32()).take(pa.array([0] * frame.height))
    names = pa.DictionaryArray.from_arrays(indices, pa.array([text]))
    arrow = frame.to_arrow()
    target = io.BytesIO()
    pa.parquet.write_table(arrow.set_column(arrow.schema.get_field_index("name"), "name", names), target)
    return target.getvalue()


def test_more_rows_or_bytes_than_declared_are_refused_from_the_footer_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.sources import parquet_table

    data = parquet(table().select(pl.all().repeat_by(100).explode()))
    monkeypatch.setattr(parquet_table, "_MOST_ROWS", 99)
    assert "100 rows are more" in refusal(data)
    monkeypatch.setattr(parquet_table, "_MOST_ROWS", 100)
    monkeypatch.setattr(parquet_table, "_MOST_BYTES", 100)
    assert "bytes unpacked are more" in refusal(data)


@settings(max_examples=50)
@given(st.data())
def test_a_damaged_parquet_file_is_refused_or_read_but_never_breaks(data: st.DataObject) -> None:
    whole = bytearray(parquet(table().select(pl.all().repeat_by(50).explode())))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.sampled_from([len(whole), len(whole) // 2, 8]))])
    with suppress(Unreadable):
        check_accounts(read(cut), 50)
