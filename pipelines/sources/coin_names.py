"""Names of options on venues that settle in coins: `BTC-8FEB26-70000-C`, `XRP_USDC-30JUN23-0d625-C`.

A name without a pair is inverse: quoted and settled in the coin itself. One with `_USDC` or `_USDT` is linear. `d` is a
decimal point, in whatever case vendors write it. Combos (`BTC-CS-19MAY26-70000_75000`) are no options and do not match.
"""

from __future__ import annotations

import re

import polars as pl

from models.conventions import COIN_EXPIRY_HOUR
from pipelines import coins
from pipelines.coins import INVERSE

PATTERN = (
    r"^(?P<base>[A-Z0-9]{1,12})(?:_(?P<quote>USDC|USDT))?-(?P<day>[0-9]{1,2})(?P<month>[A-Z]{3})(?P<year>[0-9]{2})"
    r"-(?P<strike>[0-9]{1,12}(?:[dD.][0-9]{1,8})?)-(?P<type>[CP])$"
)
_MONTHS = {
    name: place
    for place, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}
# What such venues list beside options: futures, perpetuals, combinations and spot pairs.
NO_OPTION = r"^[A-Z0-9]{1,12}(?:_[A-Z]{3,5}$|(?:_[A-Z]{3,5})?-(?:PERPETUAL$|[0-9]{1,2}[A-Z]{3}[0-9]{2}$|[A-Z]{2,8}-))"


def name_parts(names: pl.Series) -> pl.DataFrame:
    """contract_id (as Deribit spells it), underlying, root, expiry_date, expiry_ts, strike, option_type and is_inverse
    of each name, in order; all null where a name is that of no option or no date."""
    distinct = pl.DataFrame({"name": names.unique(maintain_order=True)})
    found = distinct.select("name", parts=pl.col("name").str.strip_chars().str.extract_groups(PATTERN)).unnest("parts")
    month = pl.col("month").replace_strict(_MONTHS, default=None, return_dtype=pl.Int8)
    text = pl.col("strike").str.replace("[dD]", ".")
    read = found.with_columns(
        expiry_date=pl.date(pl.col("year").cast(pl.Int32) + 2000, month, 1)
        .dt.offset_by(pl.col("day").cast(pl.Int32).sub(1).cast(pl.String) + "d"),
        month_number=month,
        strike_number=text.cast(pl.Float64),
        root=pl.concat_str("base", pl.col("quote"), separator="_", ignore_nulls=True),
    )  # fmt: skip
    is_date = (pl.col("expiry_date").dt.month() == pl.col("month_number")) & (pl.col("strike_number") > 0)
    takes_pair = pl.col("quote").is_not_null() & (pl.col("base").is_in(INVERSE) | (pl.col("quote") == "USDT"))
    told = {
        "contract_id": pl.concat_str(
            "root",
            pl.col("day").cast(pl.Int32).cast(pl.String) + pl.col("month") + pl.col("year"),
            text.str.replace(r"^0+([0-9])", "${1}")
            .str.replace(r"\.0*$|(\.[0-9]*?)0+$", "${1}")
            .str.replace(".", "d", literal=True),
            "type",
            separator="-",
        ),
        "underlying": pl.when(takes_pair).then("root").otherwise("base"),
        "root": pl.col("root"),
        "expiry_date": pl.col("expiry_date"),
        "expiry_ts": pl.col("expiry_date").cast(pl.Datetime("us")) + pl.duration(hours=COIN_EXPIRY_HOUR),
        "strike": pl.col("strike_number"),
        "option_type": pl.when(pl.col("type") == "C").then(pl.lit("call")).otherwise(pl.lit("put")),
        "is_inverse": pl.col("quote").is_null(),
    }
    parts = read.select("name", **{name: pl.when(is_date).then(value) for name, value in told.items()})
    return pl.DataFrame({"name": names}).join(parts, on="name", how="left", maintain_order="left").drop("name")


def indices_of(roots: pl.Series) -> pl.Series:
    """The names of the indices on which options of the roots settle: btc_usd, sol_usdc; null of a null."""
    names = {root: coins.index_of(root) for root in roots.unique().drop_nulls()}
    return roots.replace_strict(names, default=None, return_dtype=pl.String)


def underlying_of_index(index: str) -> str | None:
    """BTC for btc_usd, BTC_USDC for btc_usdc, SOL for sol_usdc; None where an index is that of no options of ours."""
    named = re.fullmatch(r"([A-Z0-9]{1,12})_(USD[CT]?)", index[:20].upper(), re.ASCII)
    if named is None:
        return None
    base, quote = named.groups()
    if quote == "USD":
        return base if base in INVERSE else None  # other coins' options settle on the index in USDC
    return f"{base}_{quote}" if quote == "USDT" or base in INVERSE else base
