"""The accounts of the exposures, where one dealer model knows no positions."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from pipelines.lake.gates import GateRefused, check_conservation
from pipelines.stages.exposures import accounts

AT = datetime(2026, 1, 14, 10, 10)
OPTIONS = pl.DataFrame({"snapshot_ts": [AT] * 3, "open_interest": [1.5, 2.0, None]})


def frames(status: str, *, lost: float = 0.0) -> dict[str, pl.DataFrame]:
    """Under one model all is counted, under the other what its status says."""
    is_known = status == "ok"
    shown = [2.0 - lost, 2.0 - lost][: 1 + is_known]
    return {
        "exposure_summary": pl.DataFrame(
            {
                "snapshot_ts": [AT, AT], "dealer_model": ["short_all", "taker_flow"], "scope": ["all", "all"],
                "scope_status": ["ok", status], "contracts_counted": [2, 2 * is_known],
                "contracts_not_counted": [1, 3 - 2 * is_known],
            }
        ),
        "strike_exposures": pl.DataFrame({"call_open_interest": shown, "put_open_interest": [1.5] * len(shown)}),
    }  # fmt: skip


@pytest.mark.parametrize("status", ["ok", "no_positions"])
def test_accounts_balance_with_and_without_positions(status: str):
    check_conservation(accounts(OPTIONS, frames(status)))


def test_open_interest_that_a_model_ought_to_show_is_missed():
    with pytest.raises(GateRefused, match="open_interest"):
        check_conservation(accounts(OPTIONS, frames("no_positions", lost=0.5)))
