"""How long a day of option updates takes to reduce, and how much memory: `python -m benchmarks.tardis_day --gb 10`.

The day is invented: thousands of options, each update of one of them, as tardis.dev writes them. It is written packed,
reduced by a process of its own, and removed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from isal import igzip

from pipelines.settings import PROJECT
from pipelines.sources.line_chunks import CHUNK_BYTES

DAY = datetime(2026, 2, 1, tzinfo=UTC)
_DAY_MICROS = 86_400_000_000
_BLOCK_ROWS = 250_000
_BYTES_OF_A_ROW = 225
_REDUCE = """
import json, sys, time
from pathlib import Path
from pipelines.sources import line_chunks, tardis_chain
line_chunks.CHUNK_BYTES = int(sys.argv[2])
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
before, started, cpu = peak(), time.monotonic(), time.process_time()
file = tardis_chain.coin_file_of(Path(sys.argv[1]))
print(json.dumps({
    "seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - cpu, "peak_bytes": peak(),
    "bytes_before": before, "rows_in": file.rows_in, "rows": file.chains.height, "rejected": file.rejected.height,
    "rows_standing": file.chains["row_number"].n_unique(), "rows_passed": file.rows_passed,
    "snapshots": file.chains["snapshot_ts"].n_unique(),
}))
"""


def instruments() -> pl.DataFrame:
    """Some three thousand options of three underlyings and a dozen expiries."""
    expiries = [datetime(2026, 2, day, 8, tzinfo=UTC) for day in (2, 3, 4, 6, 13, 20, 27)]
    expiries += [datetime(2026, month, 27, 8, tzinfo=UTC) for month in (3, 4, 6, 9, 12)]
    rows = [
        (f"{name}-{expiry.day}{expiry:%b%y}-{strike}-{letter}".upper(), letter, strike, expiry, spot)
        for name, spot, step in (("BTC", 80_000, 1_000), ("ETH", 3_000, 50), ("SOL_USDC", 120, 4))
        for expiry in expiries
        for strike in range(spot - 20 * step, spot + 22 * step, step)
        for letter in "CP"
    ]
    return pl.DataFrame(
        {
            "symbol": [row[0] for row in rows],
            "type": ["call" if row[1] == "C" else "put" for row in rows],
            "strike_price": [row[2] for row in rows],
            "expiration": [round(row[3].timestamp()) * 1_000_000 for row in rows],
            "spot": [float(row[4]) for row in rows],
        }
    )


def block(options: pl.DataFrame, rows: int, start: int, end: int, seed: int) -> pl.DataFrame:
    """Updates between two clocks, in the vendor's columns."""
    draws = np.random.default_rng(seed)
    chosen = options[draws.integers(0, options.height, rows)]
    clock = np.sort(draws.integers(start, end, rows))

    def values(low: float, high: float, digits: int) -> np.ndarray:
        return np.round(draws.uniform(low, high, rows), digits)

    return chosen.select(
        pl.lit("deribit").alias("exchange"),
        "symbol",
        pl.Series("timestamp", clock - draws.integers(1_000, 90_000, rows)),
        pl.Series("local_timestamp", clock),
        "type",
        "strike_price",
        "expiration",
        open_interest=values(0, 500, 1),
        last_price=values(0, 0.2, 4),
        bid_price=values(0, 0.2, 4),
        bid_amount=values(0, 50, 1),
        bid_iv=values(40, 90, 2),
        ask_price=values(0, 0.2, 4),
        ask_amount=values(0, 50, 1),
        ask_iv=values(40, 90, 2),
        mark_price=values(0, 0.2, 8),
        mark_iv=values(40, 90, 2),
        underlying_index=pl.lit("SYN.") + pl.col("symbol").str.extract(r"^(\w+-\w+)-"),
        underlying_price=(pl.col("spot") * pl.Series(values(0.99, 1.01, 6))).round(4),
        delta=values(-1, 1, 5),
        gamma=values(0, 0.0001, 5),
        vega=values(0, 100, 5),
        theta=values(-100, 0, 5),
        rho=values(-10, 10, 5),
    )


def write_day(path: Path, size_bytes: int) -> int:
    """A packed day of about so many bytes unpacked; how many they are."""
    options = instruments()
    blocks = max(1, round(size_bytes / _BYTES_OF_A_ROW / _BLOCK_ROWS))
    rows = min(_BLOCK_ROWS, size_bytes // _BYTES_OF_A_ROW)
    start, step = round(DAY.timestamp()) * 1_000_000, _DAY_MICROS // blocks
    written = 0
    with path.open("wb") as file:
        for k in range(blocks):
            frame = block(options, rows, start + k * step, start + (k + 1) * step, seed=k % 8)
            text = frame.write_csv(include_header=k == 0).encode()
            written += len(text)
            file.write(igzip.compress(text, compresslevel=1))
    return written


def reduce_apart(path: Path, chunk_bytes: int = CHUNK_BYTES) -> dict[str, float]:
    """Seconds, peak memory and counts of a process that does nothing else."""
    told = subprocess.run(
        [sys.executable, "-c", _REDUCE, str(path), str(chunk_bytes)],
        cwd=PROJECT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(told.stdout)
    return found


def main() -> None:
    """Write, reduce, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=1.0, help="size unpacked, in units of 1e9 bytes")
    parser.add_argument("--folder", type=Path, default=None, help="where to write the day")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "options_chain.csv.gz"
        began = time.monotonic()
        size = write_day(path, round(arguments.gb * 1e9))
        print(f"wrote {size / 1e9:.2f} GB as {path.stat().st_size / 1e9:.2f} GB in {time.monotonic() - began:.0f} s")
        found = reduce_apart(path)
    print(json.dumps(found))
    print(
        f"{found['seconds']:.1f} s ({found['cpu_seconds']:.1f} s of processors), {size / 1e6 / found['seconds']:.0f} "
        f"MB/s, peak memory {found['peak_bytes'] / 1e6:.0f} MB (VmHWM; {found['bytes_before'] / 1e6:.0f} MB before)"
    )


if __name__ == "__main__":
    main()
