"""What the operator asks for: the optional `dealerflow.toml` of the data folder. An unknown key is an error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from models.conventions import AmericanQuotes
from pipelines.coins import underlying_of
from pipelines.reports import WEEKLY_TIERS
from pipelines.settings import Paths, SettingsError

FILE_NAME = "dealerflow.toml"
_MOST_DAYS = 36_500
_ROOMS = ("raw", "lake", "build", "marts", "warehouse", "dagster", "report", "sample", "spool", "reduced")
_LONGEST_CONTACT = 200
_SYMBOL = re.compile(r"[\^_]?[A-Z][A-Z0-9]{0,11}(\.[A-Z]{1,2})?")


@dataclass(frozen=True, slots=True)
class Follow:
    """Live feeds that are collected, once their terms are accepted: after every session where nothing else is said.

    Symbols of US feeds stand as they were typed, for vendors are asked by them; `parts_of` says what the lake calls
    them. Underlyings of `deribit` stand as the lake calls them: SOL_USDC is SOL.
    """

    cboe: tuple[str, ...] = ()  # underlyings
    index: tuple[str, ...] = ()  # indices
    treasury: bool = False
    deribit: tuple[str, ...] = ()  # underlyings; collected around the clock, every ten minutes
    finra_short_volume: bool = False
    finra_weekly: tuple[str, ...] = ()  # tiers
    finra_short_interest: bool = False
    occ_volume: bool = False
    occ_open_interest: tuple[str, ...] = ()  # underlyings
    occ_totals: bool = False
    sec_fails: bool = False


def parts_of(symbols: Iterable[str]) -> list[str]:
    """The underlyings that followed symbols land as: BRK.B is BRKB."""
    from pipelines.sources.chain_rows import plain_symbol  # late: it brings Polars

    return [plain_symbol(symbol) for symbol in symbols]


@dataclass(frozen=True, slots=True)
class Retention:
    """What may go, and after how many days; None keeps it for good."""

    superseded_days: int | None = None  # versions of partitions that are no longer current
    dagster_days: int = 90  # Dagster's record of its runs


@dataclass(frozen=True, slots=True)
class Surface:
    """How volatilities are had."""

    american: AmericanQuotes = "european"  # by which formula quotes of American options are read


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    follow: Follow = field(default_factory=Follow)
    inbox: tuple[Path, ...] = ()  # folders whose new files are loaded every day
    retention: Retention = field(default_factory=Retention)
    contact: str | None = None  # who asks, told to vendors that want to know it
    surface: Surface = field(default_factory=Surface)


def operator_settings(paths: Paths) -> OperatorSettings:
    """The operator's file, or what holds without one."""
    path = paths.root / FILE_NAME
    if not path.exists():
        return OperatorSettings()
    try:
        values = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not readable as TOML: {error}") from None
    try:
        return _settings(values, paths.root)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None


def _settings(values: Mapping[str, Any], root: Path) -> OperatorSettings:
    tables = dict.fromkeys(("follow", "retention", "fetch", "surface"), _table)
    top = _read(values, {**tables, "inbox": _texts})
    follow = _read(top.get("follow", {}), _FOLLOWED, "follow.")
    fetch = _read(top.get("fetch", {}), {"contact": _contact}, "fetch.")
    retention = _read(top.get("retention", {}), {"superseded_days": _days, "dagster_days": _days}, "retention.")
    surface = _read(top.get("surface", {}), {"american": _american}, "surface.")
    inbox = tuple(_inbox(folder, root) for folder in top.get("inbox", ()))
    return OperatorSettings(Follow(**follow), inbox, Retention(**retention), fetch.get("contact"), Surface(**surface))


def _inbox(text: str, root: Path) -> Path:
    """A folder outside the warehouse's own: else it would load itself."""
    try:
        folder = (root / Path(text).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise SettingsError(f"inbox: {text!r} names no folder: {error}") from None
    own = root.resolve()
    if own.is_relative_to(folder) or (folder.is_relative_to(own) and folder.relative_to(own).parts[0] in _ROOMS):
        raise SettingsError(f"inbox: {folder} holds the warehouse's own files")
    return folder


def _read(
    values: Mapping[str, Any], readers: Mapping[str, Callable[[str, Any], Any]], prefix: str = ""
) -> dict[str, Any]:
    for name in values:
        if name not in readers:
            raise SettingsError(f"unknown key {prefix}{name}; there are {', '.join(readers)}")
    return {name: readers[name](prefix + name, value) for name, value in values.items()}


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{name} is a table: write [{name}] on a line of its own")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise SettingsError(f'{name} is a list of texts, such as ["a", "b"]')
    return tuple(dict.fromkeys(value))


def _symbols(name: str, value: Any) -> tuple[str, ...]:
    symbols = [symbol.strip().upper() for symbol in _texts(name, value)]
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise SettingsError(f"{name}: {symbol!r} is not a symbol, such as SPX or BRK.B")
    first: dict[str, str] = {}
    for part, symbol in zip(parts_of(symbols), symbols, strict=True):
        first.setdefault(part, symbol)
    return tuple(first.values())


def _coins(name: str, value: Any) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for typed in _texts(name, value):
        if (underlying := underlying_of(typed)) is None:
            raise SettingsError(f"{name}: {typed!r} is not an underlying, such as BTC, SOL or BTC_USDC")
        found[underlying] = None
    return tuple(found)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{name} is true or false")
    return value


def _days(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_DAYS:
        raise SettingsError(f"{name} is a whole number of days, 1 to {_MOST_DAYS}")
    return int(value)


def _tiers(name: str, value: Any) -> tuple[str, ...]:
    tiers = tuple(dict.fromkeys(text.strip().upper() for text in _texts(name, value)))
    for tier in tiers:
        if tier not in WEEKLY_TIERS:
            raise SettingsError(f"{name}: {tier!r} is not a tier; there are {', '.join(WEEKLY_TIERS)}")
    return tiers


def _american(name: str, value: Any) -> str:
    if value not in get_args(AmericanQuotes):
        raise SettingsError(f"{name} is {' or '.join(get_args(AmericanQuotes))}")
    return str(value)


def _contact(name: str, value: Any) -> str:
    """It becomes a line of a request."""
    text = value.strip() if isinstance(value, str) else ""
    if "@" not in text or len(text) >= _LONGEST_CONTACT or not (text.isascii() and text.isprintable()):
        raise SettingsError(
            f'{name} is who asks, on one line of plain letters below {_LONGEST_CONTACT}: "Name name@example.org"'
        )
    return text


_FOLLOWED: dict[str, Callable[[str, Any], Any]] = {
    "cboe": _symbols, "index": _symbols, "treasury": _flag, "deribit": _coins, "finra_short_volume": _flag,
    "finra_weekly": _tiers, "finra_short_interest": _flag, "occ_volume": _flag, "occ_open_interest": _symbols,
    "occ_totals": _flag, "sec_fails": _flag,
}  # fmt: skip
