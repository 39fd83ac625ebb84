"""Tardis' option updates: what stands every ten minutes, against a plain walk through the rows; damaged rows."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import tardis_chain as source
from pipelines.sources import tardis_lines, tardis_trades
from pipelines.sources.coin_file import COIN_CHAIN_SCHEMA, COIN_REJECTED_SCHEMA, CoinFile
from pipelines.sources.page import NOTHING_DECLARED, Unreadable
from tests.pipelines.tardis_files import CALL, CHAIN_COLUMNS, DAY, EXPIRY, chain_csv, packed, trades_csv, update
from tests.samples import needs_samples, sample

PUT = "BTC-3FEB26-80000-P"
TEN = timedelta(minutes=10)


def at(minutes: float) -> datetime:
    return DAY + timedelta(minutes=minutes)


def read(*rows: str) -> CoinFile:
    return source.coin_file(chain_csv(*rows), NOTHING_DECLARED)


def standing(file: CoinFile, column: str = "row_number") -> dict[tuple[datetime, str], object]:
    rows = file.chains.select("snapshot_ts", "contract_id", column).iter_rows()
    return {(snapshot, contract): value for snapshot, contract, value in rows}


def is_accounted_for(file: CoinFile) -> bool:
    return file.rows_in == file.chains.height + file.rejected.height + file.rows_passed and file.rows_passed >= 0


# --- what stands where


def test_the_last_row_before_ten_minutes_stands_and_one_at_them_belongs_to_the_next() -> None:
    file = read(update(at(1)), update(at(9.99)), update(at(10)), update(at(15)), update(at(20)))
    assert standing(file) == {(at(10), CALL): 3, (at(20), CALL): 5}
    assert (file.rows_in, file.rows_passed) == (5, 3)
    assert file.chains["known_at"].equals(file.chains["snapshot_ts"])


def test_a_row_reads_in_the_venue_s_units_with_its_forward_and_no_index() -> None:
    row = read(update(at(1)), update(at(11))).chains.row(0, named=True)
    assert (row["underlying"], row["root"], row["is_inverse"], row["strike"]) == ("BTC", "BTC", True, 80000.0)
    assert (row["expiry_ts"], row["option_type"], row["open_interest"]) == (EXPIRY, "call", 10.5)
    assert (row["bid"], row["ask"], row["last"], row["mark"]) == (0.0125, 0.013, None, 0.01270001)
    assert (row["vendor_iv_frac"], row["forward"], row["index_price"], row["volume"]) == (0.555, 81000.25, None, None)


def test_an_empty_cell_and_nought_are_no_price() -> None:
    nothing = dict.fromkeys(("bid_price", "ask_price", "last_price", "mark_iv", "delta"), "")
    row = read(update(at(1), **(nothing | {"ask_price": 0, "last_price": "0.0"})), update(at(11))).chains.row(
        0, named=True
    )
    assert (row["bid"], row["ask"], row["last"], row["vendor_iv_frac"], row["vendor_delta"]) == (None,) * 5


def test_a_volatility_beyond_belief_is_none_and_costs_no_row() -> None:
    told = [read(update(at(1), mark_iv=iv), update(at(11))).chains["vendor_iv_frac"][0] for iv in (400, 400.1, 999)]
    assert told == [4.0, None, None]


def test_a_quiet_option_keeps_its_row_as_long_as_others_of_its_underlying_change() -> None:
    others = [update(at(minutes), PUT) for minutes in (1, 12, 23, 51, 62)]
    file = read(update(at(2)), *others)
    snapshots = {snapshot for snapshot, contract in standing(file) if contract == CALL}
    assert snapshots == {at(10), at(20), at(30), at(60)}  # nobody was heard from 0:30 to 0:50
    assert set(file.chains.filter(pl.col("contract_id") == CALL)["row_number"]) == {2}
    assert file.rows_in == 6 + 3  # counted once for each snapshot it stands in
    assert is_accounted_for(file)


def test_one_underlying_s_silence_is_not_another_s() -> None:
    eth = "ETH-3FEB26-3000-C"
    file = read(update(at(1)), update(at(2), eth), update(at(11)), update(at(21), eth), update(at(31)))
    assert set(standing(file)) == {(at(10), CALL), (at(10), eth), (at(20), CALL), (at(30), eth)}


def test_an_option_stands_until_it_expires_and_not_at_that_instant() -> None:
    late = datetime(2026, 2, 3, 7, 35)
    later = "BTC-4FEB26-80000-P"
    expiration = 1770192000000000
    rows = [update(late + k * TEN, later, expiration=expiration) for k in range(5)]
    file = read(update(late), *rows)
    assert {snapshot for snapshot, contract in standing(file) if contract == CALL} == {
        datetime(2026, 2, 3, 7, 40),
        datetime(2026, 2, 3, 7, 50),
    }


def test_a_row_older_than_a_day_stands_no_longer() -> None:
    others = [update(DAY + k * TEN + timedelta(minutes=1), PUT) for k in range(24 * 6 + 5)]
    found = standing(read(update(at(2)), *others))
    assert (at(24 * 60), CALL) in found and (at(24 * 60 + 10), CALL) not in found


def test_the_last_ten_minutes_stand_only_if_the_file_reaches_their_end() -> None:
    first = update(at(5))
    assert set(standing(read(first, update(at(19.9))))) == {(at(10), CALL), (at(20), CALL)}
    assert set(standing(read(first, update(at(19))))) == {(at(10), CALL)}
    with pytest.raises(Unreadable, match="before its first ten minutes"):
        read(first, update(at(6)))


def test_a_whole_day_ends_at_the_midnight_that_ends_it() -> None:
    rows = [update(DAY + k * TEN + timedelta(minutes=9.99)) for k in range(144)]
    snapshots = read(*rows).chains["snapshot_ts"]
    assert (snapshots.len(), snapshots.min(), snapshots.max()) == (144, at(10), at(1440))


UPDATES = st.lists(
    st.tuples(
        st.integers(0, 100), st.sampled_from((CALL, PUT, "ETH-3FEB26-3000-C", "SOL_USDC-3FEB26-90D5-P")), st.booleans()
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(UPDATES, st.booleans())
def test_snapshots_are_those_of_a_plain_walk_through_the_rows(
    updates: list[tuple[int, str, bool]], is_sorted: bool
) -> None:
    """The walk holds the newest row of each option and looks at the clock, as the vendor describes a replay."""
    updates = sorted(updates, key=lambda one: one[0]) if is_sorted else updates
    rows = [update(at(minute), symbol, open_interest=n) for n, (minute, symbol, _) in enumerate(updates)]
    first, last = min(minute for minute, *_ in updates), max(minute for minute, *_ in updates)
    expected: dict[tuple[datetime, str], float] = {}
    for end in range(10, last + 1, 10):
        if end <= first:
            continue
        seen = sorted((minute, n, symbol) for n, (minute, symbol, _) in enumerate(updates) if minute < end)
        heard = {symbol.split("-")[0] for minute, _, symbol in seen if minute >= end - 10}
        newest = {symbol: n for _, n, symbol in seen}
        expected |= {
            (at(end), symbol.replace("90D5", "90d5")): float(n)
            for symbol, n in newest.items()
            if symbol.split("-")[0] in heard
        }
    try:
        file = read(*rows)
    except Unreadable:
        assert not expected
        return
    assert standing(file, "open_interest") == expected
    assert is_accounted_for(file) and file.rejected.is_empty()


def test_it_does_not_matter_where_the_file_is_cut_into_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    symbols = [f"BTC-3FEB26-{strike}-C" for strike in range(70_000, 90_000, 1_000)]
    rows = [update(at(k / 7), symbols[k * 7 % 20], open_interest=k) for k in range(600)]
    whole = read(*rows)
    monkeypatch.setattr("pipelines.sources.line_chunks.CHUNK_BYTES", 3_000)
    monkeypatch.setattr(source, "_COMPACT_EVERY", 50)
    pieces = source.coin_file(packed(chain_csv(*rows)), NOTHING_DECLARED)
    assert pieces.chains.equals(whole.chains)
    assert (pieces.rows_in, pieces.rows_passed) == (whole.rows_in, whole.rows_passed)


# --- rows that are not taken


def test_rows_of_others_and_of_other_instruments_pass_counted() -> None:
    others = [
        update(at(2), exchange="okex-options"),
        update(at(2), "BTC-PERPETUAL"),
        update(at(2), "BTC-CS-3FEB26-80000_85000"),
    ]
    file = read(*others, update(at(3)), update(at(11)))
    assert (file.rows_in, file.rows_passed, file.chains.height) == (5, 4, 1)
    with pytest.raises(Unreadable, match="no options of deribit"):
        read(*others)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"symbol": "BTC-33FEB26-80000-C"}, "unreadable_symbol"),
        ({"local_timestamp": "soon"}, "unreadable_clock"),
        ({"local_timestamp": ""}, "unreadable_clock"),
        ({"local_timestamp": "17700000000"}, "unreadable_clock"),
        ({"type": "put"}, "symbol_contradicts_columns"),
        ({"strike_price": 81000}, "symbol_contradicts_columns"),
        ({"expiration": 1770192000000000}, "symbol_contradicts_columns"),
        ({"bid_price": "n/a"}, "unreadable_number"),
        ({"bid_price": -0.01}, "negative_price"),
        ({"open_interest": -1}, "negative_quantity"),
        ({"open_interest": "1e13"}, "not_a_quantity"),
        ({"mark_price": "nan"}, "not_finite"),
        ({"mark_iv": -5}, "negative_volatility"),
    ],
)
def test_a_row_that_would_stand_and_does_not_hold_together_is_set_aside(cells: dict[str, object], reason: str) -> None:
    file = read(update(at(1), PUT), update(at(2), **cells), update(at(11), PUT))
    assert Counter(file.rejected["reason"]) == {reason: 1}
    assert file.rejected["row_number"].to_list() == [3] and file.rejected["kind"].to_list() == ["chains"]
    assert file.rejected.schema == COIN_REJECTED_SCHEMA and file.chains.schema == COIN_CHAIN_SCHEMA
    assert set(standing(file)) == {(at(10), PUT)} and is_accounted_for(file)


def test_ragged_torn_and_binary_lines_are_set_aside_under_their_numbers() -> None:
    good, last = update(at(2)), update(at(11))
    data = "\n".join([CHAIN_COLUMNS, good[:50], "", good + ",7", good, good.replace("call", "ca\0l"), last]).encode()
    data += b"\n" + last.encode().replace(b"call", b"c\xffll") + b"\r\n"
    file = source.coin_file(data, NOTHING_DECLARED)
    found = dict(zip(file.rejected["row_number"], file.rejected["reason"], strict=True))
    assert found == {2: "wrong_column_count", 4: "wrong_column_count", 6: "unreadable_text", 8: "unreadable_text"}
    assert standing(file) == {(at(10), CALL): 5}
    assert file.rows_in == 6 and is_accounted_for(file)


def test_a_line_too_short_beside_one_too_long_does_not_pass_for_two_whole_ones() -> None:
    good = update(at(2))
    file = read(good, good.rpartition(",")[0], good + ",", update(at(11)))
    assert Counter(file.rejected["reason"]) == {"wrong_column_count": 2}


def test_a_file_of_broken_rows_is_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tardis_lines, "MOST_REJECTED", 50)
    with pytest.raises(Unreadable, match="more than 50 rows"):
        read(*[update(at(1), local_timestamp="x")] * 60)
    with pytest.raises(Unreadable, match="more than 50 rows"):
        read(*["deribit,x"] * 60)


def test_a_file_that_spans_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [update(DAY + k * TEN) for k in range(60)]
    monkeypatch.setattr(source, "_MOST_ROWS", 50)
    with pytest.raises(Unreadable, match="split the file"):
        read(*rows)


def test_names_in_upper_case_are_the_venue_s_own() -> None:
    file = read(update(at(1), "XRP_USDC-3FEB26-0D625-C"), update(at(11), "XRP_USDC-3FEB26-0D625-C"))
    row = file.chains.row(0, named=True)
    assert (row["contract_id"], row["strike"], row["underlying"]) == ("XRP_USDC-3FEB26-0d625-C", 0.625, "XRP")
    assert not row["is_inverse"]


# --- the file


def test_the_layout_is_known_packed_or_not_and_by_its_beginning() -> None:
    data = chain_csv(*[update(at(k)) for k in range(400)])
    for beginning in (data, data[:65536], packed(data)[:300], b"\xef\xbb\xbf" + data):
        assert source.recognise(beginning) and not tardis_trades.recognise(beginning)
    assert not source.recognise(trades_csv())
    assert not source.recognise(chain_csv().replace(b"strike_price", b"strike"))


def test_a_path_reads_as_its_bytes_do_with_whatever_line_ends(tmp_path: Path) -> None:
    data = chain_csv(update(at(1)), update(at(11)))
    path = tmp_path / "any name"
    path.write_bytes(packed(data.replace(b"\n", b"\r\n").rstrip()))
    assert source.coin_file_of(path).chains.equals(source.coin_file(data, NOTHING_DECLARED).chains)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_file_is_accounted_for_or_refused(data: st.DataObject) -> None:
    whole = bytearray(chain_csv(*[update(at(k), (CALL, PUT)[k % 2]) for k in range(25)]))
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(len(CHAIN_COLUMNS) + 1, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 300))] = data.draw(st.binary(max_size=5))
    try:
        file = source.coin_file(bytes(whole), NOTHING_DECLARED)
    except Unreadable:
        return
    assert is_accounted_for(file)
    assert file.chains.select(pl.struct("snapshot_ts", "contract_id").is_unique().all()).item()


@needs_samples
@pytest.mark.samples
def test_the_real_layout_is_known_and_a_minute_of_it_holds_no_snapshot() -> None:
    data = sample("tardis/options_chain.csv").read_bytes()
    assert source.recognise(data)
    with pytest.raises(Unreadable, match="before its first ten minutes"):
        source.coin_file(data, NOTHING_DECLARED)
    header, *_, last = data.splitlines()
    cells = last.split(b",")
    clock = header.split(b",").index(b"local_timestamp")
    cells[clock] = b"%d" % (int(cells[clock]) + source.BUCKET)
    later = b",".join(cells)
    file = source.coin_file(data + later + b"\n", NOTHING_DECLARED)
    assert (file.chains.height, file.rejected.height, file.rows_in) == (5, 0, 8)
