"""Real responses, where the machine has them: `deribit_api/` of DEALERFLOW_SAMPLES."""

import json
from pathlib import Path

import pytest

from pipelines.sources import deribit_responses
from pipelines.sources.deribit_bundle import response_line
from pipelines.sources.page import NOTHING_DECLARED, Unreadable
from tests.pipelines.deribit_made import NOON, parsed, read
from tests.samples import needs_samples, sample

pytestmark = [pytest.mark.samples, needs_samples]
_METHODS = {
    "http_get_instrument_option": "get_instrument",
    "http_get_instruments": "get_instruments",
    "http_get_instruments_option_combo": "get_instruments",
    "http_get_last_trades": "get_last_trades_by_instrument",
    "http_get_last_trades_historical_combo": "get_last_trades_by_currency",
    "http_get_last_trades_option_combo": "get_last_trades_by_currency_and_time",
    "http_get_last_trades_perpetual_with_combo_tags": "get_last_trades_by_instrument_and_time",
    "http_get_order_book": "get_order_book",
    "http_get_tradingview_chart_data": "get_tradingview_chart_data",
    "http_get_expirations_any": "get_expirations",
    "http_get_combos": "get_combos",
    "ws_error": "get_instruments",
}
_OF_THE_TEST_NETWORK = ('"testnet": true', '"testnet": false')


def text_of(name: str) -> str:
    return (sample("deribit_api") / f"{name}.json").read_text()


@pytest.mark.parametrize(("name", "method"), _METHODS.items())
def test_every_real_answer_is_read_in_a_bundle_and_accounted_for(name, method):
    body = text_of(name).replace(*_OF_THE_TEST_NETWORK)
    params = {"instrument_name": "BTC-PERPETUAL", "resolution": "1"}
    file = read(response_line(NOON.replace(year=2027), method, params, body))
    assert file.rows_in > 0
    assert file.rejected["reason"].to_list() == (["error_10028_too_many_requests"] if name == "ws_error" else [])
    if name in {"http_get_instrument_option", "http_get_instruments"}:
        assert file.instruments["contract_size_coins"].to_list() == [1.0]
    elif name == "http_get_tradingview_chart_data":
        assert file.bars.height == 5 and file.bars["interval"][0] == "1m"
    elif name != "ws_error":
        assert file.rows_passed == file.rows_in


def test_the_legs_of_a_real_combo_are_the_takers_own_sides():
    parent = json.loads(text_of("http_get_last_trades_option_combo").replace(*_OF_THE_TEST_NETWORK))
    legs = {"trades": parent["result"]["trades"][0]["legs"], "has_more": False}
    trades = parsed(json.dumps({"jsonrpc": "2.0", "result": legs}).encode()).trades.sort("strike")
    assert trades.select("strike", "taker_side", "flow_class").rows() == [
        (70000.0, "sell", "combo"),
        (75000.0, "buy", "combo"),
    ]


@pytest.mark.parametrize("name", _METHODS)
def test_every_real_answer_by_itself_is_read_or_refused_in_one_line(name):
    data = text_of(name).encode()
    assert deribit_responses.recognise(data)
    problem = None
    try:
        deribit_responses.coin_file(data, NOTHING_DECLARED)
    except Unreadable as error:
        problem = str(error)
    assert problem is None or "\n" not in problem


def test_no_other_real_file_is_taken_for_one():
    found = [path for folder in ("cboe_json", "cboe_quotedata", "tardis", "treasury") for path in _files(folder)]
    assert found
    assert not any(deribit_responses.recognise(path.read_bytes()) for path in found)


def _files(folder: str) -> list[Path]:
    return [path for path in sorted(sample(folder).rglob("*")) if path.is_file()][:6]
