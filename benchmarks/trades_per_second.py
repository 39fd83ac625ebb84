"""How many trades a second one core turns into inventory and premium: `python benchmarks/trades_per_second.py`.

Made at random, not from any venue: a day of 1,000,000 trades in 900 contracts, and 144 chains of them. Seconds are
of processor time, the fewest of several runs: a machine that does other things as well only ever makes a run slower.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before Polars is loaded; a figure of one core is comparable

import numpy as np
import polars as pl

from models.coin_surface import coin_surface
from models.premium import premium_flow
from models.taker_flow import positions_at, taker_inventory, unique_trades

DAY = datetime(2026, 1, 14)
ENDS = [DAY + timedelta(minutes=10 * k) for k in range(1, 145)]
EXPIRY_DAYS = (1, 2, 3, 7, 14, 21, 30, 58, 90, 150, 240, 330)


def contracts() -> pl.DataFrame:
    """900 contracts: twelve expiries, each with strikes on both sides of 95,000."""
    expiries = pl.DataFrame({"expiry_ts": [DAY + timedelta(days=d, hours=8) for d in EXPIRY_DAYS]})
    strikes = pl.DataFrame({"strike": np.arange(58_000.0, 133_000.0, 2000.0)})
    sides = pl.DataFrame({"option_type": ["call", "put"]})
    listed = expiries.join(strikes, how="cross").join(sides, how="cross")
    day = pl.col("expiry_ts").dt.strftime("%d%b%y").str.to_uppercase()
    name = pl.concat_str(pl.lit("BTC"), day, pl.col("strike").cast(pl.Int64), "option_type", separator="-")
    return listed.select(
        pl.col("expiry_ts").cast(pl.Datetime("us")), "strike", "option_type", contract_id=name, root=pl.lit("BTC"),
        expiry_date=pl.col("expiry_ts").dt.date(), is_inverse=pl.lit(value=True),
    )  # fmt: skip


def trades(count: int, seed: int = 20260114) -> pl.DataFrame:
    """A day's trades in no order, numbered within their contract."""
    draw = np.random.default_rng(seed)
    listed = contracts()
    offset = pl.Series(np.sort(draw.integers(0, 86_400_000, count)) * 1000).cast(pl.Duration("us"))
    made = listed[draw.integers(0, listed.height, count)].with_columns(
        trade_ts=pl.lit(DAY, dtype=pl.Datetime("us")) + offset,
        taker_side=pl.Series(["buy", "sell", "unknown"]).gather(draw.choice(3, count, p=[0.5, 0.49, 0.01])),
        flow_class=pl.Series(["screen", "combo", "block"]).gather(draw.choice(3, count, p=[0.7, 0.2, 0.1])),
        quantity=pl.Series(draw.integers(1, 100, count) / 10),
        price=pl.Series(draw.uniform(0.001, 0.1, count)),
        index_price=pl.lit(94_000.0),
        vendor_iv_frac=pl.Series(draw.uniform(0.3, 0.9, count)),
    )
    return made.with_columns(
        known_at="trade_ts",
        trade_seq=pl.int_range(1, pl.len() + 1).over("contract_id"),
        trade_id=pl.int_range(pl.len()).cast(pl.String),
        price_usd=pl.col("price") * pl.col("index_price"),
    ).sample(fraction=1.0, shuffle=True, seed=seed)


def chains(seed: int = 20260114) -> pl.DataFrame:
    """144 snapshots of all contracts, a twentieth of them without a volatility."""
    rows = contracts().join(pl.DataFrame({"snapshot_ts": ENDS}), how="cross")
    iv = np.random.default_rng(seed).uniform(-0.03, 0.9, rows.height)
    price = {"bid": 0.01, "ask": 0.011, "last": 0.0105, "mark": 0.0105}
    return rows.with_columns(
        pl.col("snapshot_ts").cast(pl.Datetime("us")),
        **{name: pl.lit(value) for name, value in price.items()},
        source=pl.lit("made"),
        vendor_iv_frac=pl.Series(np.maximum(iv, 0.0)),
        volume=pl.lit(1.0),
        open_interest=pl.lit(10.0),
        forward=pl.lit(95_000.0),
        spot=pl.lit(94_000.0),
    )


def best_seconds(work: Callable[[], object], runs: int) -> float:
    """Processor time of the shortest run."""
    found = []
    for _ in range(runs):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def main() -> None:
    """Prints one line for each function."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    tape, chain = trades(asked.trades), chains()
    rows = taker_inventory(tape, None, from_ts=DAY)
    works: list[tuple[str, int, str, Callable[[], object]]] = [
        ("taker_inventory", tape.height, "trades", lambda: taker_inventory(tape, None, from_ts=DAY)),
        ("unique_trades", tape.height, "trades", lambda: unique_trades(tape)),
        ("premium_flow", tape.height, "trades", lambda: premium_flow(tape)),
        ("positions_at", len(ENDS), "instants", lambda: positions_at(rows, None, ENDS)),
        ("coin_surface", chain.height, "contracts", lambda: coin_surface(chain, session_date=DAY.date())),
    ]
    threads = pl.thread_pool_size()
    for name, count, unit, work in works:
        seconds = best_seconds(work, asked.runs)
        print(f"{name:16} {count:>9,} {unit:9} {seconds:7.3f} s {count / seconds:>12,.0f} {unit}/s on {threads} thread")


if __name__ == "__main__":
    main()
