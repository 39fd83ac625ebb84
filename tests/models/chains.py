"""Chains priced by Black's formula, so that what the models should find is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from models.black import black_price
from models.forwards import SnapshotMark

SNAPSHOT = datetime(2023, 4, 14, 20, 0)
SESSION = date(2023, 4, 14)
FLAT_RATE = 0.04
CURVE = (np.array([0.1, 30.0]), np.array([FLAT_RATE, FLAT_RATE]))


def quoted(
    days: float,
    *,
    root: str = "SPXW",
    spot: float = 4000.0,
    carry: float = 0.015,
    strikes: np.ndarray | None = None,
    vol: float | Callable[[np.ndarray], np.ndarray] = 0.2,
    spread: float = 0.4,
    exercise: str = "european",
    open_interest: float = 10.0,
) -> pl.DataFrame:
    """Calls and puts of one expiry, quoted around Black's price with F = S e^((r - q) T) at a flat 4 % rate."""
    listed = np.arange(3000.0, 5001.0, 100.0) if strikes is None else np.asarray(strikes, dtype=float)
    t = days / 365
    forward, discount = spot * np.exp((FLAT_RATE - carry) * t), np.exp(-FLAT_RATE * t)
    smile = vol(listed) if callable(vol) else np.full(listed.size, vol)
    sides = []
    for side in ("call", "put"):
        price = black_price(
            forward=np.array(forward), strike=listed, t_years=np.array(t), iv_frac=smile,
            discount_factor=np.array(discount), is_call=np.array(side == "call"),
        )  # fmt: skip
        sides.append(
            pl.DataFrame({"strike": listed, "bid": np.maximum(price - spread / 2, 0.0), "ask": price + spread / 2})
            .with_columns(option_type=pl.lit(side), vendor_iv_frac=pl.Series(smile))
        )  # fmt: skip
    expiry = SNAPSHOT + timedelta(days=days)
    return pl.concat(sides).with_columns(
        contract_id=pl.concat_str(pl.lit(f"{root}-{days}-"), "option_type", "strike"),
        root=pl.lit(root),
        expiry_date=pl.lit(expiry.date()),
        expiry_ts=pl.lit(expiry, dtype=pl.Datetime("us")),
        settlement=pl.lit("pm"),
        exercise=pl.lit(exercise),
        multiplier=pl.lit(100.0),
        is_standard=pl.lit(True),
        last=pl.lit(0.0),
        volume=pl.lit(0.0),
        open_interest=pl.lit(open_interest),
        vendor_delta=pl.lit(0.0),
        vendor_gamma=pl.lit(0.0),
    )


def without_quotes(chain: pl.DataFrame) -> pl.DataFrame:
    return chain.with_columns(bid=pl.lit(0.0), ask=pl.lit(0.0))


def marks(chain: pl.DataFrame, **changed: object) -> tuple[pl.DataFrame, SnapshotMark]:
    """`mark_snapshot` with the settings that these chains are made with."""
    from models.forwards import mark_snapshot

    settings: dict[str, object] = {
        "snapshot_ts": SNAPSHOT, "spot_last": 4000.0, "curve": CURVE, "default_carry_frac": 0.01,
    }  # fmt: skip
    return mark_snapshot(chain, **(settings | changed))  # type: ignore[arg-type]


def contracts_of(chain: pl.DataFrame) -> pl.DataFrame:
    """The chain as `build_surface` prices it."""
    from models.surface import build_surface

    forwards, mark = marks(chain)
    return build_surface(chain, forwards, mark, session_date=SESSION)[0]
