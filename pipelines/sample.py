"""What `sample` does: the simulated market written, landed, and compared with the truth behind it."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import polars as pl
from rich.table import Table

from pipelines.console import console, progress_bar
from pipelines.daily.gap_ledger import settle, utc_now
from pipelines.lake.files import sha256_of, write_durably
from pipelines.lake.store import Lake, opened
from pipelines.load import Loaded, load_files
from pipelines.sample_coins import COIN_COLUMNS, coin_truth_table, comparison_table, percent, planted_table
from pipelines.settings import PROJECT, data_paths
from pipelines.simulate import index_history, truth
from pipelines.simulate.coins import truth as coin_truth
from pipelines.simulate.reports import declared_exchange
from pipelines.sources.page import Declared
from pipelines.warehouse.query import connect_readonly

_MANIFEST = "manifest.json"
_INDICES = ("SPX",)
_COMPARED = {  # what the comparison reads of each mart
    "option_snapshots": "underlying, session_date, snapshot_ts, contract_id, root, expiry_ts, strike, option_type,"
    " multiplier, gamma, spot, open_interest, open_interest_date",
    "strike_exposures": "underlying, session_date, snapshot_ts, dealer_model, root, expiry_ts, strike,"
    " call_dealer_quantity, put_dealer_quantity, net_gex_usd_per_1pct",
}
_COUNTED = "underlying, session_date, contract_id, position_contracts, is_history_complete"
_HEADINGS = (
    "underlying", "dealer model", "sessions", "sides", "right", "by strike", "true GEX", "model's", "same sign",
)  # fmt: skip
_GENERATOR = ("pipelines/simulate", "models/synthetic.py")


def sample(seed: int) -> None:
    """Write the market's files where they are not there yet, and land them; a lake with files of its own is left."""
    paths = data_paths()
    folder = paths.root / "sample"
    shown = min(str(folder), os.path.relpath(folder), key=len)
    with opened(paths) as lake, lake.writing():
        if lake.catalogue.rows("select 1 from raw_objects where original_name not like 'simulated%' limit 1"):
            console.print("The lake holds files of its own: the simulated market is left out.")
            return
        files = _written(folder, seed)
        if all(lake.catalogue.has_raw(sha256) for sha256 in files.values()):
            console.print(f"The simulated market in {shown} is in the lake already.")
            return
        loaded = _landed(lake, [folder / name for name in files])
        settle(lake, utc_now())
    fates = Counter(one.fate for one in loaded)
    told = ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items()))
    console.print(f"Simulated market in {shown}: {told}.")


def _written(folder: Path, seed: int) -> dict[str, str]:
    """The files by name with their hashes; made anew only for another seed or by another generator."""
    made_by = f"{seed}-{_generator_fingerprint()}"
    manifest = folder / _MANIFEST
    if manifest.exists():
        known = json.loads(manifest.read_text())
        if known["made_by"] == made_by and all((folder / name).exists() for name in known["files"]):
            return dict(known["files"])
    from pipelines.simulate import full, write_market
    from pipelines.simulate.coins import write_coin_week
    from pipelines.simulate.reports import write_reports

    with console.status("simulate"):
        paths = [
            *write_market(folder, seed, full()),
            *write_reports(folder, seed, full()),
            *write_coin_week(folder, seed),
        ]
    files = {path.name: sha256_of(path.read_bytes()) for path in paths}
    write_durably(manifest, json.dumps({"made_by": made_by, "files": files}, indent=1).encode(), label="manifest")
    return files


def _generator_fingerprint() -> str:
    sources = [path for name in _GENERATOR for path in sorted({PROJECT / name, *(PROJECT / name).rglob("*.py")})]
    return sha256_of(b"".join(path.read_bytes() for path in sources if path.is_file()))


def _landed(lake: Lake, files: list[Path]) -> list[Loaded]:
    loaded: list[Loaded] = []
    with progress_bar() as bar:
        task = bar.add_task("land", total=len(files))
        for path in files:
            declared = declared_of(path.name)
            loaded += load_files(lake, [path], declared=declared, progress=lambda _: bar.advance(task))
    return loaded


def declared_of(file_name: str) -> Declared:
    """What the owner of the sample says of a file: an index's history names no index, open-close volume no exchange."""
    underlying = next((symbol for symbol in _INDICES if index_history.file_name(symbol) == file_name), None)
    return Declared(underlying=underlying, exchange=declared_exchange(file_name))


def tell_truth() -> None:
    """How far each dealer model is from what the dealers of the simulated market hold, over its whole sessions."""
    paths = data_paths()
    folder = paths.root / "sample" / truth.FOLDER
    if not (folder / truth.FILE_NAME).exists() or not (folder / coin_truth.FILE_NAME).exists():
        raise FileNotFoundError(f"no simulated market in {paths.root}; `dealerflow sample` makes one")
    with connect_readonly(paths.warehouse) as connection:
        marts = [
            connection.sql(f"select {columns} from {table} where market = 'us'").pl()
            for table, columns in _COMPARED.items()
        ]
        counted = connection.sql(f"select {_COUNTED} from open_close_positions where market = 'us'").pl()
        inventory = connection.sql(f"select {COIN_COLUMNS} from dealer_inventory where market = 'crypto'").pl()
    compared = coin_truth.compare(pl.read_parquet(folder / coin_truth.FILE_NAME), inventory)
    positions = pl.read_parquet(folder / truth.FILE_NAME)
    tables = [
        _truth_table(truth.compare(positions, *marts)),
        _counted_table(truth.compare_counted(positions, counted)),
        coin_truth_table(compared),
        planted_table(compared),
    ]
    for table in tables:
        console.print(table, "")


def _truth_table(compared: pl.DataFrame) -> Table:
    summary = compared.group_by("underlying", "dealer_model", maintain_order=True).agg(
        pl.len().alias("sessions"),
        pl.col("sided_share_frac", "right_side_share_frac", "strike_correlation").median(),
        true_net=pl.col("true_net_gex_usd_per_1pct").median() / 1e9,
        model_net=pl.col("net_gex_usd_per_1pct").median() / 1e9,
        same_sign=(pl.col("true_net_gex_usd_per_1pct").sign() == pl.col("net_gex_usd_per_1pct").sign()).mean(),
    )
    table = comparison_table("Models against the dealers' true positions", _HEADINGS)
    for row in summary.sort("underlying", "dealer_model").iter_rows(named=True):
        table.add_row(
            row["underlying"], row["dealer_model"], str(row["sessions"]), percent(row["sided_share_frac"]),
            percent(row["right_side_share_frac"]), _decimals(row["strike_correlation"]),
            _decimals(row["true_net"]), _decimals(row["model_net"]), percent(row["same_sign"]),
        )  # fmt: skip
    return table


def _counted_table(counted: pl.DataFrame) -> Table:
    table = comparison_table(
        "Counts from open-close files against the truth, in contracts",
        ("underlying", "history", "states", "exact", "mean error", "mean position"),
    )
    for row in counted.iter_rows(named=True):
        table.add_row(
            row["underlying"], "whole" if row["is_history_complete"] else "in part", f"{row['rows']:,}",
            percent(row["exact"] / row["rows"]), f"{row['mean_absolute_error_contracts']:,.0f}",
            f"{row['mean_absolute_truth_contracts']:,.0f}",
        )  # fmt: skip
    return table


def _decimals(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f}"
