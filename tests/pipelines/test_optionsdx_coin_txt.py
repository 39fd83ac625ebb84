"""OptionsDX's coin chains: one instant a read, nothing for nought, names that agree with their columns."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources import optionsdx_coin_txt as source
from pipelines.sources import optionsdx_us_csv
from pipelines.sources.coin_file import COIN_CHAIN_SCHEMA, COIN_REJECTED_SCHEMA, CoinFile
from pipelines.sources.page import NOTHING_DECLARED, Unreadable
from tests.samples import needs_samples, sample

HEADER = (
    "[QUOTE_UNIXTIME], [QUOTE_READTIME], [QUOTE_DATE], [QUOTE_TIME_HOURS], [INSTRUMENT_NAME], [BASE_CURRENCY], "
    "[CONTRACT_SIZE], [UNDERLYING_INDEX], [UNDERLYING_PRICE], [EXPIRY_DATE], [EXPIRY_UNIX], [EXPIRY_TIME], [DTE], "
    "[OPTION_RIGHT], [STRIKE], [BID_SIZE], [BID_PRICE], [ASK_PRICE], [ASK_SIZE], [OPEN_INTEREST], [VOLUME], [DELTA], "
    "[GAMMA], [VEGA], [THETA], [RHO], [MARK_IV], [STRIKE_DISTANCE_PCT]"
)
COLUMNS = [name.strip(" []") for name in HEADER.split(",")]
READ = datetime(2023, 3, 1, 5, 0, 20)
EXPIRY = datetime(2023, 3, 3, 8)


def unix(instant: datetime) -> float:
    return instant.replace(tzinfo=UTC).timestamp()


def line(name: str = "BTC-3MAR23-24000-C", *, read: datetime = READ, **cells: object) -> str:
    """One option; whatever is not said is plausible."""
    base, _, strike, letter = name.split("-")
    values: dict[str, object] = dict.fromkeys(COLUMNS, "0.000000") | {
        "QUOTE_UNIXTIME": f"{unix(read):.0f}",
        "QUOTE_READTIME": "2023-03-01 00:00",
        "QUOTE_DATE": "2023-03-01",
        "INSTRUMENT_NAME": name,
        "BASE_CURRENCY": base.split("_")[0],
        "CONTRACT_SIZE": "1.000000",
        "UNDERLYING_INDEX": "SYN.X",
        "UNDERLYING_PRICE": "23500.250000",
        "EXPIRY_DATE": "2023-03-03",
        "EXPIRY_UNIX": f"{unix(EXPIRY):.0f}",
        "DTE": f"{(EXPIRY - read) / timedelta(days=1):.6f}",
        "OPTION_RIGHT": {"C": "call", "P": "put"}[letter],
        "STRIKE": f"{float(strike.replace('d', '.')):.6f}",
        "BID_PRICE": "0.010500",
        "ASK_PRICE": "0.011000",
        "OPEN_INTEREST": "12.300000",
        "VOLUME": "",
        "DELTA": "0.300000",
        "GAMMA": "0.000100",
        "MARK_IV": "54.250000",
    }
    return ", ".join(str(value) for value in (values | cells).values())


def read(*lines: str) -> CoinFile:
    return source.coin_file("\n".join([HEADER, *lines, ""]).encode(), NOTHING_DECLARED)


def reasons(file: CoinFile) -> Counter[str]:
    return Counter(file.rejected["reason"])


def test_a_line_becomes_a_row_in_coins_with_its_own_forward_and_no_index() -> None:
    file = read(line())
    row = file.chains.row(0, named=True)
    assert file.chains.schema == COIN_CHAIN_SCHEMA and file.rejected.schema == COIN_REJECTED_SCHEMA
    assert (row["underlying"], row["contract_id"], row["is_inverse"]) == ("BTC", "BTC-3MAR23-24000-C", True)
    assert (row["snapshot_ts"], row["known_at"], row["expiry_ts"]) == (READ, READ, EXPIRY)
    assert (row["bid"], row["ask"], row["open_interest"], row["volume"]) == (0.0105, 0.011, 12.3, None)
    assert (row["vendor_iv_frac"], row["forward"], row["index_price"], row["mark"]) == (0.5425, 23500.25, None, None)


def test_nought_is_no_price_and_no_volatility_but_an_open_interest() -> None:
    row = read(line(BID_PRICE="0.000000", ASK_PRICE="0.000000", MARK_IV="0.0", OPEN_INTEREST="0.0")).chains.row(
        0, named=True
    )
    assert (row["bid"], row["ask"], row["vendor_iv_frac"], row["open_interest"]) == (None, None, None, 0.0)


def test_a_volatility_beyond_belief_is_none_and_costs_no_row() -> None:
    told = [read(line(MARK_IV=iv)).chains["vendor_iv_frac"].to_list() for iv in ("400.0", "400.1", "999.0")]
    assert told == [[4.0], [None], [None]]


def test_all_rows_of_a_read_stand_at_its_newest_unix_time() -> None:
    later = READ + timedelta(seconds=25)
    next_day = {"QUOTE_READTIME": "2023-03-02 00:00"}
    file = read(
        line(),
        line("BTC-3MAR23-25000-P", read=later),
        line("ETH-3MAR23-1600-P"),
        line(read=READ + timedelta(days=1), **next_day),
    )
    at = {(row["contract_id"], row["snapshot_ts"]) for row in file.chains.iter_rows(named=True)}
    assert at == {
        ("BTC-3MAR23-24000-C", later),
        ("BTC-3MAR23-25000-P", later),
        ("ETH-3MAR23-1600-P", READ),
        ("BTC-3MAR23-24000-C", READ + timedelta(days=1)),
    }
    assert file.chains["known_at"].equals(file.chains["snapshot_ts"])


def test_linear_options_with_a_decimal_strike_stand_under_their_own_underlying() -> None:
    row = read(line("XRP_USDC-3MAR23-0d625-C")).chains.row(0, named=True)
    assert (row["underlying"], row["root"], row["strike"], row["is_inverse"]) == ("XRP", "XRP_USDC", 0.625, False)
    assert row["expiry_date"] == date(2023, 3, 3)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"INSTRUMENT_NAME": "BTC-PERPETUAL"}, "unreadable_symbol"),
        ({"INSTRUMENT_NAME": "BTC-31FEB23-24000-C"}, "unreadable_symbol"),
        ({"QUOTE_UNIXTIME": ""}, "unreadable_clock"),
        ({"QUOTE_UNIXTIME": "1e300"}, "unreadable_clock"),
        ({"QUOTE_UNIXTIME": "nan"}, "unreadable_clock"),
        ({"QUOTE_UNIXTIME": "1577880020"}, "dates_contradict"),
        ({"DTE": "12.5"}, "dates_contradict"),
        ({"STRIKE": "25000.000000"}, "symbol_contradicts_columns"),
        ({"OPTION_RIGHT": "put"}, "symbol_contradicts_columns"),
        ({"BASE_CURRENCY": "ETH"}, "symbol_contradicts_columns"),
        ({"EXPIRY_UNIX": "1678435200"}, "symbol_contradicts_columns"),
        ({"BID_PRICE": "twelve"}, "unreadable_number"),
        ({"BID_PRICE": "-0.1"}, "negative_price"),
        ({"OPEN_INTEREST": "-1"}, "negative_quantity"),
        ({"OPEN_INTEREST": "1e15"}, "not_a_quantity"),
        ({"DELTA": "inf"}, "not_finite"),
        ({"MARK_IV": "-3"}, "negative_volatility"),
    ],
)
def test_a_row_that_does_not_hold_together_is_set_aside_and_the_rest_stands(
    cells: dict[str, object], reason: str
) -> None:
    file = read(line("BTC-3MAR23-23000-P"), line(**cells))
    assert reasons(file) == {reason: 1}
    assert file.rejected["row_number"].to_list() == [3] and file.rejected["kind"].to_list() == ["chains"]
    assert (file.chains.height, file.rows_in) == (1, 2)


def test_a_repeat_counts_once_and_a_row_that_says_otherwise_is_set_aside() -> None:
    file = read(line(), line(), line(BID_PRICE="0.010000"))
    assert (file.chains.height, file.rows_duplicate, reasons(file)) == (1, 1, {"conflicting_duplicate": 1})
    assert file.rows_in == file.chains.height + file.rejected.height + file.rows_duplicate


def test_a_ragged_line_is_set_aside() -> None:
    file = read(line(), line() + ", 7", "1, 2")
    assert reasons(file) == {"wrong_column_count": 2} and file.rows_in == 3
    assert file.rejected["kind"].to_list() == ["chains", "chains"]


def test_the_layout_is_known_by_its_header_and_is_not_that_of_us_chains() -> None:
    data = f"{HEADER}\n{line()}\n".encode()
    assert source.recognise(data) and source.recognise(b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"))
    assert not optionsdx_us_csv.recognise(data)
    assert not source.recognise(data.replace(b"[MARK_IV]", b"[IV]"))


def test_a_file_without_rows_or_that_is_no_text_is_refused_or_empty() -> None:
    assert read().rows_in == 0
    with pytest.raises(Unreadable, match="UTF-16"):
        source.coin_file("\n".join([HEADER, line()]).encode("utf-16"), NOTHING_DECLARED)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(COLUMNS),
            st.sampled_from(["", "nan", "-1", "inf", "x", "1e400", "0", "BTC-3MAR23-23000-C", '"']),
        ),
        max_size=4,
    )
)
def test_every_row_is_accounted_for_whatever_its_cells_say(damage: list[tuple[str, str]]) -> None:
    rows = [line("BTC-3MAR23-20000-P"), *(line(**{column: text}) for column, text in damage)]
    try:
        file = read(*rows)
    except Unreadable:
        assert any(text == '"' for _, text in damage)
        return
    assert file.rows_in == file.chains.height + file.rejected.height + file.rows_duplicate == len(rows)
    assert file.chains.select(pl.struct("underlying", "snapshot_ts", "contract_id").is_unique().all()).item()


@needs_samples
@pytest.mark.samples
def test_a_real_month_lands_whole() -> None:
    data = sample("optionsdx/optionsdx_btc_eod_202106.txt").read_bytes()
    assert source.recognise(data)
    file = source.coin_file(data, NOTHING_DECLARED)
    assert (file.rows_in, file.chains.height, file.rejected.height, file.rows_duplicate) == (12134, 12134, 0, 0)
    assert file.chains["snapshot_ts"].n_unique() == 30
    nearest = file.chains.filter(pl.col("expiry_ts") == pl.col("expiry_ts").min().over("snapshot_ts"))
    assert ((nearest["expiry_ts"] - nearest["snapshot_ts"]) < timedelta(hours=4)).all()
