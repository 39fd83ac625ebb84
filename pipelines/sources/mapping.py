"""What an owner declares of a layout of their own, in TOML (docs/MAPPING.md). Anything unknown or amiss is an error."""

from __future__ import annotations

import re
import tomllib
from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipelines.sources.chain_rows import plain_symbol
from pipelines.sources.page import Unreadable


def _clock(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return time.fromisoformat(value)
    if value != "close":
        raise ValueError('write "close", or a New York clock such as "15:45"')
    return value


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (KeyError, ValueError, OSError):
        raise ValueError('no such time zone; write one such as "America/New_York" or "UTC"') from None


def _symbol(value: str) -> str:
    if not (plain := plain_symbol(value)):
        raise ValueError("not the symbol of an underlying")
    return plain


Name = Annotated[str, Field(min_length=1)]
Words = Annotated[list[str], Field(min_length=1)]
Numbers = Annotated[list[float], Field(min_length=1)]
Symbol = Annotated[str, AfterValidator(_symbol)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Instant(_Table):
    """A column of times (`zone`: that of its clock, unless it states one), or of dates (`clock`: in New York)."""

    column: Name
    format: Name | None = None
    clock: Annotated[time | Literal["close"] | None, BeforeValidator(_clock)] = None
    zone: Annotated[str, AfterValidator(_zone)] | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Instant:
        if self.clock is not None and self.zone is not None:
            raise ValueError("dates have a clock, times have a zone; give one of them")
        return self


class ChainColumns(_Table):
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


class BarColumns(_Table):
    underlying: Name | None = None
    date: Name
    open: Name | None = None
    high: Name | None = None
    low: Name | None = None
    close: Name
    volume: Name | None = None


class ChainWords(_Table):
    """Texts that stand for something; their case does not matter."""

    call: Words = ["C", "call"]
    put: Words = ["P", "put"]
    adjusted: Words = ["1", "true", "yes", "Y"]


ChainNumber = Literal[
    "strike", "bid", "ask", "last", "volume", "open_interest", "iv", "delta", "gamma", "underlying_last", "multiplier"
]
BarNumber = Literal["open", "high", "low", "close", "volume"]


class _Mapping(_Table):
    underlying: Symbol | None = None
    separator: Literal[",", ";", "|", "\t"] = ","
    missing: Words = [""]  # besides the empty one


class ChainMapping(_Mapping):
    kind: Literal["chain"]
    columns: ChainColumns
    quotes: Instant
    known: Instant | None = None  # else at the opening of the next session
    expiry_format: Name | None = None
    iv_unit: Literal["fraction", "percent"] | None = None
    open_interest_rule: Literal["session_start", "session_end", "unknown"] = "unknown"
    words: ChainWords = ChainWords()
    none: dict[ChainNumber, Numbers] = {}

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
    none: dict[BarNumber, Numbers] = {}

    @model_validator(mode="after")
    def _is_whole(self) -> BarMapping:
        if self.underlying is not None and self.columns.underlying is not None:
            raise ValueError("underlying: give one symbol or a column, not both")
        return self


_KINDS: dict[object, type[ChainMapping | BarMapping]] = {"chain": ChainMapping, "bars": BarMapping}


def read_mapping(text: str) -> ChainMapping | BarMapping:
    """The mapping, or Unreadable with the first key that is amiss."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"mapping: not readable as TOML: {error}") from None
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Unreadable('mapping: kind: write "chain" or "bars"')
    try:
        return _KINDS[kind].model_validate(values)
    except ValidationError as error:
        raise Unreadable(f"mapping: {_first(error)}") from None


def chain_mapping(text: str | None) -> ChainMapping:
    mapping = read_mapping(text or "")
    if not isinstance(mapping, ChainMapping):
        raise Unreadable("mapping: kind: the mapping is one of bars")
    return mapping


def bar_mapping(text: str | None) -> BarMapping:
    mapping = read_mapping(text or "")
    if not isinstance(mapping, BarMapping):
        raise Unreadable("mapping: kind: the mapping is one of chains")
    return mapping


def _first(error: ValidationError) -> str:
    """A misspelt key makes another one missing: the misspelling is the news."""
    found = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")[0]
    key = ".".join(str(part) for part in found["loc"] if part not in {"[key]", "literal['close']", "time"})
    words = {"extra_forbidden": "no such key", "missing": "is missing"}
    message = words.get(found["type"], found["msg"].removeprefix("Value error, "))
    return f"{key}: {message}" if key else message
