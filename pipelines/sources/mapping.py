"""What an owner declares of a layout of their own, in TOML (docs/MAPPING.md). Anything unknown or amiss is an error."""

from __future__ import annotations

import tomllib
from typing import Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from pipelines.sources.mapping_coins import CoinChainMapping, TradesMapping
from pipelines.sources.mapping_keys import FileMapping, Instant, Name, Numbers, Symbol, Table, VolatilityUnit, Words
from pipelines.sources.mapping_open_close import OpenCloseMapping
from pipelines.sources.page import Unreadable


class ChainColumns(Table):
    underlying: Name | None = None
    symbol: Name | None = None
    root: Name | None = None
    expiry: Name | None = None
    strike: Name | None = None
    type: Name | None = None
    bid: Name | None = None
    ask: Name | None = None
    last: Name | None = None
    volume: Name | None = None
    open_interest: Name | None = None
    iv: Name | None = None
    delta: Name | None = None
    gamma: Name | None = None
    underlying_last: Name | None = None
    is_adjusted: Name | None = None
    multiplier: Name | None = None


class BarColumns(Table):
    underlying: Name | None = None
    date: Name
    open: Name | None = None
    high: Name | None = None
    low: Name | None = None
    close: Name
    volume: Name | None = None


class ChainWords(Table):
    """Texts that stand for something; their case does not matter."""

    call: Words = Field(default=["C", "call"])
    put: Words = Field(default=["P", "put"])
    adjusted: Words = Field(default=["1", "true", "yes", "Y"])


ChainNumber = Literal[
    "strike", "bid", "ask", "last", "volume", "open_interest", "iv", "delta", "gamma", "underlying_last", "multiplier"
]
BarNumber = Literal["open", "high", "low", "close", "volume"]


class _Mapping(FileMapping):
    underlying: Symbol | None = None


class ChainMapping(_Mapping):
    kind: Literal["chain"]
    columns: ChainColumns
    quotes: Instant
    known: Instant | None = None  # else at the opening of the next session
    expiry_format: Name | None = None
    iv_unit: VolatilityUnit | None = None
    open_interest_rule: Literal["session_start", "session_end", "unknown"] = "unknown"
    words: ChainWords = ChainWords()
    none: dict[ChainNumber, Numbers] = Field(default={})

    @model_validator(mode="after")
    def _is_whole(self) -> ChainMapping:
        columns = self.columns
        if columns.symbol is None and None in (columns.expiry, columns.strike, columns.type):
            raise ValueError("columns: name symbol, or expiry, strike and type")
        if self.underlying is not None and columns.underlying is not None:
            raise ValueError("underlying: give one symbol or a column, not both")
        if columns.iv is not None and self.iv_unit is None:
            raise ValueError('iv_unit: say whether iv is a "fraction" (0.2) or a "percent" (20)')
        return self


class BarMapping(_Mapping):
    kind: Literal["bars"]
    columns: BarColumns
    date_format: Name | None = None
    none: dict[BarNumber, Numbers] = Field(default={})

    @model_validator(mode="after")
    def _is_whole(self) -> BarMapping:
        if self.underlying is not None and self.columns.underlying is not None:
            raise ValueError("underlying: give one symbol or a column, not both")
        return self


AnyMapping = ChainMapping | BarMapping | CoinChainMapping | TradesMapping | OpenCloseMapping
_KINDS: dict[object, tuple[type[AnyMapping], str]] = {
    "chain": (ChainMapping, "chains"),
    "bars": (BarMapping, "bars"),
    "coin_chain": (CoinChainMapping, "coin chains"),
    "trades": (TradesMapping, "trades"),
    "open_close": (OpenCloseMapping, "open-close volume"),
}
_LONGEST_LINE = 1000  # keys of a thousand parts take gigabytes to read
_Kind = TypeVar("_Kind", ChainMapping, BarMapping, CoinChainMapping, TradesMapping, OpenCloseMapping)


def read_mapping(text: str) -> AnyMapping:
    """The mapping, or Unreadable with the first key that is amiss."""
    if any(len(line) > _LONGEST_LINE for line in text.splitlines()):
        raise Unreadable(f"mapping: a line has more than {_LONGEST_LINE} characters")
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"mapping: not readable as TOML: {error}") from None
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Unreadable('mapping: kind: write "chain", "bars", "coin_chain", "trades" or "open_close"')
    try:
        return _KINDS[kind][0].model_validate(values)
    except ValidationError as error:
        raise Unreadable(f"mapping: {_first(error)}") from None


def market_of(text: str) -> str:
    """The market whose files the mapping reads."""
    mapping = read_mapping(text)
    if isinstance(mapping, TradesMapping):
        return mapping.market
    return "crypto" if isinstance(mapping, CoinChainMapping) else "us"


def chain_mapping(text: str | None) -> ChainMapping:
    return _of_kind(text, ChainMapping)


def bar_mapping(text: str | None) -> BarMapping:
    return _of_kind(text, BarMapping)


def coin_chain_mapping(text: str | None) -> CoinChainMapping:
    return _of_kind(text, CoinChainMapping)


def trades_mapping(text: str | None) -> TradesMapping:
    return _of_kind(text, TradesMapping)


def open_close_mapping(text: str | None) -> OpenCloseMapping:
    return _of_kind(text, OpenCloseMapping)


def _of_kind(text: str | None, kind: type[_Kind]) -> _Kind:
    mapping = read_mapping(text or "")
    if not isinstance(mapping, kind):
        raise Unreadable(f"mapping: kind: the mapping is one of {_KINDS[mapping.kind][1]}")
    return mapping


def _first(error: ValidationError) -> str:
    """A misspelt key makes another one missing: the misspelling is the news."""
    found = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")[0]
    key = ".".join(str(part) for part in found["loc"] if part not in {"[key]", "literal['close']", "time"})
    words = {"extra_forbidden": "no such key", "missing": "is missing"}
    message = words.get(found["type"], found["msg"].removeprefix("Value error, "))
    return f"{key}: {message}" if key else message
