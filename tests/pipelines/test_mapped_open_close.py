"""Open-close volume in layouts that owners declare."""

from __future__ import annotations

import io
from datetime import date, datetime

import polars as pl
import pytest

from pipelines.sources import mapped
from pipelines.sources.mapping import market_of, open_close_mapping
from pipelines.sources.page import Declared, Unreadable
from pipelines.sources.reports import cboe_open_close
from pipelines.sources.reports.mapped_open_close import report
from pipelines.sources.reports.report import ReportFile, report_schema
from tests.pipelines.mapped_documents import example
from tests.pipelines.open_close_files import HEADER, VOLUMES, filled, written

CSV, MAPPING = example("photo")
NEEDED = 'date = "d"\nsymbol = "s"\nmarket_maker_buy = "b"\nmarket_maker_sell = "a"\n'
ROW = "d,s,b,a,x\n2024-06-17,XMPL240719C00100000,5,3,{x}\n"


def read(text: str | bytes, mapping: str = MAPPING, declared: Declared | None = None) -> ReportFile:
    data = text if isinstance(text, bytes) else text.encode()
    said = declared or Declared()
    return report(data, Declared(said.session, said.underlying, mapping, said.exchange))


def small(top: str = 'exchange = "MIAX"\n', columns: str = "", rest: str = "") -> str:
    return f'kind = "open_close"\ndate_format = "%Y-%m-%d"\n{top}[columns]\n{NEEDED}{columns}{rest}'


def test_the_documents_example_reads_as_printed() -> None:
    assert mapped(MAPPING).NAME == "mapped_open_close"
    assert market_of(MAPPING) == "us"
    file = read(CSV)
    assert dict(file.rows.schema) == report_schema("open_close_volume")
    assert file.rejected.is_empty()
    assert file.rows.select("session_date", "contract_id", "market_maker_buy_contracts").rows() == [
        (date(2024, 6, 17), "XMPL240719C00100000", 120.0),
        (date(2024, 6, 17), "XMPL240719P00095000", 15.0),
        (date(2024, 6, 18), "XMPL240719C00100000", 0.0),
    ]
    first = file.rows.row(0, named=True)
    assert (first["exchange"], first["part"], first["expiry_ts"]) == ("PHLX", "XMPL", datetime(2024, 7, 19, 20))
    assert (first["customer_open_sell_contracts"], first["open_interest"], first["is_standard"]) == (110.0, 0.0, True)
    assert first["firm_open_buy_contracts"] is None


def test_a_mapped_file_says_what_cboes_own_does() -> None:
    rows = [filled(30, 10), filled(2, 9, call_put_flag="P", open_interest=7, series_type="N")]
    sizes = [name for name in VOLUMES if not name.startswith(("cust", "procust"))]
    origins = {
        name.removesuffix("_vol").replace("bd_", "broker_dealer_").replace("mm_", "market_maker_") for name in sizes
    }
    columns = "".join(
        f'{name} = "{name.replace("broker_dealer_", "bd_").replace("market_maker_", "mm_")}_vol"\n'
        for name in sorted(origins)
    )
    mapping = (
        'kind = "open_close"\nexchange = "C1"\ndate_format = "%Y-%m-%d"\nexpiry_format = "%Y-%m-%d"\n[columns]\n'
        'date = "quote_date"\nunderlying = "underlying_symbol"\nroot = "option_symbol"\nexpiry = "expiration_date"\n'
        'strike = "strike_price"\ntype = "call_put_flag"\nis_adjusted = "series_type"\n'
        'open_interest = "open_interest"\n'
        f'exchange_volume = "total_exchange_vol"\nindustry_volume = "total_industry_vol"\n{columns}'
        '[words]\nadjusted = ["N"]\n'
    )
    data = written(rows, HEADER)
    theirs = cboe_open_close.report(data, Declared(exchange="C1")).rows
    ours = read(data, mapping).rows
    same = [name for name in theirs.columns if not name.startswith(("customer", "professional"))]
    assert ours.select(same).equals(theirs.select(same))


def test_the_exchange_is_that_of_the_row_of_the_mapping_or_of_the_owner() -> None:
    of_rows = small("", 'exchange = "x"\n')
    assert read(ROW.format(x="ISE"), of_rows).rows["exchange"].to_list() == ["ISE"]
    assert read(ROW.format(x=""), small()).rows["exchange"].to_list() == ["MIAX"]
    assert read(ROW.format(x=""), small(""), Declared(exchange="BX")).rows["exchange"].to_list() == ["BX"]
    with pytest.raises(Unreadable, match="--exchange NAME"):
        read(ROW.format(x=""), small(""))
    with pytest.raises(Unreadable, match="unreadable_exchange"):
        read(ROW.format(x="no/where"), of_rows)


def test_sides_are_compared_only_where_everybody_is_named() -> None:
    assert read(ROW.format(x=0), small(columns='customer_open_buy = "x"\n')).rows.height == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-06-16,XMPL240719C00100000,5,3,", "not_a_session"),
        ("17.06.2024,XMPL240719C00100000,5,3,", "unreadable_date"),
        ("2024-06-17,XMPL,5,3,", "unreadable_symbol"),
        ("2024-06-17,XMPL240614C00100000,5,3,", "expiry_before_session"),
        ("2024-06-17,XMPL240719C00100000,,3,", "unreadable_number"),
        ("2024-06-17,XMPL240719C00100000,5,-3,", "negative_quantity"),
        ("2024-06-17,XMPL240719C00100000,5,3,many", "unreadable_number"),
        ("2024-06-17,ABC240719C00100000,5,3,", "symbol_contradicts_underlying"),
    ],
)
def test_a_row_that_does_not_hold_together_is_set_aside(row: str, reason: str) -> None:
    mapping = small('exchange = "MIAX"\nunderlying = "XMPL"\n', 'industry_volume = "x"\n')
    file = read(f"{ROW.format(x='')}{row}\n", mapping)
    assert file.rejected["reason"].to_list() == [reason]
    assert (file.rows.height, file.rows_in) == (1, 2)


def test_parquet_reads_like_text() -> None:
    frame = pl.read_csv(io.StringIO(ROW.format(x=4))).with_columns(pl.col("d").str.to_date())
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    mapping = small(columns='industry_volume = "x"\n')
    columns = pl.exclude("row_number")
    assert (
        read(buffer.getvalue(), mapping)
        .rows.select(columns)
        .equals(read(ROW.format(x=4), mapping).rows.select(columns))
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (small().replace('market_maker_sell = "a"\n', ""), "columns.market_maker_sell: is missing"),
        (small(columns='taker_buy = "x"\n'), "columns.taker_buy: no such key"),
        (small(columns='exchange = "x"\n'), "exchange: give one value or a column, not both"),
        (small('exchange = "miax options"\n'), "exchange: "),
        (small().replace('symbol = "s"\n', 'strike = "s"\n'), "name symbol, or expiry, strike and type"),
        (small('iv_unit = "percent"\n'), "iv_unit: no such key"),
        (small('root = "XMPL"\n'), "root: the symbol says it"),
    ],
)
def test_whatever_is_amiss_is_one_line_that_names_the_key(text: str, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        open_close_mapping(text)
