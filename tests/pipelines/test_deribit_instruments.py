from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.coin_file import INSTRUMENT_SCHEMA
from tests.pipelines.deribit_made import (
    CALL,
    NOON,
    PUT,
    envelope,
    instrument,
    instruments,
    line,
    ms,
    parsed,
    read,
    reasons,
)

HOUR = timedelta(hours=1)


def test_every_field_lands_in_our_units():
    file = read(instruments(instrument()))
    assert file.instruments.row(0, named=True) == {
        "contract_id": CALL, "underlying": "BTC", "root": "BTC", "expiry_date": datetime(2026, 5, 29).date(),
        "expiry_ts": datetime(2026, 5, 29, 8), "strike": 70000.0, "option_type": "call", "is_inverse": True,
        "known_at": NOON, "contract_size_coins": 1.0, "min_trade_coins": 0.1, "listed_ts": datetime(2026, 4, 1),
    }  # fmt: skip
    assert file.instruments.schema == INSTRUMENT_SCHEMA


def test_sizes_are_read_and_never_assumed():
    name = "SOL_USDC-29MAY26-90-C"
    row = instrument(name, strike=90, contract_size=10, min_trade_amount=10)
    assert read(instruments(row)).instruments["contract_size_coins"].to_list() == [10.0]
    assert read(instruments(row | {"contract_size": None})).instruments["contract_size_coins"].to_list() == [None]


def test_what_expired_long_ago_is_described_in_an_older_way():
    old = {
        "instrument_name": "BTC-30SEP16-600-C",
        "kind": "option",
        "expiry": "2016-09-30 08:00:00 GMT",
        "strike": None,
    }
    row = read(instruments(old)).instruments.row(0, named=True)
    assert row["expiry_ts"] == datetime(2016, 9, 30, 8)
    assert row["contract_size_coins"] is row["listed_ts"] is None


def test_other_products_are_passed():
    names = ["BTC-PERPETUAL", "BTC-25DEC26", "BTC_USDC", "BTC-STRG-19MAY26-74000_79000"]
    file = read(instruments(*(instrument(name, kind="other") for name in names), instrument()))
    assert (file.instruments.height, file.rows_passed) == (1, 4)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"contract_size": 0}, "contract_size_not_positive"), ({"contract_size": -1}, "negative_quantity"),
     ({"contract_size": "1"}, "unreadable_number"), ({"contract_size": 10**400}, "not_finite"),
     ({"strike": 70001}, "strike_contradicts_symbol"), ({"option_type": "put"}, "type_contradicts_symbol"),
     ({"expiration_timestamp": ms(datetime(2026, 5, 30, 8))}, "expiry_contradicts_symbol"),
     ({"expiration_timestamp": "soon"}, "unreadable_clock"), ({"instrument_name": "BTC"}, "unreadable_symbol")],
)  # fmt: skip
def test_a_row_that_contradicts_itself_is_set_aside(changed, reason):
    file = read(instruments(instrument(**changed), instrument(PUT, option_type="put")))
    assert reasons(file) == [reason] and file.instruments["contract_id"].to_list() == [PUT]
    assert file.rejected["kind"][0] == "instrument"


def test_a_strike_with_a_point_agrees_with_its_name():
    assert read(instruments(instrument("XRP_USDC-29MAY26-0d625-C", strike=0.625))).instruments.height == 1


def test_a_contract_comes_again_only_where_something_changed():
    sizes = (1.0, 1.0, 2.0, 2.0, 1.0)
    file = read(*(instruments(instrument(contract_size=size), at=NOON + n * HOUR) for n, size in enumerate(sizes)))
    assert file.instruments["contract_size_coins"].to_list() == [1.0, 2.0, 1.0]
    assert file.instruments["known_at"].to_list() == [NOON, NOON + 2 * HOUR, NOON + 4 * HOUR]
    assert file.rows_duplicate == 2


def test_one_answer_that_says_two_things_of_a_contract_is_a_conflict():
    assert reasons(read(instruments(instrument(), instrument(contract_size=2.0)))) == ["conflicting_duplicate"]


def test_a_single_instrument_is_read_also_by_itself():
    assert read(line("get_instrument", instrument())).instruments.height == 1
    by_itself = parsed(envelope([instrument()], usOut=ms(NOON) * 1000).encode())
    assert by_itself.instruments["known_at"].to_list() == [NOON]
    assert reasons(parsed(envelope([instrument()], usOut=None).encode())) == ["unreadable_clock"]


_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just([10**400])


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(instrument())), _values, max_size=5))
def test_one_odd_instrument_never_costs_the_others(changed):
    file = read(instruments(instrument() | changed, instrument("BTC-26JUN26-5-P", strike=5, option_type="put",
                                                               expiration_timestamp=None)))  # fmt: skip
    assert "BTC-26JUN26-5-P" in set(file.instruments["contract_id"])
