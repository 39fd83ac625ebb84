"""Chains of coin venues in a layout that their owner declares: CSV or Parquet, an option a row (docs/MAPPING.md)."""

from __future__ import annotations

from datetime import UTC, timedelta

import polars as pl

from pipelines.sources import mapped_cells, mapped_coin_rows, mapped_contracts
from pipelines.sources.coin_file import COIN_CHAIN_SCHEMA, CoinFile
from pipelines.sources.mapped_cells import Cells, read_cells
from pipelines.sources.mapping import coin_chain_mapping
from pipelines.sources.mapping_coins import CoinChainMapping
from pipelines.sources.page import Declared

NAME = "mapped_coin_chain"
LARGEST_BYTES = mapped_cells.LARGEST_BYTES

_PRICES = ("bid", "ask", "last", "mark")
_QUANTITIES = ("volume", "open_interest")
_OTHERS = ("vendor_iv_frac", "vendor_delta", "vendor_gamma")
_REFERENCES = ("forward", "index_price")
_NUMBERS = {
    **{name: f"columns.{name}" for name in (*_PRICES, *_QUANTITIES, *_REFERENCES)},
    "vendor_iv_frac": "columns.iv", "vendor_delta": "columns.delta", "vendor_gamma": "columns.gamma",
}  # fmt: skip
_LONGEST_VISIT = timedelta(minutes=30)  # a row whose clock is farther from the snapshot's middle is of another one
_SNAPSHOT = ["underlying", "snapshot"]


def recognise(data: bytes) -> bool:
    """Never by content: the owner says so."""
    del data
    return False


def coin_file(data: bytes, declared: Declared) -> CoinFile:
    """The snapshots of a file. One stands at the newest clock of its rows."""
    mapping = coin_chain_mapping(declared.mapping)
    moments = {"quotes": mapping.quotes, "known": mapping.known}
    cells = read_cells(data, mapping, {key: moment for key, moment in moments.items() if moment is not None})
    typed = _typed(cells, mapping)
    options = typed.filter(~pl.col("is_no_option"))
    kept, wrong = mapped_coin_rows.judge(
        options,
        [
            *mapped_coin_rows.number_reasons((*_PRICES, *_REFERENCES), _QUANTITIES, _OTHERS),
            *mapped_contracts.coin_reasons(cells),
            *mapped_coin_rows.time_reasons(is_known_stated=mapping.known is not None),
            (pl.col("snapshot").is_null(), "no_snapshot"),
        ],
    )
    kept, apart = _in_snapshots(kept)
    facts = [name for name in COIN_CHAIN_SCHEMA if name != "row_number"]
    chains, conflicting, repeats = mapped_coin_rows.without_repeats(
        kept, ["underlying", "snapshot_ts", "contract_id"], facts
    )
    rejected = mapped_coin_rows.rejected([wrong, apart, conflicting], cells, "chain")
    rows_in = typed.height + cells.ragged.height
    mapped_coin_rows.check_any(chains, rejected, rows_in)
    return CoinFile(
        chains=chains.select(list(COIN_CHAIN_SCHEMA)).sort("underlying", "snapshot_ts", "contract_id"),
        rejected=rejected,
        rows_in=rows_in,
        rows_duplicate=repeats,
        rows_passed=typed.height - options.height,
    )


def _typed(cells: Cells, mapping: CoinChainMapping) -> pl.DataFrame:
    """COIN_CHAIN_SCHEMA but for the times of the snapshot, and what it is made of: own_ts, known_ts, snapshot."""
    numbers = mapped_coin_rows.numbers(cells, _NUMBERS)
    own_ts: pl.Series | pl.Expr
    snapshot: pl.Series | pl.Expr = pl.lit("")
    if mapping.quoted_at is not None:
        own_ts = pl.lit(mapping.quoted_at.astimezone(UTC).replace(tzinfo=None), dtype=pl.Datetime("us"))
    else:
        own_ts = mapped_coin_rows.moment(cells, "quotes", mapping.quotes)
        if cells.has("columns.snapshot"):
            snapshot = cells.label("columns.snapshot")
        elif not mapping.is_one_snapshot:
            snapshot = pl.col("own_ts").cast(pl.String)
    rows = mapped_contracts.coin_contracts(mapped_contracts.stated(cells, mapping), cells)
    typed = rows.with_columns(
        is_unreadable=cells.is_unreadable(key for key in (*_NUMBERS.values(), "columns.strike") if cells.has(key)),
        own_ts=own_ts,
        known_ts=mapped_coin_rows.moment(cells, "known", mapping.known),
        **numbers,
    ).with_columns(*mapped_coin_rows.stated(_REFERENCES), snapshot=snapshot)
    if mapping.iv_unit is None or not cells.has("columns.iv"):
        return typed
    return typed.with_columns(mapped_coin_rows.volatility(typed["vendor_iv_frac"], mapping.iv_unit))


def _in_snapshots(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """With snapshot_ts and known_at, and the rows whose clocks are not those of their snapshots."""
    own_ts, known_ts = pl.col("own_ts"), pl.col("known_ts")
    is_apart = (own_ts - own_ts.median()).abs().over(_SNAPSHOT) > _LONGEST_VISIT
    told = rows.with_columns(is_apart=is_apart)
    placed = (
        told.filter(~pl.col("is_apart"))
        .with_columns(snapshot_ts=own_ts.max().over(_SNAPSHOT))
        .with_columns(known_at=pl.max_horizontal("snapshot_ts", known_ts.max().over(_SNAPSHOT)))
    )
    return placed, told.filter("is_apart").with_columns(reason=pl.lit("time_apart_from_snapshot"))
