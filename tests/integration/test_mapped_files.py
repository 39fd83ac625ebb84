"""Files of layouts that name little or nothing of themselves, from their bytes to exposures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake.store import Lake
from pipelines.load import Loaded, load_files
from pipelines.sources.mapping import BarColumns, BarMapping, ChainColumns, ChainMapping, ChainWords
from pipelines.sources.mapping_coins import (
    CoinChainMapping,
    CoinColumns,
    CoinWords,
    Coverage,
    TradeColumns,
    TradesMapping,
    TradeWords,
)
from pipelines.sources.mapping_keys import Instant, Moment
from pipelines.sources.mapping_open_close import OpenCloseColumns, OpenCloseMapping, OpenCloseWords
from pipelines.sources.page import Declared
from tests.integration.documents import PROJECT
from tests.integration.spine import current, derive, refusals
from tests.pipelines import test_optionsdx_us_csv as optionsdx
from tests.samples import needs_samples, sample

DOCUMENT = (PROJECT / "docs" / "MAPPING.md").read_text()
BLOCKS = re.findall(r"^```(csv|toml)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
CHAIN, CHAIN_MAPPING, BARS, BARS_MAPPING = (text for _, text in BLOCKS[:4])


def load(lake: Lake, folder: Path, text: str, declared: Declared) -> Loaded:
    path = folder / "mine.csv"
    path.write_text(text)
    (loaded,) = load_files(lake, [path], declared=declared, progress=lambda _: None)
    return loaded


def test_the_documents_chain_loads_as_printed(lake: Lake, tmp_path: Path) -> None:
    loaded = load(lake, tmp_path, CHAIN, Declared(mapping=CHAIN_MAPPING))
    assert (loaded.fate, loaded.source, loaded.part, loaded.rows_landed) == ("landed", "mapped_chain", "XMPL", 12)
    assert loaded.session_date == date(2024, 6, 17)
    assert (loaded.snapshot_ts, loaded.known_at) == (datetime(2024, 6, 17, 20), datetime(2024, 6, 18, 13, 30))
    assert refusals(derive(lake)) == []
    options = current(lake, "option_snapshots")
    assert options["open_interest_date"].unique().to_list() == [date(2024, 6, 17)]
    assert options["iv_source"].unique().to_list() == ["solved_mid"]
    assert options.select((pl.col("iv_frac") - pl.col("vendor_iv_frac")).abs().max()).item() < 0.005
    summary = current(lake, "exposure_summary").filter(scope="all", dealer_model="calls_long_puts_short")
    assert summary["call_open_interest"].to_list() == [5775]


def test_the_documents_bars_load_as_printed(lake: Lake, tmp_path: Path) -> None:
    loaded = load(lake, tmp_path, BARS, Declared(mapping=BARS_MAPPING))
    assert (loaded.fate, loaded.source, loaded.rows_landed) == ("landed", "mapped_bars", 2)
    assert refusals(derive(lake)) == []
    bars = current(lake, "price_bars").sort("bar_ts")
    assert bars.select("underlying", "bar_ts", "close", "volume").rows() == [
        ("XMPL", datetime(2024, 6, 14, 20), 99.8, 812000.0), ("XMPL", datetime(2024, 6, 17, 20), 100.0, None)
    ]  # fmt: skip


def test_the_document_lists_every_key_and_no_other() -> None:
    models = (
        ChainMapping, ChainColumns, ChainWords, Instant, BarMapping, BarColumns, CoinChainMapping, CoinColumns,
        CoinWords, TradesMapping, TradeColumns, TradeWords, Coverage, Moment, OpenCloseMapping, OpenCloseColumns,
        OpenCloseWords,
    )  # fmt: skip
    keys = {name for model in models for name in model.model_fields}
    rows = re.findall(r"^\| (`.*?) \|", DOCUMENT, re.MULTILINE)
    listed = {name.strip("[]") for row in rows for name in re.findall(r"`(\[?[a-z_]+\]?)`", row)}
    listed |= set(re.findall(r"`(\w+)`", DOCUMENT[DOCUMENT.index("| `[columns]` | `date`") :].splitlines()[0]))
    assert listed == keys


def test_the_same_file_under_another_mapping_is_read_anew(lake: Lake, tmp_path: Path) -> None:
    load(lake, tmp_path, CHAIN, Declared(mapping=CHAIN_MAPPING))
    again = load(lake, tmp_path, CHAIN, Declared(mapping=CHAIN_MAPPING))
    other = load(lake, tmp_path, CHAIN, Declared(mapping=CHAIN_MAPPING.replace("session_end", "session_start")))
    assert (again.fate, other.fate) == ("duplicate_bytes", "landed")
    assert refusals(derive(lake)) == []
    assert current(lake, "pages")["open_interest_date"].to_list() == [date(2024, 6, 14)]


def test_volatility_in_a_unit_that_is_not_the_declared_one_is_refused(lake: Lake, tmp_path: Path) -> None:
    load(lake, tmp_path, CHAIN, Declared(mapping=CHAIN_MAPPING.replace('"percent"', '"fraction"')))
    assert refusals(derive(lake)) == ["header_clock_contradicted"]


@pytest.mark.parametrize(
    ("text", "mapping", "reason"),
    [
        (CHAIN, CHAIN_MAPPING.replace("separator", "seperator"), "mapping: seperator: no such key"),
        (CHAIN, CHAIN_MAPPING.replace('"oi"', '"OI"'), "mapping: columns.open_interest: the file has no column 'OI'"),
        (BARS, CHAIN_MAPPING, "mapping: columns.underlying: the file has no column"),
    ],
)
def test_a_mapping_that_does_not_fit_refuses_the_file_in_one_line(
    lake: Lake, tmp_path: Path, text: str, mapping: str, reason: str
) -> None:
    loaded = load(lake, tmp_path, text, Declared(mapping=mapping))
    assert loaded.fate == "refused"
    assert loaded.reason is not None
    assert loaded.reason.startswith(reason)


def _strikes(strikes: Sequence[int]) -> list[str]:
    """Lines at parity around the spot of 380."""
    prices = [(max(380 - k, 0) + 5, max(k - 380, 0) + 5) for k in strikes]
    return [
        optionsdx.line(k, C_BID=call - 0.1, C_ASK=call + 0.1, P_BID=put - 0.1, P_ASK=put + 0.1)
        for k, (call, put) in zip(strikes, prices, strict=True)
    ]


def test_a_chain_without_open_interest_has_volatility_and_null_exposures(lake: Lake, tmp_path: Path) -> None:
    text = optionsdx.file(*_strikes(range(360, 401, 5))).decode()
    assert load(lake, tmp_path, text, Declared()).reason == (
        "the file does not name its underlying; name it with --underlying SPX"
    )
    loaded = load(lake, tmp_path, text, Declared(underlying="SPY"))
    assert (loaded.fate, loaded.source, loaded.session_date) == ("landed", "optionsdx_eod", date(2023, 1, 3))
    assert refusals(derive(lake)) == []
    assert set(current(lake, "option_snapshots")["iv_source"]) == {"solved_mid"}
    summary = current(lake, "exposure_summary").filter(scope="all")
    assert set(summary["scope_status"]) == {"no_open_interest"}
    assert summary["net_gex_usd_per_1pct"].null_count() == summary.height > 0


@needs_samples
@pytest.mark.samples
def test_real_excerpts_of_a_few_contracts_a_day_are_partial(lake: Lake, tmp_path: Path) -> None:
    excerpt = sample("livevol_like").joinpath("deltaneutral_spx_2014_lambdaclass.csv").read_text().splitlines()[:21]
    loaded = load(lake, tmp_path, "\n".join(excerpt), Declared())
    assert (loaded.fate, loaded.source, loaded.rows_landed) == ("landed", "deltaneutral_eod", 20)
    assert refusals(derive(lake)) == []
    quality = current(lake, "snapshot_quality")
    assert (quality.height, quality["is_partial"].all()) == (5, True)
