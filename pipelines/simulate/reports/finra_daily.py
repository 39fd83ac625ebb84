"""FINRA's daily short volume files, and those of the exchanges BX and PSX."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

_ALL, _NO_CHICAGO, _CARTERET = "B,Q,N", "Q,N", "Q"
# What a facility's file has of the consolidated one; the rest was reported to a third.
SHARE_OF = {"FNSQ": ("Q", 0.88), "FNYX": ("N", 0.08)}
EXCHANGE_SHARE = {"NQBX": ("B", 0.012), "NPSX": ("X", 0.006)}  # of all shares of the day


def file_name(facility: str, day: date) -> str:
    return f"simulated_{facility}shvol{day:%Y%m%d}.txt"


def consolidated(day: date, shares: pl.DataFrame) -> bytes:
    """`shares` of the day, as `traded_shares` gives them."""
    markets = [_ALL if total > 5_000 else _NO_CHICAGO if total > 1_000 else _CARTERET for total in shares["total"]]
    return _file(day, shares, markets)


def of_facility(facility: str, day: date, shares: pl.DataFrame) -> bytes:
    code, share = SHARE_OF[facility]
    part = shares.with_columns((pl.col("total", "short", "exempt") * share).floor()).filter(pl.col("total") > 0.0)
    return _file(day, part, [code] * part.height)


def of_exchange(exchange: str, day: date, shares: pl.DataFrame) -> bytes:
    """No exempt volume, no count at the end, an empty last line."""
    code, share = EXCHANGE_SHARE[exchange]
    lines = ["DATE|SYMBOL|SHORT VOLUME|TOTAL VOLUME|MARKET"]
    for row in shares.iter_rows(named=True):
        total = np.floor(share * row["all_shares"])
        short = np.floor(0.9 * row["short"] / row["total"] * total)
        if total:
            lines.append(f"{day:%Y%m%d}|{row['symbol']}|{_shares(short)}|{_shares(total)}|{code}")
    return ("\n".join(lines) + "\n\n").encode()


def _file(day: date, shares: pl.DataFrame, markets: list[str]) -> bytes:
    lines = ["Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"]
    for (symbol, *counts), market in zip(
        shares.select("symbol", "short", "exempt", "total").iter_rows(), markets, strict=True
    ):
        lines.append("|".join([f"{day:%Y%m%d}", symbol, *map(_shares, counts), market]))
    return ("\r\n".join([*lines, str(len(lines) - 1)]) + "\r\n").encode()


def _shares(count: float) -> str:
    return str(int(count)) if count == int(count) else f"{count:.6f}"
