"""Questions to Deribit: where they go, which answers are taken, and what the others are told as."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fetch import ALL_FEEDS, feed_of
from pipelines.fetch.client import Client, FetchFailed, VendorRefuses
from pipelines.fetch.deribit import FEED, currency_of, index_of, item_of, perpetual_of
from pipelines.fetch.deribit_ask import Declined, asking, judge
from pipelines.fetch.deribit_state import State, read_state, write_state
from pipelines.fetch.feed import FeedError
from pipelines.operator_settings import Follow
from pipelines.settings import Paths
from pipelines.sources.deribit_bundle import pack, unpack
from tests.stand_in import Answer, FakeClock, Site, standing_in
from tests.stand_in.deribit import failure

NOW = datetime(2026, 1, 14, 10, 10)
PATH = "/api/v2/public/get_index_price"
ANSWER = (
    b' {"jsonrpc":"2.0","result":{"index_price":9.00e4, "new_key":null},"usOut":1768385402000123,"testnet":false}\n'
)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with standing_in() as serving:
        urls = {"deribit": f"{serving.url}/live", "deribit_history": f"{serving.url}/history"}
        monkeypatch.setenv("DEALERFLOW_VENDOR_URLS", json.dumps(urls))
        yield serving


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path / "turns", clock=FakeClock(NOW)) as opened_client:
        yield opened_client


def test_the_answer_is_kept_verbatim_with_its_question_and_when_it_came(site: Site, client: Client) -> None:
    site.answers(f"/live{PATH}", Answer(ANSWER))
    reply = asking(client)("live", "public/get_index_price", {"index_name": "btc_usd"})
    assert site.paths() == [f"/live{PATH}?index_name=btc_usd"]
    assert (reply.result["index_price"], reply.server_ms, reply.captured_at) == (90_000.0, 1_768_385_402_000, NOW)
    kept = json.loads(list(unpack(pack([reply.line()])))[1])
    assert kept == {
        "captured_at": "2026-01-14T10:10:00.000000Z", "method": "public/get_index_price",
        "params": {"index_name": "btc_usd"}, "body": ANSWER.decode(),
    }  # fmt: skip


def test_the_two_hosts_are_two_places(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    site.answers(f"/history{PATH}", Answer(ANSWER))
    asking(client)("history", "public/get_index_price", {})
    assert site.paths() == [f"/history{PATH}?"]
    monkeypatch.delenv("DEALERFLOW_VENDOR_URLS")
    urls: list[str] = []

    class Listening(Client):
        def get(self, url: str, **_: Any) -> Any:
            urls.append(url)
            raise FetchFailed("listening")

    for host in ("live", "history"):
        with pytest.raises(FetchFailed):
            asking(Listening(Path()))(host, "public/x", {"a": 1})
    assert urls == ["https://www.deribit.com/api/v2/public/x?a=1", "https://history.deribit.com/api/v2/public/x?a=1"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (failure(-32602, "Invalid params", {"reason": "wrong format", "param": "currency"}, status=400),
         "error -32602: Invalid params wrong format (currency)"),
        (failure(13020, "not_found"), "error 13020: not_found"),
        (failure(11051, "system\nmaintenance", "soon"), "error 11051: system maintenance soon"),
        (Answer(b'{"error": "what?"}', 400), "error None: what?"),
        (Answer(b'{"error": {"code": 1, "message": "' + b"x" * 9000 + b'"}}', 400), "error 1: xxx"),
        (Answer(b'{"result": 5}', 404), "the vendor answered HTTP 404"),
        (Answer(b"<html>not found</html>", 404), "the vendor answered HTTP 404"),
        (Answer(b"<html>maintenance</html>"), "the vendor sent a web page instead of data"),
        (Answer(b" "), "the vendor sent nothing"),
        (Answer(b"[1, 2]"), "JSON of another kind"),
        (Answer(b'{"jsonrpc": "2.0"}'), "neither a result nor an error"),
        (Answer(b'{"result": null, "error": null}'), "neither a result nor an error"),
        (Answer(b'{"result": {}, "testnet": true}'), "of the test network"),
        (Answer(b'{"result":' + b"[" * 200_000), "nobody reads to its end"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_told_in_a_line_and_not_asked_again(
    site: Site, client: Client, answer: Answer, said: str
) -> None:
    site.answers(f"/live{PATH}", answer)
    with pytest.raises(FetchFailed) as told:
        asking(client)("live", "public/get_index_price", {})
    assert said in str(told.value)
    assert len(str(told.value)) < 200 and len(str(told.value).splitlines()) == 1
    assert len(site.requests) == 1


def test_an_error_keeps_its_code_and_the_word_at_fault() -> None:
    answer = failure(-32602, "Invalid params", {"reason": "too much", "param": "count"}, status=400)
    with pytest.raises(Declined) as declined:
        judge(answer.status, answer.body)
    assert (declined.value.code, declined.value.param) == (-32602, "count")


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (failure(10028, "too_many_requests"), VendorRefuses, r"error 10028: too_many_requests \(5 attempts\)"),
        (failure(10028, "too_many_requests", status=400), VendorRefuses, "error 10028"),
        (failure(10028, "too_many_requests", status=429), VendorRefuses, "HTTP 429"),
        (Answer(b'{"jsonrpc": "2.0", "res'), FetchFailed, "no whole JSON"),
        (Answer(b'{"result": "\xff"}'), FetchFailed, "no whole JSON"),
        (Answer(ANSWER, cut_after=20), FetchFailed, "cut off"),
        (Answer(status=503), FetchFailed, "HTTP 503"),
    ],
)
def test_what_may_pass_is_asked_again_and_then_told(
    site: Site, client: Client, answer: Answer, error: type[Exception], said: str
) -> None:
    site.answers(f"/live{PATH}", answer)
    with pytest.raises(error, match=said):
        asking(client)("live", "public/get_index_price", {})
    assert len(site.requests) == 5
    site.answers(f"/live{PATH}", answer, Answer(ANSWER))
    assert asking(client)("live", "public/get_index_price", {}).result["index_price"] == 90_000.0


@given(status=st.sampled_from([200, 400, 404, 500]), data=st.binary(max_size=60))
def test_no_bytes_surprise_the_judge(status: int, data: bytes) -> None:
    for body in (data, b'{"error": ' + data + b"}", b'{"error": {"code": ' + data, b'{"result": ' + data + b"}"):
        said = judgement(status, body)
        if said is None:
            assert status == 200 and json.loads(body)["result"] is not None
        else:
            assert len(said.splitlines()) <= 1


def judgement(status: int, body: bytes) -> str | None:
    try:
        judge(status, body)
    except FetchFailed as told:
        return str(told)
    return None


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("btc", ("BTC", "BTC", "btc_usd", "BTC-PERPETUAL")),
        (" ETH ", ("ETH", "ETH", "eth_usd", "ETH-PERPETUAL")),
        ("SOL", ("SOL", "USDC", "sol_usdc", "SOL_USDC-PERPETUAL")),
        ("xrp_usdc", ("XRP", "USDC", "xrp_usdc", "XRP_USDC-PERPETUAL")),
        ("BTC_USDC", ("BTC_USDC", "USDC", "btc_usdc", "BTC_USDC-PERPETUAL")),
    ],
)
def test_an_underlying_has_a_book_an_index_and_a_perpetual(typed: str, named: tuple[str, ...]) -> None:
    underlying = item_of(typed)
    assert (underlying, currency_of(underlying), index_of(underlying), perpetual_of(underlying)) == named


@pytest.mark.parametrize(
    "typed",
    ["", "USDC", "BTC-PERPETUAL", "../BTC", "BTC_USDT", "B TC", "_USDC", "USDC_USDC", "123", "123_USDC", "ＢＴＣ"],
)
def test_what_is_no_underlying_is_told(typed: str) -> None:
    with pytest.raises(FeedError, match="is not an underlying"):
        item_of(typed)


def test_deribit_is_a_feed_with_terms_that_is_not_asked_item_by_item() -> None:
    assert feed_of("deribit") is FEED and ALL_FEEDS["deribit"] is FEED
    assert FEED.terms.url.startswith("https://support.deribit.com/") and "personal use" in FEED.terms.text
    assert FEED.items_now(Follow(deribit=("BTC", "SOL")), NOW) == ("BTC", "SOL")


def test_how_far_collecting_came_is_kept_and_never_goes_back(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    assert read_state(paths) == State()
    write_state(paths, State({"BTC": 7}, {}, {"x": 1}))
    write_state(paths, State({"BTC": 5, "SOL": 3}, {"BTC-PERPETUAL": 2}))
    assert read_state(paths) == State({"BTC": 7, "SOL": 3}, {"BTC-PERPETUAL": 2}, {"x": 1})


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"trades_until": 3}', '{"trades_until": {"BTC": "x"}}', "\ufeff"]
)
def test_a_damaged_record_of_it_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "spool" / "deribit").mkdir(parents=True)
    (tmp_path / "spool" / "deribit" / "state.json").write_text(text)
    assert read_state(Paths(tmp_path)) == State()
