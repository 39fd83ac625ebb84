"""Vendor feeds: one small module each, recognised by content.

A module names itself (NAME), bounds its files (LARGEST_BYTES), recognises its layout from the first bytes
(`recognise`) and reads it: `pages(data, declared)` for chains, `bars(data, declared)` for daily bars,
`coin_file(data, declared)` for whatever a coin venue's file holds, `report(data, declared)` for reports of a whole
market (with TABLE, the lake table of its rows), `parse(data)` for curves. One whose files may be too
large to be held says IS_STREAMED (`pipelines/streamed.py`).
"""

from __future__ import annotations

from types import ModuleType

from pipelines.sources import (
    cboe_datashop_csv,
    cboe_delayed_json,
    cboe_index_csv,
    cboe_quotedata_csv,
    deltaneutral_csv,
    deribit_responses,
    mapped_bars,
    mapped_chain,
    mapped_coin_chain,
    mapped_trades,
    optionsdx_coin_txt,
    optionsdx_us_csv,
    tardis_chain,
    tardis_trades,
    treasury_par_csv,
)
from pipelines.sources.mapping import read_mapping
from pipelines.sources.reports import (
    cboe_open_close,
    finra_short_interest,
    finra_short_volume,
    finra_weekly_json,
    finra_weekly_txt,
    index_members_csv,
    mapped_open_close,
    nasdaq_short_volume,
    occ_series,
    occ_totals_csv,
    occ_totals_json,
    occ_volume,
    sec_fails,
)

CHAIN_SOURCES: tuple[ModuleType, ...] = (
    cboe_delayed_json,
    cboe_quotedata_csv,
    cboe_datashop_csv,
    deltaneutral_csv,
    mapped_chain,
    optionsdx_us_csv,
)
BAR_SOURCES: tuple[ModuleType, ...] = (cboe_index_csv, mapped_bars)
COIN_SOURCES: tuple[ModuleType, ...] = (
    deribit_responses,
    optionsdx_coin_txt,
    tardis_chain,
    tardis_trades,
    mapped_coin_chain,
    mapped_trades,
)
REPORT_SOURCES: tuple[ModuleType, ...] = (
    cboe_open_close,
    finra_short_interest,
    finra_short_volume,
    finra_weekly_json,
    finra_weekly_txt,
    index_members_csv,
    mapped_open_close,
    nasdaq_short_volume,
    occ_series,
    occ_totals_csv,
    occ_totals_json,
    occ_volume,
    sec_fails,
)
SOURCES: tuple[ModuleType, ...] = (*CHAIN_SOURCES, *BAR_SOURCES, *COIN_SOURCES, *REPORT_SOURCES, treasury_par_csv)
CHAIN_SOURCE_NAMES: tuple[str, ...] = tuple(source.NAME for source in CHAIN_SOURCES)
REPORT_SOURCE_NAMES: tuple[str, ...] = tuple(source.NAME for source in REPORT_SOURCES)
BAR_SOURCE_NAMES: tuple[str, ...] = tuple(source.NAME for source in BAR_SOURCES)


_MAPPED: dict[str, ModuleType] = {
    "chain": mapped_chain,
    "bars": mapped_bars,
    "coin_chain": mapped_coin_chain,
    "trades": mapped_trades,
    "open_close": mapped_open_close,
}


def recognise(data: bytes) -> ModuleType | None:
    """The feed whose layout these bytes show, whatever the file is called."""
    return next((source for source in SOURCES if source.recognise(data)), None)


def mapped(mapping: str) -> ModuleType:
    """The reader of files whose layout their owner declares."""
    return _MAPPED[read_mapping(mapping).kind]
