"""Chains of coin venues in layouts that owners declare: names, units, what is one snapshot, what is set aside."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import mapped, recognise
from pipelines.sources.coin_file import COIN_CHAIN_SCHEMA, COIN_REJECTED_SCHEMA, CoinFile
from pipelines.sources.mapped_coin_chain import coin_file
from pipelines.sources.page import Declared, Unreadable
from tests.pipelines.mapped_documents import example

NAMED = 'symbol = "name"\n'
NUMBERS = 'bid = "b"\nask = "a"\niv = "v"\nopen_interest = "oi"\nforward = "f"\n'
QUOTES = '[quotes]\ncolumn = "t"\nunit = "ms"\n'
TOP = 'kind = "coin_chain"\niv_unit = "percent"\n'
MAPPING = f"{TOP}[columns]\n{NAMED}{NUMBERS}{QUOTES}"
HEADER = "name,b,a,v,oi,f,t"
AT = 1767225600000  # 2026-01-01
START = datetime(2026, 1, 1)
ROW = f"BTC-26JUN26-100000-C,0.05,0.06,45,10.5,95000,{AT}"
OTHER = ROW.replace("-C,", "-P,")


def file(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def read(data: bytes, mapping: str = MAPPING) -> CoinFile:
    found = coin_file(data, Declared(mapping=mapping))
    counted = found.chains.height + found.rejected.height + found.rows_duplicate + found.rows_passed
    assert found.rows_in == counted
    assert dict(found.chains.schema) == COIN_CHAIN_SCHEMA
    assert dict(found.rejected.schema) == COIN_REJECTED_SCHEMA
    key = ["underlying", "snapshot_ts", "contract_id"]
    assert found.chains.select(pl.struct(key).is_unique().all()).item() in {True, None}
    assert found.chains.equals(found.chains.sort(key))
    return found


def reasons(found: CoinFile) -> Counter[str]:
    return Counter(found.rejected["reason"])


def refusal(data: bytes, mapping: str = MAPPING) -> str:
    with pytest.raises(Unreadable) as caught:
        read(data, mapping)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def parquet(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_parquet(target)
    return target.getvalue()


def test_a_mapping_of_coin_chains_chooses_this_reader_and_no_content_does() -> None:
    assert mapped(MAPPING).NAME == "mapped_coin_chain"
    assert recognise(file(ROW)) is None


def test_a_row_becomes_the_option_that_its_name_says() -> None:
    (row,) = read(file(ROW)).chains.iter_rows(named=True)
    assert row == {
        "row_number": 2, "snapshot_ts": START, "known_at": START, "contract_id": "BTC-26JUN26-100000-C",
        "underlying": "BTC", "root": "BTC", "expiry_date": date(2026, 6, 26), "expiry_ts": datetime(2026, 6, 26, 8),
        "strike": 100000.0, "option_type": "call", "is_inverse": True, "bid": 0.05, "ask": 0.06, "last": None,
        "mark": None, "volume": None, "open_interest": 10.5, "vendor_iv_frac": 0.45, "vendor_delta": None,
        "vendor_gamma": None, "forward": 95000.0, "index_price": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ("BTC,26.06.2026,100000,C", "BTC-26JUN26-100000-C"),
        ("btc,05.06.2026,100000.0,Call", "BTC-5JUN26-100000-C"),
        ("XRP_USDC,30.06.2026,0.625,p", "XRP_USDC-30JUN26-0d625-P"),
        ("BTC_USDC,26.06.2026,100000,put", "BTC_USDC-26JUN26-100000-P"),
    ],
)
def test_the_parts_of_a_contract_name_it_as_the_venue_would(parts: str, name: str) -> None:
    columns = 'root = "r"\nexpiry = "e"\nstrike = "k"\ntype = "y"\n'
    mapping = f'{TOP}expiry_format = "%d.%m.%Y"\n[columns]\n{columns}{NUMBERS}{QUOTES}'
    header = HEADER.replace("name", "r,e,k,y")
    by_parts = read(file(ROW.replace("BTC-26JUN26-100000-C", parts), header=header), mapping).chains
    by_name = read(file(ROW.replace("BTC-26JUN26-100000-C", name))).chains
    assert by_parts.equals(by_name)
    assert by_parts["contract_id"].to_list() == [name]


def test_an_expiry_may_be_an_epoch_or_one_of_all_rows() -> None:
    epoch = int(datetime(2026, 6, 26, 8, tzinfo=UTC).timestamp())
    parts = f'root = "BTC"\nexpiry_unit = "s"\n[columns]\nexpiry = "e"\nstrike = "k"\ntype = "y"\n{NUMBERS}{QUOTES}'
    row = ROW.replace("BTC-26JUN26-100000-C", f"{epoch},100000,C")
    assert read(file(row, header=HEADER.replace("name", "e,k,y")), TOP + parts).chains.equals(read(file(ROW)).chains)
    of_all = parts.replace('expiry_unit = "s"', "expiry = 2026-06-26").replace('expiry = "e"\n', "")
    found = read(file(row, header=HEADER.replace("name", "e,k,y")), TOP + of_all)
    assert found.chains["contract_id"].to_list() == ["BTC-26JUN26-100000-C"]


def test_columns_beside_a_name_must_repeat_it() -> None:
    mapping = MAPPING.replace(NAMED, NAMED + 'strike = "k"\ntype = "y"\n')
    rows = [ROW + ",100000,C", OTHER + ",100000,C", ROW + ",90000,C", OTHER + ",,P"]
    found = read(file(*rows, header=HEADER + ",k,y"), mapping)
    assert reasons(found) == {"symbol_contradicts_columns": 3}


def test_what_is_no_option_is_passed_over_and_what_is_no_name_is_set_aside() -> None:
    names = ["BTC-PERPETUAL", "BTC-26JUN26", "BTC-CS-26JUN26-90000_95000", "BTC_USDC", "SOL_USDC-PERPETUAL"]
    wrong = ["BTC-26JUN26-100000-X", "BTC-31JUN26-100000-C", "", "BTC"]
    found = read(file(ROW, *(ROW.replace("BTC-26JUN26-100000-C", name) for name in [*names, *wrong])))
    assert (found.rows_passed, found.chains.height) == (5, 1)
    assert reasons(found) == {"unreadable_symbol": 4}
    assert "none of 1 rows can be read (no options)" in refusal(file(ROW.replace("-26JUN26-100000-C", "-PERPETUAL")))


# Units


@pytest.mark.parametrize(
    ("unit", "count"), [("s", "1767225600.25"), ("ms", "1767225600250"), ("us", "1767225600250000")]
)
def test_numbers_since_1970_are_read_in_their_unit(unit: str, count: str) -> None:
    mapping = MAPPING.replace('unit = "ms"', f'unit = "{unit}"')
    found = read(file(ROW.replace(str(AT), count)), mapping)
    assert found.chains["snapshot_ts"].to_list() == [START + timedelta(milliseconds=250)]


def test_the_wrong_unit_of_time_or_volatility_reads_nothing() -> None:
    assert "time_out_of_range" in refusal(file(ROW), MAPPING.replace('"ms"', '"us"'))
    assert "unreadable_time" in refusal(file(ROW), MAPPING.replace('"ms"', '"s"'))
    assert "iv_unit: as fraction the usual" in refusal(file(ROW), MAPPING.replace("percent", "fraction"))
    assert "iv_unit: as percent the usual" in refusal(file(ROW.replace(",45,", ",0.45,")))


def test_zero_says_that_there_is_no_volatility_and_no_forward() -> None:
    rows = [ROW, OTHER.replace(",45,", ",0,"), ROW.replace("26JUN", "25SEP").replace(",45,", ",500,")]
    found = read(file(*rows, ROW.replace("100000", "1").replace(",95000,", ",0,")))
    assert found.chains.sort("row_number")["vendor_iv_frac"].to_list() == [0.45, None, None, 0.45]
    assert found.chains.sort("row_number")["forward"].to_list() == [95000, 95000, 95000, None]


def test_parquet_times_may_be_numbers_texts_or_instants() -> None:
    plain = read(file(ROW)).chains.drop("row_number")
    frame = pl.read_csv(file(ROW))
    assert read(parquet(frame)).chains.drop("row_number").equals(plain)
    instants = frame.with_columns(pl.from_epoch("t", "ms").dt.replace_time_zone("UTC"))
    assert read(parquet(instants), MAPPING.replace('unit = "ms"\n', "")).chains.drop("row_number").equals(plain)
    texts = frame.with_columns(t=pl.lit("2026-01-01T01:00:00.000000+01:00"))
    stated = MAPPING.replace('unit = "ms"', 'format = "%Y-%m-%dT%H:%M:%S%.f%z"')
    assert read(parquet(texts), stated).chains.drop("row_number").equals(plain)
    assert "quotes.unit: column 't' holds numbers" in refusal(parquet(frame), MAPPING.replace('unit = "ms"\n', ""))
    assert "quotes: column 't' holds Date, not" in refusal(
        parquet(frame.with_columns(t=pl.lit(date(2026, 1, 1)))), MAPPING.replace('unit = "ms"\n', "")
    )


# Snapshots


def clocked(row: str, seconds: float) -> str:
    return row.replace(str(AT), str(AT + int(seconds * 1000)))


def test_rows_of_one_time_are_a_snapshot_of_each_underlying() -> None:
    found = read(file(ROW, ROW.replace("BTC", "ETH"), clocked(ROW, 60)))
    assert found.chains.select("underlying", "snapshot_ts").rows() == [
        ("BTC", START), ("BTC", START + timedelta(minutes=1)), ("ETH", START)
    ]  # fmt: skip


def test_a_column_tells_snapshots_apart_and_each_stands_at_its_newest_time() -> None:
    mapping = MAPPING.replace(NUMBERS, NUMBERS + 'snapshot = "s"\n')
    rows = [
        ROW + ",1",
        clocked(OTHER, 9) + ",1",
        clocked(ROW, 600) + ",2",
        ROW.replace("BTC", "ETH") + ",1",
        OTHER + ",",
    ]
    found = read(file(*rows, header=HEADER + ",s"), mapping)
    assert found.chains.select("underlying", "option_type", "snapshot_ts").rows() == [
        ("BTC", "call", START + timedelta(seconds=9)), ("BTC", "put", START + timedelta(seconds=9)),
        ("BTC", "call", START + timedelta(seconds=600)), ("ETH", "call", START),
    ]  # fmt: skip
    assert reasons(found) == {"no_snapshot": 1}


def test_a_file_may_be_one_snapshot_whose_slips_do_not_move_it() -> None:
    slipped = [clocked(ROW.replace("100000", "1"), 1801), clocked(ROW.replace("100000", "2"), -9000)]
    found = read(
        file(ROW, OTHER, clocked(ROW.replace("26JUN", "25SEP"), 42), *slipped), "is_one_snapshot = true\n" + MAPPING
    )
    assert found.chains["snapshot_ts"].unique().to_list() == [START + timedelta(seconds=42)]
    assert reasons(found) == {"time_apart_from_snapshot": 2}


def test_a_page_without_times_was_taken_when_its_owner_says() -> None:
    mapping = "quoted_at = 2026-01-01T02:00:00+02:00\n" + MAPPING.replace(QUOTES, "")
    assert read(file(ROW), mapping).chains.equals(read(file(ROW)).chains)


def test_a_snapshot_is_known_when_its_newest_row_was_and_never_before_it_was_taken() -> None:
    mapping = MAPPING + '[known]\ncolumn = "k"\nunit = "ms"\n'
    rows = [f"{ROW},{AT + 5000}", f"{OTHER},{AT + 1000}", f"{clocked(ROW, 60)},{AT}", f"{OTHER},"]
    found = read(file(*rows, header=HEADER + ",k"), mapping)
    later = START + timedelta(seconds=60)
    assert found.chains.select("snapshot_ts", "known_at").unique(maintain_order=True).rows() == [
        (START, START + timedelta(seconds=5)), (later, later)
    ]  # fmt: skip
    assert reasons(found) == {"unreadable_known_time": 1}


def test_an_option_counts_once_in_a_snapshot() -> None:
    found = read(file(ROW, ROW, ROW.replace(",10.5,", ",11,"), clocked(ROW, 1)))
    assert (found.chains.height, found.rows_duplicate) == (2, 1)
    assert reasons(found) == {"conflicting_duplicate": 1}


# What is set aside


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW.replace(",0.05,", ",x,"), "unreadable_number"),
        (ROW.replace(",0.05,", ",nan,"), "not_finite"),
        (ROW.replace(",0.05,", ",-1,"), "negative_price"),
        (ROW.replace(",95000,", ",-1,"), "negative_price"),
        (ROW.replace(",0.06,", ",1e13,"), "not_a_price"),
        (ROW.replace(",10.5,", ",-1,"), "negative_quantity"),
        (ROW.replace(",10.5,", ",1e13,"), "not_a_quantity"),
        (ROW.replace(",45,", ",-45,"), "negative_volatility"),
        (ROW.replace(str(AT), "soon"), "unreadable_time"),
        (ROW.replace(str(AT), ""), "unreadable_time"),
        (ROW.replace(str(AT), "1000"), "time_out_of_range"),
        (ROW + ",1", "wrong_column_count"),
    ],
)
def test_a_broken_row_is_set_aside_with_its_reason_and_its_place(row: str, reason: str) -> None:
    found = read(file(OTHER, row))
    assert found.chains["contract_id"].to_list() == ["BTC-26JUN26-100000-P"]
    (told,) = found.rejected.iter_rows(named=True)
    assert (told["row_number"], told["reason"], told["kind"]) == (3, reason, "chain")
    has_time = reason not in {"wrong_column_count", "time_out_of_range"} and str(AT) in row
    assert told["day_ts"] == (START if has_time else None)
    assert (told["underlying"] == "BTC") == (reason != "wrong_column_count")


def test_names_may_repeat_in_a_header_unless_they_are_needed() -> None:
    twice = file(*(row + ",1,2" for row in (ROW, OTHER)), header=HEADER + ",size,size")
    assert read(twice).chains.equals(read(file(ROW, OTHER)).chains)
    assert read(twice.replace(b"\n", b"\r\n")).chains.equals(read(file(ROW, OTHER)).chains)
    assert "two columns are called 'b'" in refusal(file(ROW + ",1", header=HEADER + ",b"))


cells = st.sampled_from(["", "1", "-1", "0", "x", "inf", "BTC-PERPETUAL", "ETH-5JAN26-1d5-P", str(AT), "9" * 30, ","])


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 6), cells), max_size=8), st.booleans())
def test_no_row_is_lost_whatever_stands_in_its_cells(changes: list[tuple[int, str]], is_one: bool) -> None:
    rows = [ROW]
    for place, cell in changes:
        parts = ROW.split(",")
        parts[place] = cell
        rows.append(",".join(parts))
    found = read(file(*rows), ("is_one_snapshot = true\n" if is_one else "") + MAPPING)
    assert found.rows_in == len(rows)


# As printed


def test_the_documents_tickers_read_as_printed() -> None:
    found = read(*(text.encode() if text.startswith("name") else text for text in example("tickers")))  # type: ignore[arg-type]
    assert found.rows_passed == 1
    assert found.chains.select("underlying", "contract_id", "bid", "is_inverse").rows() == [
        ("BTC", "BTC-26JUN26-100000-C", 0.0525, True),
        ("BTC", "BTC-26JUN26-100000-P", None, True),
        ("SOL", "SOL_USDC-26JUN26-90-P", 4.1, False),
        ("XRP", "XRP_USDC-26JUN26-0d625-C", 0.21, False),
    ]
    newest = found.chains.group_by("underlying").agg(pl.col("snapshot_ts").unique()).sort("underlying")
    assert newest["snapshot_ts"].to_list()[0] == [START + timedelta(seconds=2, milliseconds=4)]


def test_the_documents_mapping_of_flat_snapshots_fits_frames_of_its_columns() -> None:
    _, mapping = example("snapshots")
    frame = pl.DataFrame(
        {
            "timestamp": ["2026-01-01T00:00:00.123456+00:00"] * 2,
            "instrument_name": ["BTC-26JUN26-1-C", "ETH-26JUN26-1-P"],
            "bid_price": [None, 0.1], "ask_price": [0.2, 0.2], "mark_price": [0.1, 0.1], "volume": [0.0, 1.5],
            "open_interest": [3.0, 4.0], "implied_volatility": [0.4, 0.5], "delta": [0.1, -0.1],
            "underlying": [95000.0, 3000.0], "index_price": [94000.0, 2990.0],
        }
    )  # fmt: skip
    found = read(parquet(frame), mapping)
    assert found.chains["snapshot_ts"].unique().to_list() == [START + timedelta(microseconds=123456)]
    assert found.chains.select("vendor_iv_frac", "forward").rows() == [(0.4, 95000.0), (0.5, 3000.0)]
