"""Mappings: what they may say, and the one line that names what is amiss."""

from __future__ import annotations

from datetime import time

import pytest

from pipelines.sources import mapped
from pipelines.sources.mapping import (
    ChainMapping,
    bar_mapping,
    chain_mapping,
    coin_chain_mapping,
    market_of,
    read_mapping,
    trades_mapping,
)
from pipelines.sources.mapping_keys import Instant
from pipelines.sources.page import Unreadable

CHAIN = 'kind = "chain"\n{top}\n[columns]\nsymbol = "s"\n{columns}\n[quotes]\ncolumn = "d"\n{quotes}\n'
BARS = 'kind = "bars"\n{top}\n[columns]\ndate = "d"\nclose = "c"\n'
COINS = 'kind = "coin_chain"\n{top}\n[columns]\nsymbol = "s"\n{columns}\n[quotes]\ncolumn = "d"\n{quotes}\n'
TRADES = 'kind = "trades"\n{top}\n[columns]\nprice = "p"\nquantity = "q"\n{columns}\n[time]\ncolumn = "d"\n'
SAID = 'market = "crypto"\nflow_class = "screen"'
TOLD = 'symbol = "s"\nside = "b"\ntrade_id = "i"'


def chain(top: str = "", columns: str = "", quotes: str = "") -> str:
    return CHAIN.format(top=top, columns=columns, quotes=quotes)


def coins(top: str = "", columns: str = "", quotes: str = "") -> str:
    return COINS.format(top=top, columns=columns, quotes=quotes)


def trades(top: str = SAID, columns: str = TOLD) -> str:
    return TRADES.format(top=top, columns=columns)


def test_a_mapping_chooses_its_reader_by_kind() -> None:
    assert mapped(chain()).NAME == "mapped_chain"
    assert mapped(BARS.format(top="")).NAME == "mapped_bars"
    assert mapped(coins()).NAME == "mapped_coin_chain"
    assert mapped(trades()).NAME == "mapped_trades"


def test_a_mapping_says_its_market() -> None:
    assert [market_of(text) for text in (chain(), BARS.format(top=""), coins(), trades())] == [
        "us", "us", "crypto", "crypto"
    ]  # fmt: skip
    assert market_of(trades(SAID.replace("crypto", "us"))) == "us"


def test_what_is_left_out_has_the_value_that_assumes_least() -> None:
    mapping = chain_mapping(chain())
    assert isinstance(mapping, ChainMapping)
    assert (mapping.open_interest_rule, mapping.known, mapping.separator) == ("unknown", None, ",")
    assert mapping.quotes == Instant(column="d")


def test_a_clock_is_the_close_or_one_of_new_york() -> None:
    assert chain_mapping(chain(quotes='clock = "15:45"')).quotes.clock == time(15, 45)
    assert chain_mapping(chain(quotes='clock = "close"')).quotes.clock == "close"


def test_a_symbol_is_spelled_as_roots_are() -> None:
    assert chain_mapping(chain('underlying = "^spx"')).underlying == "SPX"
    assert bar_mapping(BARS.format(top='underlying = "BRK.B"')).underlying == "BRKB"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'kind: write "chain", "bars", "coin_chain", "trades" or "open_close"'),
        ('kind = "charts"', 'kind: write "chain", "bars", "coin_chain", "trades" or "open_close"'),
        ("kind = [1]", 'kind: write "chain", "bars", "coin_chain", "trades" or "open_close"'),
        ("kind = ", "not readable as TOML"),
        ('kind = "chain"', "columns: is missing"),
        (chain(columns='bidd = "b"'), "columns.bidd: no such key"),
        (chain('colour = "red"'), "colour: no such key"),
        (chain().replace("symbol", "symbo"), "columns.symbo: no such key"),
        (chain().replace('symbol = "s"', 'root = "r"'), "name symbol, or expiry, strike and type"),
        (chain(columns="bid = 3"), "columns.bid: .*string"),
        (chain(columns='bid = ""'), "columns.bid: .*at least 1"),
        (chain(columns='iv = "v"'), "iv_unit: say whether"),
        (chain('iv_unit = "points"', 'iv = "v"'), "iv_unit: .*'fraction' or 'percent'"),
        (chain('underlying = "A"', 'underlying = "u"'), "underlying: give one symbol or a column"),
        (chain('underlying = "^"'), "underlying: not the symbol"),
        (chain('open_interest_rule = "pulled"'), "open_interest_rule: .*'session_start', 'session_end' or 'unknown'"),
        (chain('separator = ";;"'), "separator: .*',', ';', '|' or"),
        (chain('missing = "NA"'), "missing: .*list"),
        (chain(quotes='clock = "4pm"'), 'quotes.clock: write "close"'),
        (chain(quotes='clock = "16:00"\nzone = "UTC"'), "quotes: dates have a clock, times have a zone"),
        (chain(quotes='zone = "Mars/Olympus"'), "quotes.zone: no such time zone"),
        (chain(quotes='zone = "../../etc/passwd"'), "quotes.zone: no such time zone"),
        (chain() + "[none]\niv = 0", "none.iv: .*list"),
        (chain() + "[none]\nrho = [0]", "none.rho: "),
        (chain() + '[none]\niv = ["x"]', "none.iv.0: .*number"),
        (chain() + '[words]\ncall = "C"', "words.call: .*list"),
        (chain() + "[words]\ncall = []", "words.call: .*at least 1"),
        (chain() + '[known]\nformat = "%Y"', "known.column: is missing"),
        (BARS.format(top="").replace("close", "shut"), "columns.shut: no such key"),
        (BARS.format(top="") + "[quotes]\ncolumn = 'd'", "quotes: no such key"),
        (coins(columns='forwards = "f"'), "columns.forwards: no such key"),
        (coins(columns='iv = "v"'), "iv_unit: say whether"),
        (coins('root = "BTC"'), "root: the symbol says it"),
        (coins("expiry = 2026-06-26"), "expiry: the symbol says it"),
        (coins('expiry = "2026-06-26"'), "expiry: .*date"),
        (coins('expiry_unit = "s"\nexpiry_format = "%Y"'), "expiry_unit: numbers have a unit, texts a format"),
        (coins('expiry_unit = "ns"'), "expiry_unit: .*'s', 'ms' or 'us'"),
        (coins().replace('symbol = "s"', 'strike = "k"\ntype = "t"'), "name symbol, or expiry, strike and type"),
        (coins().replace('symbol = "s"', 'strike = "k"\ntype = "t"\nexpiry = "e"'), "root: name it, such as"),
        (
            coins('root = "A"').replace('symbol = "s"', 'root = "r"\nstrike = "k"\ntype = "t"\nexpiry = "e"'),
            "root: give one value or a column, not both",
        ),
        (coins().replace('[quotes]\ncolumn = "d"\n', ""), "quotes: name the column of the times, or give quoted_at"),
        (coins("quoted_at = 2026-01-01T00:00:00Z"), "quotes: name the column of the times, or give quoted_at"),
        (coins("quoted_at = 2026-01-01T00:00:00"), "quoted_at: .*timezone"),
        (coins("is_one_snapshot = true", 'snapshot = "n"'), "columns.snapshot: the file is one snapshot, or a column"),
        (coins(quotes='unit = "ms"\nzone = "UTC"'), "quotes: numbers since 1970 have a unit"),
        (coins(quotes='clock = "close"'), "quotes.clock: no such key"),
        (coins() + '[words]\nadjusted = ["x"]', "words.adjusted: no such key"),
        (coins() + "[none]\nquantity = [0]", "none.quantity: "),
        (trades('flow_class = "screen"'), "market: is missing"),
        (trades(SAID.replace("crypto", "moon")), "market: .*'us' or 'crypto'"),
        (trades(SAID + '\nunderlying = "BTC"'), "underlying: coin venues say it by symbol or root"),
        (trades(columns=TOLD.replace('side = "b"', "")), "columns: name side, or bid and ask"),
        (trades(columns=TOLD.replace("side", "bid")), "columns: name side, or bid and ask"),
        (trades(columns=TOLD + '\nbid = "b"\nask = "a"'), "columns: name side, or bid and ask"),
        (trades(columns=TOLD.replace('trade_id = "i"', "")), 'equal_rows: say whether they are "trades" or "repeats"'),
        (trades(SAID + '\nequal_rows = "trades"'), "equal_rows: trades have numbers of their own"),
        (trades('market = "crypto"'), "flow_class: no column tells it"),
        (trades(columns=TOLD + '\nblock_id = "b"'), "flow_class: columns tell it"),
        (
            trades('market = "us"', TOLD + '\nblock_id = "b"\nflow_class = "f"'),
            "columns.flow_class: name it, or liquidation, rfq_id, block_id and combo_id",
        ),
        (trades(SAID + '\nflow_class2 = "f"'), "flow_class2: no such key"),
        (trades() + '[coverage]\ncomplete = "all"', "coverage.complete: .*'file' or 'days'"),
        (trades() + "[coverage]\n", "coverage.complete: is missing"),
        (trades().replace('price = "p"', ""), "columns.price: is missing"),
        (trades(columns=TOLD + '\niv = "v"'), "iv_unit: say whether"),
    ],
)
def test_whatever_is_amiss_is_one_line_that_names_the_key(text: str, message: str) -> None:
    with pytest.raises(Unreadable, match=message) as caught:
        read_mapping(text)
    assert str(caught.value).startswith("mapping: ")
    assert "\n" not in str(caught.value)


def test_a_mapping_of_the_other_kind_is_refused() -> None:
    with pytest.raises(Unreadable, match="is one of bars"):
        chain_mapping(BARS.format(top=""))
    with pytest.raises(Unreadable, match="is one of chains"):
        bar_mapping(chain())
    with pytest.raises(Unreadable, match="is one of trades"):
        coin_chain_mapping(trades())
    with pytest.raises(Unreadable, match="is one of coin chains"):
        trades_mapping(coins())
    with pytest.raises(Unreadable, match="kind"):
        chain_mapping(None)
