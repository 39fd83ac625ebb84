"""Members of a made-up index, as its owner would list them."""

from __future__ import annotations

from datetime import date

FILE_NAME = "simulated_index_members.csv"
INDEX = "SIMX"
MEMBERS = {
    date(2024, 6, 14): ("AAPL", "AMZN", "NVDA", "TSLA"),
    date(2024, 6, 24): ("AAPL", "AMZN", "NVDA"),
}


def members_file() -> bytes:
    lines = [f"{INDEX},{day},{symbol}" for day, symbols in MEMBERS.items() for symbol in symbols]
    return ("\n".join(["index,effective_date,symbol", *lines]) + "\n").encode()
