"""Mappings: what they may say, and the one line that names what is amiss."""

from __future__ import annotations

from datetime import time

import pytest

from pipelines.sources import mapped
from pipelines.sources.mapping import ChainMapping, Instant, bar_mapping, chain_mapping, read_mapping
from pipelines.sources.page import Unreadable

CHAIN = 'kind = "chain"\n{top}\n[columns]\nsymbol = "s"\n{columns}\n[quotes]\ncolumn = "d"\n{quotes}\n'
BARS = 'kind = "bars"\n{top}\n[columns]\ndate = "d"\nclose = "c"\n'


def chain(top: str = "", columns: str = "", quotes: str = "") -> str:
    return CHAIN.format(top=top, columns=columns, quotes=quotes)


def test_a_mapping_chooses_its_reader_by_kind() -> None:
    assert mapped(chain()).NAME == "mapped_chain"
    assert mapped(BARS.format(top="")).NAME == "mapped_bars"


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
        ("", 'kind: write "chain", "bars", "coin_chain" or "trades"'),
        ('kind = "charts"', 'kind: write "chain", "bars", "coin_chain" or "trades"'),
        ("kind = [1]", 'kind: write "chain", "bars", "coin_chain" or "trades"'),
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
    with pytest.raises(Unreadable, match="kind"):
        chain_mapping(None)
