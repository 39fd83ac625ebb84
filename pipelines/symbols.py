"""One key for a security whatever a vendor calls it: BRK/B, BRK.B and BRKB are BRKB.

The case is kept: FINRA marks preferred shares by a small p, and CPK, a common share, is not CpK, a preferred one
(four such pairs among 9,300 symbols of a day).
"""

from __future__ import annotations

import re

import polars as pl

SYMBOL = r"^[A-Za-z0-9][A-Za-z0-9./ *$+=^-]{0,19}$"  # as regulators and clearing houses spell securities
_SEPARATORS = r"[^0-9A-Za-z]"


def symbol_key(spelling: str) -> str:
    """The letters and digits of a symbol."""
    return re.sub(_SEPARATORS, "", spelling)


def symbol_keys(column: str) -> pl.Expr:
    """The same of a column of spellings; null where nothing is left."""
    key = pl.col(column).str.replace_all(_SEPARATORS, "")
    return pl.when(key != "").then(key)
