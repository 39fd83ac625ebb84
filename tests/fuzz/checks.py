"""What must hold of whatever a parser gives of a file, however the file was spoilt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.placing import Placed
from pipelines.sources.bars import BAR_SCHEMA, BarFile
from pipelines.sources.chain_rows import CHAIN_ROW_SCHEMA
from pipelines.sources.coin_file import COIN_REJECTED_SCHEMA, CoinFile
from pipelines.sources.page import LONGEST_ROW_TEXT, REJECTED_SCHEMA, ChainPage
from pipelines.sources.reports.report import ReportFile, report_schema
from pipelines.sources.treasury_par_csv import TreasuryFile
from pipelines.tables import TABLES

_LONGEST_MESSAGE = 300
_COIN_KEYS = {
    "chains": ("underlying", "snapshot_ts", "contract_id"), "trades": ("underlying", "contract_id", "trade_id"),
    "instruments": ("contract_id", "known_at"), "bars": ("symbol", "interval", "bar_ts", "known_at"),
    "deliveries": ("underlying", "delivery_ts", "known_at"), "coverage": (),
}  # fmt: skip


class Broken(AssertionError):
    """A parser gave something that it must not give."""


def message(error: BaseException) -> None:
    """What the owner of a refused file reads."""
    told = str(error)
    _hold(bool(told.strip()), "a refusal without a word")
    _hold(len(told) <= _LONGEST_MESSAGE, f"a message of {len(told) // 100}00 characters")
    _hold(told.isprintable(), "a message that is not printable")


def pages(found: list[ChainPage]) -> None:
    _hold(bool(found), "no page, and no refusal")
    for page in found:
        _frame(page.rows, CHAIN_ROW_SCHEMA, ("contract_id",))
        _hold(page.rows.height > 0, "a page without a contract")
        _rejected(page.rejected, REJECTED_SCHEMA)
        _account(page.rows_in, page.rows.height, page.rejected.height, page.rows_duplicate)
        for value in (page.underlying_last, page.underlying_bid, page.underlying_ask, page.underlying_volume):
            _hold(value is None or 0 <= value < 1e300, "a number of the page that is none")
    places = [(page.underlying, page.quote_ts) for page in found]
    _hold(len(set(places)) == len(places), "two pages of one underlying and instant")


def bars(found: BarFile) -> None:
    _frame(found.bars, BAR_SCHEMA, ("underlying", "bar_date"))
    _rejected(found.rejected, REJECTED_SCHEMA)
    _account(found.rows_in, found.bars.height, found.rejected.height, found.rows_duplicate)


def coin_file(found: CoinFile) -> None:
    rows = 0
    for kind, key in _COIN_KEYS.items():
        frame = getattr(found, kind)
        _frame(frame, getattr(CoinFile(), kind).schema, key)
        rows += 0 if kind == "coverage" else frame.height
    _hold(
        found.coverage.filter(pl.col("from_ts") >= pl.col("until_ts")).is_empty(), "coverage that ends before it begins"
    )
    _rejected(found.rejected, COIN_REJECTED_SCHEMA)
    _account(found.rows_in, rows, found.rejected.height, found.rows_duplicate, found.rows_passed)


def report(found: ReportFile) -> None:
    _frame(found.rows, report_schema(found.table), ("session_date", "part", *TABLES[found.table].key))
    _hold(found.rows.height > 0, "a report without a row")
    _hold(
        found.rows.select(pl.col("session_date", "part").is_null().any()).row(0) == (False, False), "a row of no place"
    )
    _hold(found.rows["part"].str.contains(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$").all(), "a part that is no name of a folder")
    _rejected(found.rejected, REJECTED_SCHEMA)
    _account(found.rows_in, found.rows.height, found.rejected.height, found.rows_duplicate, found.rows_merged)


def curves(found: TreasuryFile) -> None:
    days = [curve.curve_date for curve in found.curves]
    _hold(days == sorted(set(days)) and bool(days), "curves out of order")
    _hold(all(abs(percent) <= 100 for one in found.curves for percent in one.percent_by_months.values()), "no yield")
    _rejected(found.rejected, REJECTED_SCHEMA)
    _account(found.rows_in, len(days), found.rejected.height, found.rows_duplicate)


def placed(found: Placed) -> None:
    _hold(bool(found.sightings), "placed nowhere")
    _account(found.rows_in, found.rows_landed, found.rows_quarantined, found.rows_duplicate)
    for sighting in found.sightings:
        part = sighting.key.part
        _hold(
            part.isascii() and part.isprintable() and "/" not in part and part.strip(". ") != "", f"part {part[:20]!r}"
        )
    keys = [(sighting.source, sighting.key) for sighting in found.sightings]
    _hold(len(set(keys)) == len(keys), "a partition with two sightings of one source")


def _account(rows_in: int, *parts: int) -> None:
    _hold(rows_in == sum(parts) and min(rows_in, *parts) >= 0, "rows are lost or counted twice")


def _frame(frame: pl.DataFrame, schema: Any, key: Sequence[str]) -> None:
    _hold(list(frame.schema.items()) == list(schema.items()), "another schema")
    floats = frame.select(pl.selectors.float())
    if floats.width and floats.height:
        _hold(all(floats.select(pl.all().is_finite().all()).row(0)), "a number that is not finite")
    for name in {"contract_id", "underlying", "root"} & set(frame.columns):
        _hold(frame[name].str.contains(r"^[\x21-\x7e]+$").all(), f"a {name} that nobody could have meant")
    if key:
        whole = frame.select(key).drop_nulls()
        _hold(whole.is_unique().all(), f"two rows of one {key[-1]}")


def _rejected(frame: pl.DataFrame, schema: Any) -> None:
    _hold(list(frame.schema.items()) == list(schema.items()), "another schema of rejected rows")
    told = frame.select("row_number", "row_part", "reason").null_count().row(0)
    _hold(told == (0, 0, 0), "a rejected row without number, part or reason")
    longest = frame["row_text"].str.len_chars().max()
    _hold(longest is None or int(str(longest)) <= LONGEST_ROW_TEXT, "a text of a rejected row that is too long")


def _hold(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise Broken(otherwise)
