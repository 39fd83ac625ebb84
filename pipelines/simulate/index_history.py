"""Daily bars of an index in the layout of Cboe's history files."""

from __future__ import annotations

from pipelines.simulate.history import History


def file_name(symbol: str) -> str:
    return f"simulated_{symbol}_History.csv"


def index_history(history: History) -> bytes:
    """Oldest day first, six decimals. The file does not say which index it is, as the vendor's does not."""
    lines = ["DATE,OPEN,HIGH,LOW,CLOSE"]
    for day, session in sorted(history.sessions.items()):
        spots = session.path.spots
        bar = (spots[0], spots.max(), spots.min(), spots[-1])
        lines.append(",".join([f"{day:%m/%d/%Y}", *(f"{price:.6f}" for price in bar)]))
    return ("\n".join(lines) + "\n").encode()
