"""Vendor pages as the canonical chain that models take; sessions are given, not found out here."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from models.conventions import SpotRule
from models.discount import zero_curve
from models.forwards import Curve
from pipelines.calendar import new_york_to_utc, us_sessions
from pipelines.markets import root_of, underlying_of
from pipelines.sources import cboe_delayed_json, cboe_quotedata_csv, treasury_par_csv
from pipelines.sources.page import NOTHING_DECLARED

SAMPLES = os.environ.get("DEALERFLOW_SAMPLES")
GOLDEN = os.environ.get("DEALERFLOW_GOLDEN")


@dataclass(frozen=True, slots=True)
class Page:
    """One page placed in market time; `chain` holds expired contracts too."""

    underlying: str
    snapshot_ts: datetime
    session_date: date
    underlying_last: float
    rows_in: int
    chain: pl.DataFrame

    @property
    def default_carry_frac(self) -> float:
        return underlying_of(self.underlying).default_carry_frac

    @property
    def has_smooth_carry(self) -> bool:
        return underlying_of(self.underlying).has_smooth_carry

    @property
    def spot_rule(self) -> SpotRule:
        return underlying_of(self.underlying).spot_rule


def read_page(path: Path, snapshot_ts: datetime, session_date: date) -> Page:
    data = path.read_bytes()
    source = cboe_delayed_json if path.suffix == ".json" else cboe_quotedata_csv
    (page,) = source.pages(data, NOTHING_DECLARED)
    return Page(
        page.underlying, snapshot_ts, session_date, page.underlying_last, page.rows_in, _with_declarations(page.rows)
    )


def find_sample(name: str) -> Path:
    assert SAMPLES is not None
    folder = "cboe_json" if name.endswith(".json") else "cboe_quotedata"
    return Path(SAMPLES) / folder / name


def read_curves() -> dict[date, Curve]:
    """Zero curves of the sample Treasury file by date."""
    assert SAMPLES is not None
    file = treasury_par_csv.parse(next(Path(SAMPLES, "treasury").glob("*.csv")).read_bytes())
    curves = {}
    for curve in file.curves:
        months = np.array(sorted(curve.percent_by_months))
        frame = zero_curve(months / 12, np.array([curve.percent_by_months[m] / 100 for m in months]))
        curves[curve.curve_date] = (frame["tenor_years"].to_numpy(), frame["zero_rate_frac"].to_numpy())
    return curves


def newest_curve(curves: dict[date, Curve], snapshot_ts: datetime) -> tuple[date, Curve]:
    """The newest curve published, at 18:00 New York on its date, when the snapshot was taken."""
    published = datetime.strptime("18:00", "%H:%M").time()
    known = max(day for day in curves if new_york_to_utc(day, published) <= snapshot_ts)
    return known, curves[known]


def read_golden(name: str) -> list[dict[str, str]]:
    assert GOLDEN is not None
    with Path(GOLDEN, name).open(newline="") as file:
        return list(csv.DictReader(file))


def _with_declarations(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with what roots and calendar say of them."""
    calendar = us_sessions()
    series = rows.select("root", "expiry_date").unique().sort("root", "expiry_date")
    declared = [root_of(root) for root in series["root"]]
    instants = [calendar.expiry_instant(d, r.settlement) for d, r in zip(series["expiry_date"], declared, strict=True)]
    series = series.with_columns(
        expiry_ts=pl.Series(instants, dtype=pl.Datetime("us")),
        settlement=pl.Series([root.settlement for root in declared]),
        exercise=pl.Series([root.exercise for root in declared]),
        multiplier=pl.Series([root.multiplier for root in declared]),
        is_standard=pl.Series([root.is_standard for root in declared]),
    )
    return rows.drop("multiplier").join(series, on=["root", "expiry_date"], how="left", maintain_order="left")
