"""What must hold for the pages of every file, whatever is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from pipelines.sources.page import ChainPage


def reasons(pages: Sequence[ChainPage]) -> Counter[str]:
    return Counter(reason for page in pages for reason in page.rejected["reason"])


def check_accounts(pages: Sequence[ChainPage], rows_in: int) -> None:
    """No row is lost, none is counted twice, and no page holds a contract twice."""
    for page in pages:
        assert page.rows_in == page.rows.height + page.rejected.height + page.rows_duplicate
        assert page.rows["contract_id"].is_unique().all()
        assert (
            page.rows.select(pl.col("expiry_date", "strike", "option_type").is_not_null().all()).row(0) == (True,) * 3
        )
    assert sum(page.rows_in for page in pages) == rows_in
    places = [(page.underlying, page.quote_ts) for page in pages]
    assert places == sorted(set(places))
