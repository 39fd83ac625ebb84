import gzip
import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import deribit_responses
from pipelines.sources.deribit_bundle import claim_line, header_line, pack, response_line, unpack
from pipelines.sources.page import Unreadable
from tests.pipelines.deribit_made import NOON, envelope, ms, parsed, read, reasons, summaries, summary, trade, trades

AT = datetime(2026, 1, 14, 10, 10, 2, 123456)


def text_of(data: bytes) -> list[dict]:
    return [json.loads(line) for line in unpack(data)]


def test_a_line_says_when_what_was_asked_and_the_body_letter_for_letter():
    body = '{"a": "é\\" \ud800"}\n'
    header, stated = text_of(pack([response_line(AT, "public/get_time", {"x": 1}, body)], note="one visit"))
    assert header == {"format": "deribit_responses", "version": 1, "note": "one visit"}
    assert stated == {
        "captured_at": "2026-01-14T10:10:02.123456Z", "method": "public/get_time", "params": {"x": 1}, "body": body,
    }  # fmt: skip


def test_a_claim_is_in_whole_milliseconds_that_it_fully_covers():
    from_ts, until_ts = datetime(2026, 1, 14, 10, 0, 0, 1), datetime(2026, 1, 14, 10, 10, 0, 999)
    claim = json.loads(claim_line(AT, ["XRP", "SOL"], from_ts, until_ts))
    assert claim["underlyings"] == ["SOL", "XRP"]
    assert (claim["from"], claim["until"]) == (1768384800001, 1768385400000)


def test_the_same_lines_are_the_same_bytes():
    assert pack([summaries(summary())]) == pack([summaries(summary())])
    assert pack([])[4:8] == b"\0\0\0\0"  # no time of packing


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_characters="\n\r"), min_size=1), max_size=8), st.booleans()
)
def test_lines_come_out_as_they_went_in(lines, is_packed):
    data = pack(lines) if is_packed else "\n".join([header_line(), *lines]).encode()
    assert list(unpack(data))[1:] == [stripped.encode() for line in lines if (stripped := line.strip(" \t\x0b\x0c"))]


def test_bundles_joined_end_to_end_are_a_bundle_with_one_header_or_many():
    first, second = pack([summaries(summary())]), pack([trades(trade())])
    plain = gzip.decompress(first) + gzip.decompress(second)
    for data in (first + second, first + second + b"\0" * 512, plain, gzip.compress(plain)):
        file = parsed(data)
        assert file.chains.height == file.trades.height == 1


def test_an_empty_bundle_is_no_error_and_holds_nothing():
    assert read().rows_in == 0
    assert parsed(header_line().encode()).rows_in == 0


def test_damaged_and_oversized_files_are_unreadable():
    whole = pack([summaries(summary())])
    for data in (whole[:-9], whole[:40], whole + b"not gzip", whole[:60] + b"\xff\xff\xff" + whole[63:]):
        with pytest.raises(Unreadable, match="damaged or cut off"):
            deribit_responses.coin_file(data, None)
    with pytest.raises(Unreadable, match="more than 5000 bytes"):
        list(unpack(gzip.compress(b"{}\n" * 4000), largest_unpacked=5000))
    for long in (b"a" * 3000, b"a\n" + b"b" * 3000, b"b" * 3000 + b"\nc", b"ab\n" * 9 + b"b" * 3000 + b"\n"):
        with pytest.raises(Unreadable, match="longer than 2000 bytes"):
            list(unpack(gzip.compress(long), largest_line=2000))


def test_a_bomb_is_refused_before_it_is_unpacked():
    bomb = gzip.compress(header_line().encode() + b"\n") + gzip.compress(b" " * 2**20) * 65
    with pytest.raises(Unreadable, match="longer than 67108864 bytes"):
        deribit_responses.coin_file(bomb, None)


def test_a_line_that_crosses_pieces_is_put_together_again():
    lines = [f'{{"n":{number},"text":"{"x" * 700_000}"}}' for number in range(7)]
    assert [len(line) for line in unpack(pack(lines))][1:] == [len(line) for line in lines]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\x1f\x8b", b"\x1f\x8b\x08", b"PK\x03\x04", b"[1,2]", b'{"format":"other"}',
     b'{"data":{"options":[]}}', b"date,open\n", b'\xff\xfe{\x00"\x00', gzip.compress(b"exchange,symbol\n", mtime=0),
     b'{"jsonrpc":"2.0"}',
     b'{"a":{"format":"deribit_responses"}}'],
)  # fmt: skip
def test_other_files_are_not_recognised(data):
    assert not deribit_responses.recognise(data)


def test_a_bundle_of_a_later_version_is_refused():
    with pytest.raises(Unreadable, match="version 2"):
        deribit_responses.coin_file(b'{"format":"deribit_responses","version":2}\n', None)


def test_a_line_that_is_no_json_costs_only_itself():
    good = summaries(summary()).encode()
    for bad in (
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'"text"',
        b"[" * 100_000,
        b'{"captured_at":"2026-05-18T12:00:00Z"}',
    ):
        file = parsed(b"\n".join([header_line().encode(), bad, good]))
        assert reasons(file) == ["unreadable_line"] and file.rejected["kind"][0] == "response"
        assert file.chains.height == 1


@pytest.mark.parametrize("clock", [None, 5, "", "yesterday", "2026-05-18T12:00:00", "0001-01-01T00:00:00Z", "9" * 5000])
def test_a_capture_without_a_clock_in_utc_is_set_aside(clock):
    stated = json.loads(summaries(summary())) | {"captured_at": clock}
    assert reasons(parsed("\n".join([header_line(), json.dumps(stated)]).encode())) == ["unreadable_clock"]


def test_a_file_of_nothing_but_damaged_lines_is_none_of_ours():
    with pytest.raises(Unreadable, match="more than 10000 lines"):
        deribit_responses.coin_file(header_line().encode() + b"\nx" * 10_002, None)


def test_an_error_is_set_aside_under_its_code_and_the_others_stand():
    error = {"code": 10028, "message": "too_many_requests", "data": None}
    refused = response_line(NOON, "public/get_instruments", {}, json.dumps({"jsonrpc": "2.0", "error": error}))
    odd = response_line(NOON, "public/get_instruments", {}, '{"error": ["?"], "result": []}')
    file = read(refused, summaries(summary()), odd)
    assert reasons(file) == ["error_10028_too_many_requests", "error"]
    assert file.chains.height == 1 and file.rejected["day_ts"][0] == NOON


@pytest.mark.parametrize(
    ("body", "reason"),
    [("", "unreadable_body"), ("\ud800", "unreadable_body"),
     ('{"result":', "unreadable_body"), ("[" * 50_000, "unreadable_body"),
     ("[]", "no_result"), ('{"id":1}', "no_result"), ('{"result":null}', "unexpected_result"),
     ('{"result":5}', "unexpected_result"), (envelope([], testnet=True), "test_network")],
)  # fmt: skip
def test_a_body_that_is_no_answer_is_set_aside(body, reason):
    for method in ("get_book_summary_by_currency", "get_last_trades_by_currency"):
        file = read(response_line(NOON, f"public/{method}", {}, body), summaries(summary()))
        assert reasons(file) == [reason] and file.chains.height == 1


def test_however_deeply_an_answer_is_nested_the_others_stand():
    for depth in (*range(900, 1000, 7), 20_000):
        nested = "[" * depth + "]" * depth
        for body in (f'{{"result":{nested}}}', f'{{"result":{{"a":{nested}}}}}'):
            assert read(response_line(NOON, "ticker", {}, body), summaries(summary())).chains.height == 1


def test_answers_that_would_fill_the_memory_are_set_aside_or_refused(monkeypatch):
    nested = response_line(NOON, "public/get_instruments", {}, '{"result":[' + "[]," * 1_000_000 + "[]]}")
    long = response_line(NOON, "public/get_instruments", {}, '{"result":[' + "1," * 250_000 + "1]}")
    file = read(nested, long, summaries(summary()))
    assert reasons(file) == ["unreadable_line", "too_many_records"] and file.chains.height == 1
    monkeypatch.setattr("pipelines.sources.deribit_responses._MOST_REJECTED", 30_000)
    junk = response_line(NOON, "public/get_instruments", {}, '{"result":[' + "1," * 25_000 + "1]}")
    with pytest.raises(Unreadable, match="more than 30000 records"):
        deribit_responses.coin_file(pack([junk, junk]), None)


def test_answers_to_other_questions_are_passed():
    file = read(*(response_line(NOON, method, {}, envelope({"x": [1]})) for method in ("public/get_time", "status")))
    assert file.rows_in == file.rows_passed == 2


class TestClaims:
    START, END = datetime(2026, 5, 18, 11, 50), datetime(2026, 5, 18, 12)

    def claim(self, **changed) -> str:
        return json.dumps(json.loads(claim_line(NOON, ["SOL", "BTC_USDC"], self.START, self.END)) | changed)

    def test_a_claim_is_a_span_of_each_underlying_and_no_row_of_the_account(self):
        file = read(self.claim(), self.claim())
        assert file.coverage.rows() == [(name, self.START, self.END, self.END) for name in ("BTC_USDC", "SOL")]
        assert file.rows_in == 0

    @pytest.mark.parametrize(
        "changed",
        [{"claim": "all"}, {"underlyings": "BTC"}, {"underlyings": ["btc"]}, {"underlyings": [5]}, {"from": None},
         {"until": "12:00"}, {"until": 10**30}, {"from": True}, {"underlyings": ["BTC\n"]}],
    )  # fmt: skip
    def test_a_claim_that_cannot_be_read_is_set_aside(self, changed):
        assert reasons(read(self.claim(**changed))) == ["unreadable_claim"]

    @pytest.mark.parametrize("changed", [{"from": 1779105600001}, {"until": 1779105600000 + 61_000}])
    def test_a_claim_of_the_future_or_of_no_time_is_set_aside(self, changed):
        assert reasons(read(self.claim(**changed))) == ["impossible_claim"]

    @pytest.mark.parametrize("lost", ["{", response_line(NOON, "public/get_last_trades_by_currency", {}, "{")])
    def test_what_a_lost_line_may_have_held_makes_later_claims_doubtful(self, lost):
        later = datetime(2026, 5, 18, 12, 20)
        following = claim_line(later, ["SOL"], NOON, later)
        file = read(self.claim(), lost, summaries(summary()), self.claim(), following)
        assert reasons(file)[1:] == ["claim_in_doubt"]
        assert file.coverage.height == 3  # the claim before the loss, and one that begins after it

    def test_a_loss_of_other_answers_leaves_claims_alone(self):
        error = response_line(NOON, "public/get_last_trades_by_currency", {}, '{"error":{"code":10028}}')
        lost = response_line(NOON, "public/get_instruments", {}, "{")
        assert read(error, lost, self.claim()).coverage.height == 2


class TestBareResponses:
    def bare(self, result, **more) -> bytes:
        return envelope(result, **more).encode()

    def test_one_by_itself_is_known_when_the_exchange_sent_it(self):
        sent = 1779105600_250_000
        file = parsed(self.bare([summary()], usOut=sent))
        assert file.chains["known_at"][0] == datetime(2026, 5, 18, 12, 0, 0, 250_000)
        assert parsed(gzip.compress(self.bare([summary()], usOut=sent))).rows_in == 1

    def test_without_a_clock_of_the_exchange_rows_are_known_at_their_own(self):
        for clock in (None, "now", 5, 10**40, True):
            file = parsed(self.bare([summary()], usOut=clock))
            assert file.chains["known_at"].to_list() == file.chains["snapshot_ts"].to_list()

    def test_keys_may_come_in_any_order_and_layout(self):
        text = json.dumps({"result": [summary() for _ in range(1)], "usOut": 2, "jsonrpc": "2.0"}, indent=2)
        assert parsed(b"\xef\xbb\xbf" + text.encode()).chains.height == 1

    @pytest.mark.parametrize(
        ("data", "message"),
        [(b'{"jsonrpc":"2.0","error":{"code":10028}}', "answered with an error"),
         (b'{"jsonrpc":"2.0","result":{"ticks":[]}}', "does not say by itself"),
         (b'{"jsonrpc":"2.0","result":[]}', "does not say by itself"),
         (b'{"jsonrpc":"2.0","result":[', "no whole JSON"),
         (b'{"jsonrpc":"2.0","result":' + b"[" * 100_000, "nested more deeply"),
         (envelope([summary()], testnet=True).encode(), "test network")],
    )  # fmt: skip
    def test_what_does_not_tell_is_unreadable(self, data, message):
        assert deribit_responses.recognise(data)
        with pytest.raises(Unreadable, match=message):
            deribit_responses.coin_file(data, None)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(
        ["get_book_summary_by_currency", "get_last_trades_by_currency", "get_instruments", "ticker",
         "get_tradingview_chart_data", "get_volatility_index_data", "get_delivery_prices", "get_index_price"]
    ),
    _json,
    st.dictionaries(st.sampled_from(["index_name", "resolution", "currency", "instrument_name"]), _json, max_size=4),
)  # fmt: skip
def test_whatever_an_answer_is_the_file_is_read_and_accounted_for(method, result, params):
    for body in ({"result": result}, {"result": {"trades": result, "data": result}}, result):
        read(response_line(NOON, f"public/{method}", params, json.dumps(body)), summaries(summary()))


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_whatever_happens_to_the_bytes_the_file_is_read_or_unreadable(noise, place):
    whole = gzip.decompress(pack([summaries(summary()), trades(trade())]))
    for data in (whole, gzip.compress(whole, mtime=0)):
        try:
            deribit_responses.recognise(data[:place] + noise + data[place:])
            deribit_responses.coin_file(data[:place] + noise + data[place:], None)
        except Unreadable:
            pass


def test_a_trade_that_is_set_aside_takes_the_claim_back_that_it_is_there():
    start = NOON - timedelta(minutes=10)
    claims = [
        claim_line(NOON, [name], since, until)
        for name, since, until in (
            ("BTC", start, NOON), ("BTC", NOON - timedelta(hours=1), start), ("SOL", start, NOON),
        )
    ]  # fmt: skip
    bad = trades(trade(price=-1.0, timestamp=ms(NOON) - 60_000))
    assert sorted(read(bad, *claims).coverage.select("underlying", "until_ts").rows()) == [
        ("BTC", start),
        ("SOL", NOON),
    ]
