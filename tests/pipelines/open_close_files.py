"""Open-close files in Cboe's layout, made of a few series."""

from __future__ import annotations

from collections.abc import Iterable

CONTRACT = (
    "quote_date", "underlying_symbol", "option_symbol", "security_type", "expiration_date", "strike_price",
    "call_put_flag", "series_type",
)  # fmt: skip
STATED = ("open", "high", "low", "close", "total_exchange_vol", "total_industry_vol", "open_interest")
VOLUMES = (
    *(f"{who}_{what}_vol" for who in ("firm", "bd") for what in ("open_buy", "close_buy", "open_sell", "close_sell")),
    "mm_buy_vol", "mm_sell_vol",
    *(
        f"{who}_{size}_{what}_vol"
        for who in ("cust", "procust")
        for size in ("lt_100", "100_199", "gt_199")
        for what in ("open_buy", "close_buy", "open_sell", "close_sell")
    ),
)  # fmt: skip
HEADER = (*CONTRACT, *STATED, *VOLUMES)


def series(**said: object) -> dict[str, str]:
    """A row: a call of XMPL without any volume, but for what is said."""
    row = dict.fromkeys(HEADER, "0") | {
        "quote_date": "2024-06-17", "underlying_symbol": "XMPL", "option_symbol": "XMPL", "security_type": "2",
        "expiration_date": "2024-07-19", "strike_price": "100.000", "call_put_flag": "C", "series_type": "S",
    }  # fmt: skip
    return row | {name: str(value) for name, value in said.items()}


def filled(buy: int, sell: int, **said: object) -> dict[str, str]:
    """Customers are on the other side of what market makers buy and sell, and open positions by it."""
    return series(
        mm_buy_vol=buy, mm_sell_vol=sell, cust_lt_100_open_sell_vol=buy, cust_gt_199_open_buy_vol=sell,
        total_exchange_vol=buy + sell, total_industry_vol=buy + sell, **said,
    )  # fmt: skip


def written(rows: Iterable[dict[str, str]], columns: Iterable[str] = HEADER, end: str = "\n") -> bytes:
    names = list(columns)
    lines = [",".join(names), *(",".join(row[name] for name in names) for row in rows)]
    return (end.join(lines) + end).encode()
