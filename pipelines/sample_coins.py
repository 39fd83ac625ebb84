"""What `sample --truth` says of the simulated coins: each dealer model against what dealers really hold."""

from __future__ import annotations

import polars as pl
from rich.table import Table

from pipelines.simulate.coins.truth import planted, summarise

COIN_COLUMNS = "contract_id, dealer_model, bucket_ts, inventory_quantity"
_LEFT = {"underlying", "dealer model", "history", "violation"}
_EXPLAINED = "taker_flow"  # the model whose error the planted violations are said to be


def coin_truth_table(compared: pl.DataFrame) -> Table:
    """`compared` as the coins' `truth.compare` gives it. A state is a contract at the end of a 10-minute bucket."""
    table = comparison_table(
        "Coin models against the dealers' true inventory (in coins, at the end of each 10-minute bucket)",
        ("underlying", "dealer model", "states", "exact", "as planted", "right side", "mean error", "mean position"),
    )
    for row in summarise(compared).iter_rows(named=True):
        is_explained = row["dealer_model"] == _EXPLAINED
        table.add_row(
            row["underlying"], row["dealer_model"], f"{row['rows']:,}", percent(row["exact"] / row["rows"]),
            percent(row["as_planted"] / row["rows"]) if is_explained else "", percent(row["right_side_share_frac"]),
            f"{row['mean_absolute_error_coins']:,.0f}", f"{row['mean_absolute_truth_coins']:,.0f}",
        )  # fmt: skip
    return table


def planted_table(compared: pl.DataFrame) -> Table:
    headings = ("underlying", "violation", "states", "mean effect")
    table = comparison_table(f"What was planted against {_EXPLAINED}", headings)
    for row in planted(compared).iter_rows(named=True):
        words = row["violation"].replace("_", " ")
        table.add_row(row["underlying"], words, f"{row['rows']:,}", f"{row['mean_absolute_coins']:,.0f}")
    return table


def comparison_table(title: str, headings: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left", title_style="")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in _LEFT else "right")
    return table


def percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"
