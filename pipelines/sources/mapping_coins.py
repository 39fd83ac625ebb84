"""Mappings of option chains of coin venues, and of trades of any venue."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field, model_validator

from pipelines.sources.coin_file import FlowClass
from pipelines.sources.mapping_keys import (
    EpochUnit,
    FileMapping,
    Moment,
    Name,
    Numbers,
    Symbol,
    Table,
    VolatilityUnit,
    Words,
)

_IV_UNIT = 'iv_unit: say whether iv is a "fraction" (0.2) or a "percent" (20)'


class ContractColumns(Table):
    symbol: Name | None = None
    root: Name | None = None
    expiry: Name | None = None
    strike: Name | None = None
    type: Name | None = None


class CoinColumns(ContractColumns):
    snapshot: Name | None = None
    bid: Name | None = None
    ask: Name | None = None
    last: Name | None = None
    mark: Name | None = None
    volume: Name | None = None
    open_interest: Name | None = None
    iv: Name | None = None
    delta: Name | None = None
    gamma: Name | None = None
    forward: Name | None = None
    index_price: Name | None = None


class TradeColumns(ContractColumns):
    underlying: Name | None = None
    price: Name
    quantity: Name
    side: Name | None = None
    bid: Name | None = None
    ask: Name | None = None
    iv: Name | None = None
    index_price: Name | None = None
    trade_id: Name | None = None
    trade_seq: Name | None = None
    flow_class: Name | None = None
    liquidation: Name | None = None
    rfq_id: Name | None = None
    block_id: Name | None = None
    combo_id: Name | None = None


class CoinWords(Table):
    """Texts that stand for something; their case does not matter."""

    call: Words = Field(default=["C", "call"])
    put: Words = Field(default=["P", "put"])


class TradeWords(CoinWords):
    buy: Words = Field(default=["B", "buy"])
    sell: Words = Field(default=["S", "sell"])
    unknown: Words = Field(default=["unknown"])
    screen: Words = Field(default=["screen"])
    combo: Words = Field(default=["combo"])
    block: Words = Field(default=["block"])
    block_rfq: Words = Field(default=["block_rfq"])
    liquidation: Words = Field(default=["liquidation"])
    maker: Words = Field(default=["M"])
    taker: Words = Field(default=["T"])
    both: Words = Field(default=["MT", "TM"])


CoinNumber = Literal[
    "strike", "bid", "ask", "last", "mark", "volume", "open_interest", "iv", "delta", "gamma", "forward", "index_price"
]
TradeNumber = Literal["strike", "price", "quantity", "bid", "ask", "iv", "index_price", "trade_seq"]
_FLAGS = ("flow_class", "liquidation", "rfq_id", "block_id", "combo_id")


class Contracts(FileMapping):
    root: Name | None = None
    expiry: date | None = None  # of all rows
    expiry_format: Name | None = None
    expiry_unit: EpochUnit | None = None

    def check_contract(self, columns: ContractColumns, *, names_root: bool) -> None:
        """Whether the contract can be told. `names_root`: something says whose it is."""
        for key in ("root", "expiry"):
            if getattr(self, key) is not None and getattr(columns, key) is not None:
                raise ValueError(f"{key}: give one value or a column, not both")
        if self.expiry_format is not None and self.expiry_unit is not None:
            raise ValueError("expiry_unit: numbers have a unit, texts a format; give one of them")
        if columns.symbol is not None:
            if self.root is not None or self.expiry is not None:
                raise ValueError(f"{'root' if self.root is not None else 'expiry'}: the symbol says it; leave it out")
            return
        if None in {columns.strike, columns.type} or (self.expiry is None and columns.expiry is None):
            raise ValueError("columns: name symbol, or expiry, strike and type")
        if not names_root:
            raise ValueError('root: name it, such as "BTC" or "SOL_USDC", or its column')


class CoinChainMapping(Contracts):
    kind: Literal["coin_chain"]
    columns: CoinColumns
    iv_unit: VolatilityUnit | None = None
    quotes: Moment | None = None
    quoted_at: AwareDatetime | None = None  # of all rows
    is_one_snapshot: bool = False
    known: Moment | None = None  # else at the snapshot itself
    words: CoinWords = CoinWords()
    none: dict[CoinNumber, Numbers] = Field(default={})

    @model_validator(mode="after")
    def _is_whole(self) -> CoinChainMapping:
        columns = self.columns
        self.check_contract(columns, names_root=self.root is not None or columns.root is not None)
        if (self.quotes is None) == (self.quoted_at is None):
            raise ValueError("quotes: name the column of the times, or give quoted_at, one instant of all rows")
        if columns.snapshot is not None and (self.is_one_snapshot or self.quoted_at is not None):
            raise ValueError("columns.snapshot: the file is one snapshot, or a column tells them apart; say which")
        if columns.iv is not None and self.iv_unit is None:
            raise ValueError(_IV_UNIT)
        return self


class Coverage(Table):
    """Of which spans the owner says that every trade is in the file."""

    complete: Literal["file", "days"]


class TradesMapping(Contracts):
    kind: Literal["trades"]
    market: Literal["us", "crypto"]
    iv_unit: VolatilityUnit | None = None
    underlying: Symbol | None = None
    columns: TradeColumns
    time: Moment
    known: Moment | None = None  # else at the trade itself
    flow_class: FlowClass | None = None
    equal_rows: Literal["trades", "repeats"] | None = None
    coverage: Coverage | None = None
    words: TradeWords = TradeWords()
    none: dict[TradeNumber, Numbers] = Field(default={})

    @model_validator(mode="after")
    def _is_whole(self) -> TradesMapping:
        columns = self.columns
        is_us = self.market == "us"
        self.check_contract(columns, names_root=is_us or self.root is not None or columns.root is not None)
        if not is_us and (self.underlying is not None or columns.underlying is not None):
            raise ValueError("underlying: coin venues say it by symbol or root")
        if self.underlying is not None and columns.underlying is not None:
            raise ValueError("underlying: give one symbol or a column, not both")
        self._check_side()
        self._check_what_tells_trades_apart()
        if columns.iv is not None and self.iv_unit is None:
            raise ValueError(_IV_UNIT)
        return self

    def _check_side(self) -> None:
        stated, quoted = self.columns.side, (self.columns.bid, self.columns.ask)
        if (stated is None and None in quoted) or (stated is not None and quoted != (None, None)):
            raise ValueError("columns: name side, or bid and ask of the quote at the trade, by which it is told")

    def _check_what_tells_trades_apart(self) -> None:
        columns = self.columns
        has_numbers = columns.trade_id is not None or columns.trade_seq is not None
        if has_numbers == (self.equal_rows is not None):
            told = "trades have numbers of their own" if has_numbers else 'say whether they are "trades" or "repeats"'
            raise ValueError(f"equal_rows: {told}")
        is_told = any(getattr(columns, name) is not None for name in _FLAGS)
        if is_told == (self.flow_class is not None):
            told = "columns tell it" if is_told else 'no column tells it; write "screen" if all shall count as such'
            raise ValueError(f"flow_class: {told}")
        if columns.flow_class is not None and any(getattr(columns, name) is not None for name in _FLAGS[1:]):
            raise ValueError("columns.flow_class: name it, or liquidation, rfq_id, block_id and combo_id")
